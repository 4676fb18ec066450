// The module that ships (dist/), in Node.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ThimbleModule } from '../../web/engine.ts';
import { distDir } from './files.ts';

/** A fresh instance, with a memory of its own. */
export async function loadModule(): Promise<ThimbleModule> {
  const { default: factory } = await import(pathToFileURL(`${distDir}/thimble.mjs`).href);
  return factory({ wasmBinary: readFileSync(`${distDir}/thimble.wasm`) });
}
