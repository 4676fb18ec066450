// Builds what npm users get, in dist/, where every file lies beside the others:
//   index.js    a page's entry; starts worker.js         inline.js   the whole runtime in one script, the module included
//   worker.js   runtime and glue; dates.js is loaded     node.js     the same for Node, with the module as a file
//               with the first tool that needs it        cli.js      the command, over node.js
// with types/, the declarations, and checks the size of what a page loads.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { minify } from 'terser';
import ts from 'typescript';
import { distDir, listTree, rootDir } from '../tests/run/files.ts';

const budgets = { 'index.js': 8 * 1024, 'worker.js': 25 * 1024 };  // brotli bytes

/** What is referred to by URL lies beside the script in dist/, and is no TypeScript there. */
const besideEachOther: Plugin = {
  name: 'beside-each-other',
  setup({ onLoad }) {
    onLoad({ filter: /\/(js|web)\/.*\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8').replace(/new URL\('([^']+)', import\.meta\.url\)/g,
        (_, target: string) => `new URL('./${basename(target).replace(/\.ts$/, '.js')}', import.meta.url)`),
    }));
  },
};

/** Where the module is in the script, nothing refers to its file: bundlers would copy it. */
const noModuleFile: Plugin = {
  name: 'no-module-file',
  setup({ onLoad }) {
    onLoad({ filter: /\/dist\/thimble\.mjs$/ }, ({ path }) => {
      const glue = readFileSync(path, 'utf8'), reference = 'new URL("thimble.wasm",import.meta.url)';
      if (!glue.includes(reference)) throw new Error(`dist/thimble.mjs has no ${reference}`);
      return { contents: glue.replaceAll(reference, '"thimble.wasm"') };
    });
  },
};

/** The validator takes the worker's address for the base of its schemas, and fails where a worker has begun as a Blob. */
const noBaseAddress: Plugin = {
  name: 'no-base-address',
  setup({ onLoad }) {
    onLoad({ filter: /@cfworker\/json-schema\/dist\/esm\/dereference\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8'), test = "self.location.origin !== 'null'";
      if (!text.includes(test)) throw new Error(`${path} has no ${test}`);
      return { contents: text.replace(test, 'false') };
    });
  },
};

/** The command uses Thimble as anybody else in Node. */
const overNode: Plugin = {
  name: 'over-node',
  setup({ onResolve }) { onResolve({ filter: /^\.\.\/node\.ts$/ }, () => ({ path: './node.js', external: true })); },
};

/** The agent is made for pages only, as index.js is. */
const overIndex: Plugin = {
  name: 'over-index',
  setup({ onResolve }) { onResolve({ filter: /^\.\/(index|errors)\.ts$/ }, () => ({ path: './index.js', external: true })); },
};

/** The adapters' errors are those of whichever entry of the package is in use. */
const overPackage: Plugin = {
  name: 'over-package',
  setup({ onResolve }) { onResolve({ filter: /^\.\.\/errors\.ts$/ }, () => ({ path: 'thimble', external: true })); },
};

const adapters = ['ai_sdk', 'openai', 'mcp', 'prompt_api'];

/** `entry` as what others can load, minified, in `outdir` (default: dist). */
export async function bundle(entry: string, options: BuildOptions = {}): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [join(rootDir, entry)], outdir: distDir, bundle: true, format: 'esm', target: 'es2022', minify: true, metafile: true,
    legalComments: 'none', logLevel: 'warning', absWorkingDir: rootDir, ...options,
    plugins: [besideEachOther, noBaseAddress, ...(options.plugins ?? [])],
  });
  return metafile!;
}

/** What esbuild wrote, smaller: terser makes 6 % less of the worker. */
async function shrink(name: string): Promise<void> {
  const path = join(distDir, name);
  const { code } = await minify(readFileSync(path, 'utf8'), { module: true, ecma: 2020, compress: { passes: 2 }, format: { comments: false } });
  writeFileSync(path, code!);
}

