// The runtime's surroundings in a browser: the module lies beside its glue, wherever a bundler puts it.
import factory from '../dist/thimble.mjs';
import { ThimbleError } from './errors.ts';
import type { Host } from './runtime.ts';

export const browserHost: Host = {
  async createModule(wasm) {
    try {
      if (wasm instanceof ArrayBuffer) return await factory({ wasmBinary: new Uint8Array(wasm) });
      return await factory(wasm === undefined ? {} : { locateFile: () => wasm });
    } catch (error) {
      throw new ThimbleError('network', `The WASM module cannot be loaded: ${(error as Error).message}. Check that it is served.`, error);
    }
  },
};
