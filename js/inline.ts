// `thimble/inline`: the same without a worker. Calls then take the page's own time, in pieces of a few milliseconds.
import { browserHost } from '../web/host.ts';
import { inlineChannel } from '../web/inline.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as WorkerThimble } from './thimble.ts';

export * from './index.ts';

export class Thimble extends WorkerThimble {
  static override load(options: LoadOptions = {}): Promise<Thimble> {
    return super.load({ worker: () => inlineChannel(browserHost), ...options });
  }
}
