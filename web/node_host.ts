// The runtime's surroundings in Node: the module is a file of the package.
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import factory from '../dist/thimble.mjs';
import { ThimbleError } from './errors.ts';
import type { LoadParams } from './protocol.ts';
import type { Host } from './runtime.ts';

/** A file as a model. Throws ThimbleError `bad_input`. */
export async function openModel(path: string | URL): Promise<Blob> {
  try {
    return await openAsBlob(path instanceof URL ? fileURLToPath(path) : path);
  } catch (error) {
    throw new ThimbleError('bad_input', `The model ${path} cannot be opened; check its path.`, error);
  }
}

export const nodeHost: Host = {
  async createModule(wasm) {
    try {
      return await factory({ wasmBinary: await moduleBytes(wasm) });
    } catch (error) {
      throw new ThimbleError('network', `The WASM module cannot be loaded: ${(error as Error).message}. Check the installation.`, error);
    }
  },
};

async function moduleBytes(wasm: LoadParams['wasm']): Promise<Uint8Array> {
  if (wasm instanceof ArrayBuffer) return new Uint8Array(wasm);
  const url = wasm === undefined ? new URL('../dist/thimble.wasm', import.meta.url) : new URL(wasm);
  return url.protocol === 'file:' ? readFile(url) : new Uint8Array(await (await fetch(url)).arrayBuffer());
}
