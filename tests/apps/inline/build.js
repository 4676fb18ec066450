// For a bundler that knows no modules in its output: one classic script, and the model where the page says.
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

await build({
  entryPoints: [path('main.js')], outdir: path('../out/inline'), bundle: true, format: 'iife', minify: true, alias: { thimble: 'thimble/inline' },
  logOverride: { 'empty-import-meta': 'silent' },
});
await copyFile(fileURLToPath(import.meta.resolve('thimble/thimble.san')), path('../out/inline/home.san'));
