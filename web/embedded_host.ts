// The runtime's surroundings where nothing can be fetched: the module is in this file.
import factory from '../dist/thimble.mjs';
import wasmBinary from '../dist/thimble.wasm';
import { ThimbleError } from './errors.ts';
import type { Host } from './runtime.ts';

export const embeddedHost: Host = {
  async createModule(wasm) {
    try {
      if (typeof wasm === 'string') return await factory({ locateFile: () => wasm });
      return await factory({ wasmBinary: wasm ? new Uint8Array(wasm) : wasmBinary });
    } catch (error) {
      throw new ThimbleError('network', `The WASM module cannot be made: ${(error as Error).message}. Check that the page allows 'wasm-unsafe-eval'.`, error);
    }
  },
};
