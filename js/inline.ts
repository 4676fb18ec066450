// `thimble/inline`: the same without a worker, in one file. Calls then take the page's own time, in pieces of a few
// milliseconds.
import { embeddedHost } from '../web/embedded_host.ts';
import { inlineChannel } from '../web/inline.ts';
import { embeddedModel } from './embedded.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as AnyThimble } from './thimble.ts';

export * from './exports.ts';

export class Thimble extends AnyThimble {
  static override load(options: LoadOptions = {}): Promise<Thimble> {
    return super.load({ ...options, ...embeddedModel(options), worker: options.worker ?? (() => inlineChannel(embeddedHost)) });
  }
}
