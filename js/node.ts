// `thimble` in Node: the same without a worker, with the files of the package. A model may be a file's path.
import { inlineChannel } from '../web/inline.ts';
import { nodeHost, openModel } from '../web/node_host.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as WorkerThimble } from './thimble.ts';

export * from './index.ts';

export class Thimble extends WorkerThimble {
  static override async load(options: LoadOptions = {}): Promise<Thimble> {
    return super.load({ worker: () => inlineChannel(nodeHost), ...options, ...(await fileOf(options.model)) });
  }
}

async function fileOf(model: LoadOptions['model']): Promise<Pick<LoadOptions, 'model'>> {
  if (typeof model !== 'string' && !(model instanceof URL)) return {};
  const url = String(model);
  if (url.startsWith('file:')) return { model: await openModel(new URL(url)) };
  return /^https?:/.test(url) ? {} : { model: await openModel(url) };
}
