// Where a model file can come from, behind one interface.
import { ThimbleError, throwIfAborted } from '../errors.ts';
import { HttpFile } from './http.ts';
import type { Bytes, Manifest } from './manifest.ts';

/** A URL (text or object), bytes in hand, or bytes that arrive. A File is a Blob. */
export type WeightsSource = string | URL | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | Response | ReadableStream<Bytes>;

/** A file that can be read from a position on. */
export interface SourceFile {
  /** Whether bytes can be read a second time. */
  readonly rereadable: boolean;
  /** Length, if known yet. */
  readonly bytes: number | null;
  /** The bytes `from` .. `to` (default: the end), in pieces. */
  read(from: number, to?: number): AsyncGenerator<Bytes>;
  /** Nothing more will be read. */
  close?(): void;
}

/** Throws ThimbleError `bad_input` or `network` for what cannot be read. */
export function openSource(source: WeightsSource, manifest: Manifest | undefined, signal: AbortSignal | undefined): SourceFile {
  if (typeof source === 'string' || source instanceof URL) return new HttpFile(resolveUrl(source), manifest?.bytes ?? null, manifest !== undefined, signal);
  if (source instanceof Blob) return new BlobFile(source);
  if (source instanceof ArrayBuffer) return new BufferFile(new Uint8Array(source));
  if (source instanceof Uint8Array) return new BufferFile(source);
  if (source instanceof Response) return new StreamFile(bodyOf(source), signal);
  if (source instanceof ReadableStream) return new StreamFile(source, signal);
  throw new ThimbleError('bad_input', 'The model must be given as a URL, Blob, File, ArrayBuffer, Uint8Array, Response or ReadableStream.');
}

function resolveUrl(source: string | URL): string {
  try {
    return new URL(source, globalThis.location?.href).href;
  } catch (error) {
    throw new ThimbleError('bad_input', `"${source}" is not a URL of a model.`, error);
  }
}

function bodyOf(response: Response): ReadableStream<Bytes> {
  if (!response.ok) throw new ThimbleError('network', `The response given as model has status ${response.status}; check its URL.`);
  if (!response.body) throw new ThimbleError('bad_input', 'The response given as model has no body; give a fresh one.');
  return response.body;
}

class BufferFile implements SourceFile {
  readonly rereadable = true;
  readonly bytes: number;

  constructor(private readonly buffer: Bytes) { this.bytes = buffer.length; }

  async *read(from: number, to?: number): AsyncGenerator<Bytes> { yield this.buffer.subarray(from, to); }
}

class BlobFile implements SourceFile {
  readonly rereadable = true;
  readonly bytes: number;

  constructor(private readonly blob: Blob) { this.bytes = blob.size; }

  async *read(from: number, to = this.bytes): AsyncGenerator<Bytes> {
    const reader = this.blob.slice(from, to).stream().getReader();
    try {
      for (let piece = await next(reader); piece; piece = await next(reader)) yield piece;
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

/** Bytes that come once: reading starts at or after the end of what was read before. */
class StreamFile implements SourceFile {
  readonly rereadable = false;
  readonly bytes = null;
  private readonly reader: ReadableStreamDefaultReader<Bytes>;
  private at = 0;
  private rest: Bytes = new Uint8Array(0);

  constructor(stream: ReadableStream<Bytes>, private readonly signal: AbortSignal | undefined) {
    if (stream.locked) throw new ThimbleError('bad_input', 'The stream given as model is in use or was read before; give a fresh one.');
    this.reader = stream.getReader();
    signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  async *read(from: number, to = Infinity): AsyncGenerator<Bytes> {
    if (from < this.at) throw new ThimbleError('bad_weights', 'The model is damaged and its stream cannot be read again; load it anew.');
    while (this.at < to) {
      if (this.rest.length === 0 && !(await this.refill())) return;
      const start = Math.min(Math.max(from - this.at, 0), this.rest.length);
      const piece = this.rest.subarray(start, to - this.at);
      this.at += start + piece.length;
      this.rest = this.rest.subarray(start + piece.length);
      if (piece.length > 0) yield piece;
    }
  }

  close(): void { this.reader.cancel().catch(() => {}); }

  private async refill(): Promise<boolean> {
    const piece = await next(this.reader);
    throwIfAborted(this.signal);
    if (piece) this.rest = piece;
    return piece !== undefined;
  }
}

async function next(reader: ReadableStreamDefaultReader<Bytes>): Promise<Bytes | undefined> {
  try {
    return (await reader.read()).value;
  } catch (error) {
    throw new ThimbleError('network', 'The file or stream given as model cannot be read to its end; give it again.', error);
  }
}
