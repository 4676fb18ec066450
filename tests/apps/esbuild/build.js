// esbuild does not follow new URL(): what the bundle refers to is copied beside it.
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

await build({ entryPoints: [path('main.js')], outdir: path('../out/esbuild'), bundle: true, format: 'esm', minify: true });
for (const name of ['worker.js', 'dates.js', 'thimble.wasm', 'thimble.san']) {
  await copyFile(fileURLToPath(import.meta.resolve(`thimble/${name}`)), path(`../out/esbuild/${name}`));
}
