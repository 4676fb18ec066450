// What is in the packed package, and whether tools and runtimes can resolve and import it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { listTree, rootDir } from '../run/files.ts';
import { appsDir, installedDir } from './install.ts';

interface Finished { code: number; output: string }

async function inApps(command: string, ...args: string[]): Promise<Finished> {
  const done = promisify(execFile)(command, args, { cwd: appsDir, env: { ...process.env, FORCE_COLOR: '0' } });
  return done.then(({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, output: stdout + stderr }));
}

async function passes(command: string, ...args: string[]): Promise<string> {
  const { code, output } = await inApps(command, ...args);
  assert.equal(code, 0, output);
  return output;
}

test('the package holds what is used, and nothing else', () => {
  const files = listTree(installedDir);
  assert.deepEqual(files.filter((name) => !name.startsWith('dist/types/')), [
    'LICENSE', 'README.md', 'dist/LICENSES.txt', 'dist/adapters/ai_sdk.js', 'dist/adapters/mcp.js', 'dist/adapters/openai.js', 'dist/adapters/prompt_api.js',
    'dist/cli.js', 'dist/dates.js', 'dist/index.js', 'dist/inline.js', 'dist/node.js',
    'dist/thimble.san', 'dist/thimble.san.json', 'dist/thimble.wasm', 'dist/webmcp.js', 'dist/worker.js', 'model/MODEL_CARD.md', 'package.json',
  ]);
  assert.ok(files.filter((name) => name.startsWith('dist/types/')).every((name) => name.endsWith('.d.ts')));
  const { dependencies, scripts } = JSON.parse(readFileSync(join(installedDir, 'package.json'), 'utf8')) as { dependencies?: object; scripts: Record<string, string> };
  assert.equal(dependencies, undefined);
  assert.deepEqual(['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts), []);
  assert.ok(readFileSync(join(installedDir, 'dist/thimble.san')).equals(readFileSync(`${rootDir}/model/thimble.san`)));
});

test('no script evaluates text or reports anywhere', () => {
  for (const name of listTree(installedDir).filter((file) => /^dist\/[^/]+\.js$/.test(file))) {
    const text = readFileSync(join(installedDir, name), 'utf8');
    assert.doesNotMatch(text, /\beval\(|\bnew Function\b|\bFunction\(|sendBeacon|WebSocket|XMLHttpRequest\(\).*POST/, name);
  }
});

test('every export is there', async () => {
  const { exports } = JSON.parse(readFileSync(join(installedDir, 'package.json'), 'utf8')) as { exports: object };
  const targets = JSON.stringify(exports).match(/(?<=")\.\/[^"]+\.\w+(?=")/g)!;
  assert.ok(targets.length > 10);
  for (const target of targets.filter((path) => !Object.hasOwn(exports, path))) assert.ok(existsSync(join(installedDir, target)), target);
  for (const name of ['worker.js', 'dates.js', 'thimble.wasm', 'thimble.san', 'thimble.san.json', 'package.json']) {
    await passes('node', '--input-type=module', '-e', `import.meta.resolve('thimble/${name}')`);
  }
});

test('publint finds nothing', async () => {
  assert.match(await passes('npx', 'publint', 'run', 'node_modules/thimble', '--strict'), /All good/);
});

test('arethetypeswrong finds nothing, for a package of ES modules', async () => {
  const assets = ['worker.js', 'dates.js', 'thimble.wasm', 'thimble.san', 'thimble.san.json', 'package.json'];
  await passes('npx', 'attw', '--pack', 'node_modules/thimble', '--profile', 'esm-only', '--format', 'ascii', '--exclude-entrypoints', ...assets);
});

test('a server may import every entry: as Node, and as what a browser gets', async () => {
  const names = "console.log(['ThimbleError', 'Thimble'].map((name) => typeof exports[name]).join())";
  for (const conditions of [[], ['--conditions=browser']]) {
    for (const entry of ['thimble', 'thimble/inline']) {
      const output = await passes('node', ...conditions, '--input-type=module', '-e', `const exports = await import('${entry}'); ${names}`);
      assert.equal(output, 'function,function\n');
    }
  }
});

test('adapters come without what they adapt to, and their errors are those of the package', async () => {
  const code = `
    const names = { 'ai-sdk': 'languageModel', openai: 'openai', 'prompt-api': 'promptApi', webmcp: 'webmcpAgent' };
    for (const [entry, name] of Object.entries(names)) if (typeof (await import('thimble/' + entry))[name] !== 'function') throw new Error(entry);
    const [{ openai }, { ThimbleError }] = await Promise.all([import('thimble/openai'), import('thimble')]);
    const error = await openai({}).chat.completions.create({ messages: [], n: 2 }).catch((caught) => caught);
    console.log(error instanceof ThimbleError, error.code);`;
  for (const conditions of [[], ['--conditions=browser']]) {
    assert.equal(await passes('node', ...conditions, '--input-type=module', '-e', code), 'true bad_input\n');
  }
});

test('the types of a tool are inferred by whoever installs the package', async () => {
  const consumer = `
    import { Thimble, ThimbleError, type Outcome } from 'thimble';
    import { Thimble as Inline } from 'thimble/inline';
    const thimble = await Thimble.load({ model: new Blob([]), onProgress: ({ phase, loaded }) => console.log(phase, loaded) });
    const { names } = await thimble.registerTool({
      name: 'set_light',
      inputSchema: { type: 'object', required: ['room'], properties: { room: { enum: ['kitchen', 'bedroom'] }, level: { type: 'integer' } } },
      execute: ({ room, level }) => { const a: 'kitchen' | 'bedroom' = room; const b: number | undefined = level; return [a, b]; },
    });
    const outcome: Outcome = await thimble.call(names.join(), { signal: AbortSignal.timeout(5) });
    if (outcome.type === 'call') console.log(outcome.calls[0]?.arguments);
    // @ts-expect-error: the schema says that room is a text
    await thimble.registerTool({ name: 'a', inputSchema: { type: 'object', required: ['room'], properties: { room: { type: 'string' } } }, execute: ({ room }) => room * 2 });
    const other: Thimble = await Inline.load();
    other.dispose();
    export const code: ThimbleError['code'] = 'crashed';
  `;
  const folder = join(appsDir, 'consumer');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'main.ts'), consumer);
  const tsc = `${rootDir}/node_modules/typescript/bin/tsc`;
  for (const resolution of [{ module: 'esnext', moduleResolution: 'bundler' }, { module: 'nodenext' }]) {
    const compilerOptions = { noEmit: true, strict: true, target: 'es2022', lib: ['es2023', 'dom', 'dom.iterable'], types: [], ...resolution };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
    await passes('node', tsc, '-p', folder);
  }
});

test('the command is installed with the package', async () => {
  assert.match(await passes('npx', 'thimble', '--help'), /^Usage: thimble/);
});
