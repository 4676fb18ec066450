// `thimble` in Node: the same without a worker, with the files of the package. A model may be a file's path.
import { inlineChannel } from '../web/inline.ts';
import { nodeHost, openModel } from '../web/node_host.ts';
import { embeddedModel } from './embedded.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as AnyThimble } from './thimble.ts';

export * from './exports.ts';

export class Thimble extends AnyThimble {
  static override async load(options: LoadOptions = {}): Promise<Thimble> {
    const given = { ...options, ...embeddedModel(options) };
    return super.load({ ...given, ...(await opened(given)), worker: options.worker ?? (() => inlineChannel(nodeHost)) });
  }
}

async function opened({ model }: LoadOptions): Promise<Pick<LoadOptions, 'model'>> {
  if (typeof model !== 'string' && !(model instanceof URL)) return {};
  const url = String(model);
  if (url.startsWith('file:')) return { model: await openModel(new URL(url)) };
  return /^https?:/.test(url) ? {} : { model: await openModel(url) };
}
