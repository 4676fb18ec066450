// `thimble` in Node: the same without a worker, with the files of the package. A model may be a file's path.
import embedded from '../dist/thimble.san.json' with { type: 'json' };
import { inlineChannel } from '../web/inline.ts';
import { nodeHost, openModel } from '../web/node_host.ts';
import type { LoadOptions } from './options.ts';
import { Thimble as WorkerThimble } from './thimble.ts';

export * from './index.ts';

const embeddedUrl = new URL('../model/thimble.san', import.meta.url);

export class Thimble extends WorkerThimble {
  static override async load(options: LoadOptions = {}): Promise<Thimble> {
    return super.load({ worker: () => inlineChannel(nodeHost), ...options, ...(await modelOf(options)) });
  }
}

async function modelOf({ model, manifest, name }: LoadOptions): Promise<Pick<LoadOptions, 'model' | 'manifest'>> {
  if (model === undefined && manifest === undefined && name === undefined) return { model: await openModel(embeddedUrl), manifest: embedded };
  if (typeof model !== 'string' && !(model instanceof URL)) return {};
  const url = String(model);
  if (url.startsWith('file:')) return { model: await openModel(new URL(url)) };
  return /^https?:/.test(url) ? {} : { model: await openModel(url) };
}