/** The declarations that the entries lead to, with the names that their JavaScript has. */
function writeTypes(): void {
  const { config } = ts.readConfigFile(join(rootDir, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, rootDir);
  const names = ['index', 'inline', 'node', 'webmcp', ...adapters.map((name) => `adapters/${name}`)];
  const entries = names.map((name) => join(rootDir, `js/${name}.ts`));
  const program = ts.createProgram([...entries, join(rootDir, 'web/thimble.d.ts')], {
    ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: join(distDir, 'types'), rootDir,
  });
  const written = new Map<string, string>();
  const { diagnostics } = program.emit(undefined, (path, text) => written.set(path, text));
  const errors = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (errors.length > 0) throw new Error(ts.formatDiagnostics(errors, ts.createCompilerHost(options)));
  const reached = new Set(names.map((name) => join(distDir, `types/js/${name}.d.ts`)));
  for (const path of reached) {
    const text = written.get(path);
    if (text === undefined) throw new Error(`no declarations were made for ${path}`);
    for (const [, target] of text.matchAll(relativeImport)) reached.add(join(dirname(path), `${target}.d.ts`));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replace(relativeImport, "'$1.js'"));
  }
}

const relativeImport = /'(\.{1,2}\/[^']+)\.ts'/g;

/** The licences of what is in the scripts and in the module. */
function writeLicences(metafiles: Metafile[]): void {
  const inputs = new Set(metafiles.flatMap(({ inputs }) => Object.keys(inputs)));
  const packages = new Set([...inputs].flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const texts = [...packages].sort().map((name) => `---- ${name} ----\n\n${licenceOf(join(rootDir, 'node_modules', name))}\n`);
  const module = readFileSync(join(rootDir, 'scripts/module_licences.txt'), 'utf8');
  writeFileSync(join(distDir, 'LICENSES.txt'), ['The scripts contain parts of:\n', ...texts, module].join('\n'));
}

function licenceOf(folder: string): string {
  const file = listTree(folder).find((name) => /^licen[cs]e(\.\w+)?$/i.test(name));
  if (file) return readFileSync(join(folder, file), 'utf8').trim();
  const { license, author, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  if (license !== 'MIT') throw new Error(`${folder} has no licence text`);
  return `Copyright (c) ${typeof author === 'string' ? author : JSON.stringify(repository)}. MIT licence (below).`;
}

/** Every file that a script refers to is there. */
function checkReferences(): void {
  for (const script of listTree(distDir).filter((name) => /^[^/]+\.js$/.test(name))) {
    const text = readFileSync(join(distDir, script), 'utf8');
    for (const [, target] of text.matchAll(/(?:new URL\(|import\(|from\s*)["'](?:\.\/)?([\w.-]+\.(?:js|wasm|san|json|mjs))["']/g)) {
      if (!existsSync(join(distDir, target!))) throw new Error(`dist/${script} refers to ${target}, which is not there`);
    }
    if (/\beval\(|new Function\(/.test(text)) throw new Error(`dist/${script} evaluates text`);
  }
}

function checkSizes(): void {
  const over: string[] = [];
  for (const [name, budget] of Object.entries(budgets)) {
    const bytes = readFileSync(join(distDir, name)), brotli = brotliCompressSync(bytes).length;
    console.log(`dist/${name}: ${bytes.length} bytes, brotli ${brotli} of at most ${budget}`);
    if (brotli > budget) over.push(name);
  }
  if (over.length > 0) throw new Error(`over the size budget (scripts/build_package.ts): ${over.join(', ')}`);
}

/** Needs the module and the manifest in dist/. */
export async function buildPackage(): Promise<void> {
  for (const old of listTree(distDir).filter((name) => /^[^/]+\.js$|^(types|adapters)\//.test(name))) rmSync(join(distDir, old));
  copyFileSync(join(rootDir, 'model/thimble.san'), join(distDir, 'thimble.san'));
  const metafiles = [
    await bundle('js/index.ts'),
    await bundle('web/worker.ts', { splitting: true, chunkNames: '[name]' }),
    await bundle('js/inline.ts', { loader: { '.wasm': 'binary' }, plugins: [noModuleFile] }),
    await bundle('js/node.ts', { platform: 'node', target: 'node20' }),
    await bundle('js/cli/main.ts', { platform: 'node', target: 'node20', entryNames: 'cli', plugins: [overNode] }),
    await bundle('js/webmcp.ts', { plugins: [overIndex] }),
    ...await Promise.all(adapters.map((name) => bundle(`js/adapters/${name}.ts`, { outdir: join(distDir, 'adapters'), packages: 'external', plugins: [overPackage] }))),
  ];
  for (const name of Object.keys(budgets)) await shrink(name);
  writeTypes();
  writeLicences(metafiles);
  checkReferences();
  checkSizes();
}
