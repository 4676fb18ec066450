// A file on a server, read from any position and resumed after interruptions (RFC 9110, sections 8.8, 14 and 15.3.7).
import { ThimbleError, throwIfAborted } from '../errors.ts';
import type { Bytes } from './manifest.ts';
import type { SourceFile } from './source.ts';

/** The server's file is no longer the one whose first bytes were used. */
export class Changed extends Error {}

/** An interruption that the next attempt may overcome. */
class Interrupted extends Error {}

/** Attempts without a new byte before a download fails, and the pauses between them. */
const pausesMs = [250, 500, 1000, 2000];
/** A connection that sends nothing for this long is given up and opened again. */
export const stallMs = 10_000;

export class HttpFile implements SourceFile {
  readonly rereadable = true;
  validator: string | null = null;
  private continued = false;

  /**
   * `bytes`: the length that the file must have, if known. With `hashed`, the caller checks every byte, and a file that
   * changed on the server is its to notice; otherwise a change of ETag or Last-Modified throws Changed.
   */
  constructor(readonly url: string, public bytes: number | null, private readonly hashed: boolean, private readonly signal: AbortSignal | undefined) {}

  /** Says that bytes of the server's file with this validator are in use already. */
  continueFrom(validator: string | null): void {
    this.validator = validator;
    this.continued = true;
  }

  /** Forgets the server's file, to start over with the one that is there now. */
  startOver(): void {
    this.validator = this.bytes = null;
    this.continued = false;
  }

  /** The bytes `from` .. `to` (default: the end). Throws ThimbleError `network`, `bad_weights` or `cancelled`. */
  async *read(from: number, to?: number): AsyncGenerator<Bytes> {
    let at = from;
    for (let failures = 0; ;) {
      const connection = new Connection(this.signal);
      try {
        for await (const piece of this.piecesFrom(connection, at, to)) {
          at += piece.length;
          failures = 0;
          yield piece;
        }
        const end = to ?? this.bytes;
        if (end === null || at >= end) return;
        throw new Interrupted(`it ended at byte ${at} of ${end}`);
      } catch (error) {
        throwIfAborted(this.signal);
        if (error instanceof ThimbleError || error instanceof Changed) throw error;
        if (failures === pausesMs.length) {
          throw new ThimbleError('network', `The download of ${this.url} stopped at byte ${at}: ${(error as Error).message}. Load again to go on from there.`, error);
        }
        await pause(pausesMs[failures++]!, this.signal);
      } finally {
        connection.close();
      }
    }
  }

  private async *piecesFrom(connection: Connection, from: number, to: number | undefined): AsyncGenerator<Bytes> {
    const part = from > 0 || (to !== undefined && to !== this.bytes);
    const headers: HeadersInit = part ? { Range: `bytes=${from}-${to === undefined ? '' : to - 1}` } : {};
    const response = await connection.open(this.url, headers);
    this.checkStatus(response, part);
    this.checkIdentity(response, from);
    let skip = response.status === 206 ? from - this.rangeStart(response, from) : from;
    let left = (to ?? this.bytes ?? Infinity) - from;
    while (left > 0) {
      const piece = await connection.next();
      if (!piece) return;
      const useful = piece.subarray(skip, skip + left);
      skip -= Math.min(skip, piece.length);
      left -= useful.length;
      if (useful.length > 0) yield useful;
    }
  }

  private checkStatus(response: Response, part: boolean): void {
    const { status } = response;
    if (status === 200 || (status === 206 && part)) return;
    if (status === 416) throw this.hashed ? this.wrongLength('shorter') : new Changed();
    const what = `the server answered ${status}`;
    if (status >= 500 || status === 408 || status === 425 || status === 429) throw new Interrupted(what);
    throw new ThimbleError('network', `The model at ${this.url} cannot be loaded: ${what}. Check the URL.`);
  }

  /** Learns the length and the validator, or compares them with what is known. */
  private checkIdentity(response: Response, from: number): void {
    const validator = response.headers.get('ETag') ?? response.headers.get('Last-Modified');
    const bytes = lengthOf(response);
    if (this.hashed) {
      if (bytes !== null && this.bytes !== null && bytes !== this.bytes) throw this.wrongLength(`${bytes} bytes long`);
      return;
    }
    // Bytes of two requests belong together only if the server says so.
    const same = validator !== null && validator === this.validator && (bytes === null || this.bytes === null || bytes === this.bytes);
    if ((from > 0 || this.continued) && !same) throw new Changed();
    this.validator = validator;
    this.bytes = bytes ?? this.bytes;
  }

  private rangeStart(response: Response, from: number): number {
    const range = response.headers.get('Content-Range');  // hidden from other origins unless the server exposes it
    const start = range === null ? from : Number(range.match(/^bytes (\d+)-/)?.[1] ?? NaN);
    if (!(start <= from)) throw new Interrupted(`the server answered with the range "${range}"`);
    return start;
  }

  private wrongLength(found: string): ThimbleError {
    return new ThimbleError('bad_weights', `The file at ${this.url} is ${found}, the manifest says ${this.bytes} bytes; put the right file there.`);
  }
}

/** Length of the whole file, if the response tells it. */
function lengthOf(response: Response): number | null {
  const total = response.headers.get('Content-Range')?.match(/\/(\d+)$/)?.[1];
  if (total !== undefined) return Number(total);
  const length = response.headers.get('Content-Length');
  return response.status === 200 && length !== null && !response.headers.has('Content-Encoding') ? Number(length) : null;
}

/** One request: its body piece by piece, with a limit on silence. */
class Connection {
  private readonly controller = new AbortController();
  private readonly abort = () => this.controller.abort();
  private reader: ReadableStreamDefaultReader<Bytes> | undefined;

  constructor(private readonly signal: AbortSignal | undefined) { signal?.addEventListener('abort', this.abort); }

  async open(url: string, headers: HeadersInit): Promise<Response> {
    throwIfAborted(this.signal);
    // no-store: the HTTP cache would keep the file a second time, and serve a damaged one again.
    const response = await this.timed(fetch(url, { headers, cache: 'no-store', signal: this.controller.signal }));
    this.reader = (response.body as ReadableStream<Bytes> | null)?.getReader();
    return response;
  }

  async next(): Promise<Bytes | undefined> { return this.reader && (await this.timed(this.reader.read())).value; }

  close(): void {
    this.signal?.removeEventListener('abort', this.abort);
    this.controller.abort();
  }

  private async timed<T>(step: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.controller.abort(new Interrupted(`the server was silent for ${stallMs / 1000} s`)), stallMs);
    try {
      return await step;
    } finally {
      clearTimeout(timer);
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => { clearTimeout(timer); signal?.removeEventListener('abort', done); finish(); };
    const finish = () => { try { throwIfAborted(signal); resolve(); } catch (error) { reject(error as Error); } };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
