// Builds the browser extension of demo/extension in dist/extension, to be loaded unpacked. Needs the module and the manifest in dist/.
import { cpSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { distDir, rootDir } from '../tests/run/files.ts';
import { buildModule } from './build_module.ts';
import { bundle } from './build_package.ts';
import { buildManifest } from './manifest.ts';

export const extensionDir = `${distDir}/extension`;

export async function buildExtension(): Promise<void> {
  const source = `${rootDir}/demo/extension`;
  rmSync(extensionDir, { recursive: true, force: true });
  mkdirSync(extensionDir, { recursive: true });
  await Promise.all([
    ...['popup', 'offscreen'].map((name) => bundle(`demo/extension/${name}.ts`, { outdir: extensionDir })),
    bundle('demo/extension/page.ts', { outdir: extensionDir, format: 'iife' }),
    bundle('web/worker.ts', { outdir: extensionDir, splitting: true, chunkNames: '[name]' }),
  ]);
  for (const name of ['popup.html', 'offscreen.html', 'icon128.png']) copyFileSync(`${source}/${name}`, `${extensionDir}/${name}`);
  cpSync(`${distDir}/thimble.wasm`, `${extensionDir}/thimble.wasm`);
  cpSync(`${rootDir}/model/thimble.san`, `${extensionDir}/thimble.san`);
  const { version } = JSON.parse(readFileSync(`${rootDir}/package.json`, 'utf8')) as { version: string };
  const manifest = JSON.parse(readFileSync(`${source}/manifest.json`, 'utf8')) as object;
  writeFileSync(`${extensionDir}/manifest.json`, JSON.stringify({ ...manifest, version }, null, 2));
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  await buildModule();
  await buildManifest();
  await buildExtension();
  console.log('dist/extension: load it unpacked on chrome://extensions, with developer mode on');
}
