// Writes what the loader checks a model file against: name, version, length, SHA-256 of each chunk (web/weights/manifest.ts).
import { readFileSync, writeFileSync } from 'node:fs';
import { distDir, rootDir } from '../tests/run/files.ts';
import { makeManifest } from '../web/weights/manifest.ts';

/** dist/thimble.san.json, for model/thimble.san; the version is the package's. */
export async function buildManifest(): Promise<void> {
  const { version } = JSON.parse(readFileSync(`${rootDir}/package.json`, 'utf8')) as { version: string };
  const file = new Uint8Array(readFileSync(`${rootDir}/model/thimble.san`));
  writeFileSync(`${distDir}/thimble.san.json`, JSON.stringify(await makeManifest('thimble', version, file)));
}
