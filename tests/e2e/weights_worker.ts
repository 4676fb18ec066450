// Runs web/weights.ts as the worker of a page does, and reports what the consumer got. Also usable from a page.
import { askToPersist } from '../../js/persist.ts';
import { ThimbleError } from '../../web/errors.ts';
import { loadWeights, type LoadedWeights, type Manifest, type Progress, type WeightsSource } from '../../web/weights.ts';

export interface Params {
  url?: string;
  /** What to make of the URL's content before it is given to the loader. Default: the URL itself is given. */
  as?: 'blob' | 'file' | 'buffer' | 'response' | 'stream';
  manifest?: Manifest;
  name?: string;
  /** Abort once the consumer has this many bytes. */
  abortAt?: number;
  abortAfterMs?: number;
  /** The consumer throws at the end. */
  refuse?: boolean;
  withoutLocks?: boolean;
}

export interface Outcome extends Partial<Omit<LoadedWeights<unknown>, 'value'>> {
  /** SHA-256 of what the consumer got last. */
  sha256?: string;
  passes: number;
  code?: string;
  message?: string;
  progress: Progress[];
  ms: number;
}

export type Report = { at: number } | Outcome;

async function sourceOf({ url, as }: Params): Promise<WeightsSource | undefined> {
  if (url === undefined || as === undefined) return url;
  const response = await fetch(url);
  if (as === 'response') return response;
  if (as === 'stream') return response.body!;
  const blob = await response.blob();
  if (as === 'buffer') return blob.arrayBuffer();
  return as === 'file' ? new File([blob], 'model.san') : blob;
}

const hex = (digest: ArrayBuffer) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');

export async function load(params: Params, report: (at: number) => void): Promise<Outcome> {
  if (params.withoutLocks) Object.defineProperty(navigator, 'locks', { value: undefined });
  const controller = new AbortController();
  if (params.abortAfterMs !== undefined) setTimeout(() => controller.abort(), params.abortAfterMs);
  const outcome: Outcome = { passes: 0, progress: [], ms: 0 };
  const consume = async (chunks: AsyncIterable<Uint8Array>) => {
    outcome.passes++;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let at = 0;
    for await (const chunk of chunks) {
      parts.push(chunk.slice());
      report(at += chunk.length);
      if (at >= (params.abortAt ?? Infinity)) controller.abort('enough');
    }
    if (params.refuse) throw new Error('refused');
    return new Blob(parts).arrayBuffer();
  };
  const { manifest, name } = params;
  const source = await sourceOf(params);
  const start = performance.now();
  try {
    const options = { ...(manifest && { manifest }), ...(name !== undefined && { name }) };
    const { value, ...rest } = await loadWeights(source, consume, { ...options, signal: controller.signal, onProgress: (p) => outcome.progress.push(p) });
    Object.assign(outcome, rest);
    outcome.ms = performance.now() - start;
    outcome.sha256 = globalThis.crypto?.subtle ? hex(await crypto.subtle.digest('SHA-256', value)) : String(value.byteLength);
  } catch (error) {
    outcome.code = error instanceof ThimbleError ? error.code : (error as Error).name;
    outcome.message = (error as Error).message;
  }
  return outcome;
}

/** Loads in a worker of its own. With `killAt`, the worker is ended once the consumer has so many bytes. */
function loadInWorker(params: Params, killAt = Infinity): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker('/client.js', { type: 'module' });
    const end = (outcome: Outcome) => { worker.terminate(); resolve(outcome); };
    worker.onerror = (event) => reject(new Error(`worker: ${event.message}`));
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (!('at' in data)) end(data);
      else if (data.at >= killAt) end({ passes: 1, progress: [], ms: 0, code: 'killed' });
    };
    worker.postMessage(params);
  });
}

const inPage = { askToPersist, loadInWorker, loadHere: (params: Params) => load(params, () => {}) };
export type InPage = typeof inPage;

if (typeof document === 'undefined') onmessage = ({ data }: MessageEvent<Params>) => load(data, (at) => postMessage({ at })).then(postMessage);
else Object.assign(globalThis, inPage);
