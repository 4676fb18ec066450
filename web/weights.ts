// Brings a model file to its consumer: from IndexedDB where it is whole and good, else from the source, chunk by chunk,
// and into IndexedDB on the way. Every chunk is checked against its SHA-256 before the consumer sees it, wherever it
// comes from, so nothing half-written or damaged is ever taken for good; what is bad is fetched again, and only that.
import type { NotStored } from './database.ts';
import { ThimbleError, throwIfAborted } from './errors.ts';
import { HttpFile } from './weights/http.ts';
import { Load, type LoadedWeights } from './weights/load.ts';
import { checkManifest, type Manifest } from './weights/manifest.ts';
import type { Progress } from './weights/progress.ts';
import { openSource, type WeightsSource } from './weights/source.ts';
import { Store } from './weights/store.ts';

export type { LoadedWeights, Manifest, NotStored, Progress, WeightsSource };

export interface WeightsOptions {
  /** What the file must be. Without it, the hashes are taken as the file arrives, and hold from then on. */
  manifest?: Manifest;
  /** What the store keeps the file under. Default: the manifest's name, else the URL; without any it is not stored. */
  name?: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

const maxPasses = 3;  // a file that changes on the server more often than this while it is read is not loaded

/**
 * Loads a model file. `consume` gets its bytes in order; it is called again, with a fresh iterable, if the file turns out
 * to have changed on the server while it was read. Without `source`, only a stored copy will do. A file given as bytes
 * without a manifest replaces the stored one of its name. Throws what `consume` throws, and ThimbleError: `network` (what
 * arrived stays; loading again goes on from there), `bad_weights` (the source is not what the manifest says),
 * `not_stored`, `bad_input`, `cancelled`.
 */
export async function loadWeights<T>(
  source: WeightsSource | undefined, consume: (chunks: AsyncIterable<Uint8Array>) => Promise<T>, options: WeightsOptions = {},
): Promise<LoadedWeights<T>> {
  const { signal, onProgress } = options;
  throwIfAborted(signal);
  const manifest = options.manifest && checkManifest(options.manifest);
  const file = source === undefined ? undefined : openSource(source, manifest, signal);
  const name = options.name ?? manifest?.name ?? (file instanceof HttpFile ? file.url : undefined);
  const store = await openStore(name, signal);
  try {
    for (let pass = 1; pass <= maxPasses; ++pass) {
      const load = new Load({ file, manifest, name: name ?? '', store, signal, onProgress, startOver: pass > 1 });
      const loaded = await load.run(consume);
      if (loaded) return loaded;
    }
  } finally {
    file?.close?.();
    if (store instanceof Store) store.close();
  }
  throw new ThimbleError('network', `The model changed on the server ${maxPasses} times while it was read; load again later.`);
}

function openStore(name: string | undefined, signal: AbortSignal | undefined): Promise<Store | NotStored> | NotStored {
  if (name === undefined) return 'unnamed';
  if (!globalThis.crypto?.subtle) return 'insecure';
  return Store.open(name, signal);
}
