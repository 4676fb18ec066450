// `thimble`: everything that a page imports. The runtime is in a worker.
import { embeddedModel } from './embedded.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as AnyThimble } from './thimble.ts';

export * from './exports.ts';

export class Thimble extends AnyThimble {
  static override load(options: LoadOptions = {}): Promise<Thimble> {
    return super.load({ ...options, ...embeddedModel(options), worker: options.worker ?? startWorker });
  }
}

// Bundlers look for an expression of exactly this form.
const startWorker = () => new Worker(new URL('../web/worker.ts', import.meta.url), { type: 'module' });
