// Sample apps over the packed package, built as their authors would: each loads the model that came with it, and answers.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { launchChromium, withPage, type Routes } from '../run/browser.ts';
import { appsDir, installedDir } from './install.ts';

const answer = 'living room at 30; call mom at 2026-11-29T06:30:00+00:00';

/** Runs a command of the project; its output. */
async function inApps(...[command, ...args]: [string, ...string[]]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: appsDir, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' } });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

async function assertAnswers(page: Page): Promise<void> {
  await page.waitForFunction(() => !['', 'waiting', 'test'].includes(document.title), undefined, { timeout: 60_000 });
  assert.equal(await page.title(), answer);
}

/** Opens `path` of the routes and asserts the answer, and that no other origin was asked for anything. */
async function assertPageAnswers(routes: Routes, path: string): Promise<void> {
  await withPage(routes, async (page) => {
    const own = new URL(page.url()).port;
    const foreign: string[] = [];
    page.context().on('request', (request) => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).port !== own) foreign.push(request.url()); });
    await page.goto(new URL(path, page.url()).href);
    await assertAnswers(page);
    assert.deepEqual(foreign, []);
  });
}

const folder = (path: string): Routes => ({ '/app/': { file: join(appsDir, path) } });

test('Vite, with nothing configured for Thimble', async () => {
  await inApps('npx', 'vite', 'build', 'vite');
  await assertPageAnswers(folder('out/vite'), '/app/index.html');
});

test('webpack 5, with nothing configured for Thimble', async () => {
  await inApps('node', 'webpack/build.js');
  cpSync(join(appsDir, 'webpack/index.html'), join(appsDir, 'out/webpack/index.html'));
  await assertPageAnswers(folder('out/webpack'), '/app/index.html');
});

test('esbuild, with the files of the package copied beside the bundle', async () => {
  await inApps('node', 'esbuild/build.js');
  cpSync(join(appsDir, 'esbuild/index.html'), join(appsDir, 'out/esbuild/index.html'));
  await assertPageAnswers(folder('out/esbuild'), '/app/index.html');
});

test('the inline entry in one classic script, where workers are forbidden', async () => {
  await inApps('node', 'inline/build.js');
  cpSync(join(appsDir, 'inline/index.html'), join(appsDir, 'out/inline/index.html'));
  await assertPageAnswers(folder('out/inline'), '/app/index.html');
});

test('Next, rendered on the server first', async () => {
  await inApps('npx', 'next', 'build', 'next');
  const out = join(appsDir, 'out/next');
  await assertPageAnswers({ '/_next/': { file: join(out, '_next') }, '/index.html': { file: join(out, 'index.html') } }, '/index.html');
});

const unbundled: Routes = {
  '/node_modules/thimble/': { file: installedDir }, '/script/': { file: join(appsDir, 'script') }, '/app.js': { file: join(appsDir, 'app.js') },
};
test('a plain module script, without a bundler', () => assertPageAnswers(unbundled, '/script/index.html'));
test('a plain module script, with the package on another origin', () => assertPageAnswers(unbundled, '/script/other_origin.html'));

test('an extension page (Manifest V3)', async () => {
  await inApps('node', 'esbuild/build.js');
  const extension = join(appsDir, 'out/extension');
  cpSync(join(appsDir, 'out/esbuild'), extension, { recursive: true });
  cpSync(join(appsDir, 'extension'), extension, { recursive: true });
  const profile = await mkdtemp(join(tmpdir(), 'thimble-extension-'));
  const context = await launchChromium(profile, { args: [`--load-extension=${extension}`], ignoreDefaultArgs: ['--disable-extensions'] });
  try {
    const page = await context.newPage();
    await page.goto(`chrome-extension://${extensionId(extension)}/page.html`);
    await assertAnswers(page);
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
});

/** Chromium's name for an unpacked extension: the first half of its path's SHA-256, with a to p as digits. */
function extensionId(path: string): string {
  const digits = createHash('sha256').update(path).digest('hex').slice(0, 32);
  return [...digits].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join('');
}

test('Node', async () => {
  assert.equal((await inApps('node', 'node/main.js')).trim(), answer);
});

test('Vite serves the package unbundled while an app is written', async () => {
  const { createServer } = await import('vite');
  const server = await createServer({ root: join(appsDir, 'vite'), configFile: join(appsDir, 'vite/vite.config.js'), server: { port: 0, host: '127.0.0.1' }, logLevel: 'error' });
  try {
    await server.listen();
    await withPage({}, async (page) => {
      await page.goto(server.resolvedUrls!.local[0]!);
      await assertAnswers(page);
    });
  } finally {
    await server.close();
  }
});
