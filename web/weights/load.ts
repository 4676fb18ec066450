// One pass over a model file: each chunk from the store if it is there and good, else from the source.
import { reasonOf, type NotStored } from '../database.ts';
import { ThimbleError, throwIfAborted } from '../errors.ts';
import { ChunkReader } from './chunks.ts';
import { Changed, HttpFile } from './http.ts';
import { acquireLock } from './lock.ts';
import { chunkBytes, chunkCount, sha256, type Bytes, type Manifest } from './manifest.ts';
import { Meter, type Progress } from './progress.ts';
import type { SourceFile } from './source.ts';
import { Store, type Entry } from './store.ts';

export interface LoadedWeights<T> {
  /** What the consumer made of the file. */
  value: T;
  /** Whether the next load can do without the source. */
  stored: boolean;
  /** Why not, if not. */
  reason?: NotStored;
  /** Bytes that came from the source, not from the store. */
  downloaded: number;
}

export interface LoadInput {
  file: SourceFile | undefined;
  manifest: Manifest | undefined;
  name: string;
  store: Store | NotStored;
  signal: AbortSignal | undefined;
  onProgress: ((progress: Progress) => void) | undefined;
  /** Whether the file changed on the server during the pass before this one. */
  startOver: boolean;
}

const readAhead = 3;  // chunks on the heap while the consumer works on one
const maxWrites = 4;  // chunks on the heap while the database works

export class Load {
  private entry: Entry;
  private present = new Set<number>();
  private blobs = new Map<number, unknown>();  // of the chunks that were stored when this load looked
  private store: Store | undefined;
  private reason: NotStored | undefined;
  private unlock: (() => void) | undefined;
  private position = 0;
  private ended = false;
  private error: unknown;
  private downloaded = 0;
  private readonly reads = new Map<number, Promise<Bytes | undefined>>();
  private readonly writes = new Set<Promise<void>>();
  private readonly meter: Meter;
  private readonly reader: ChunkReader | undefined;

  constructor(private readonly input: LoadInput) {
    if (input.store instanceof Store) this.store = input.store;
    else this.reason = input.store;
    this.meter = new Meter(input.onProgress);
    this.entry = this.newEntry();
    const size = this.entry.chunkBytes;
    this.reader = input.file && new ChunkReader(input.file, size, (bytes, position) => {
      this.downloaded += bytes;
      this.meter.add('download', bytes, position, this.total, position % size !== 0 && position !== this.total);
    });
    if (input.startOver && input.file instanceof HttpFile) input.file.startOver();
  }

  /** Undefined if the file changed on the server after the consumer had seen its beginning. */
  async run<T>(consume: (chunks: AsyncIterable<Uint8Array>) => Promise<T>): Promise<LoadedWeights<T> | undefined> {
    try {
      await this.look();
      if (!this.input.file && !this.whole) throw this.notStored('is not stored');
      this.startReads(0);  // the consumer may have to wait for its module
      const value = await consume(this.chunks());
      return { value, ...(await this.finish()) };
    } catch (error) {
      await this.fail();
      if (this.error instanceof Changed) return undefined;
      throw error;
    } finally {
      this.unlock?.();
    }
  }

  private async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let index = 0; this.count === undefined ? !this.ended : index < this.count; ++index) {
        const chunk = (await this.stored(index)) ?? (await this.fetched(index));
        throwIfAborted(this.input.signal);
        this.position += chunk.length;
        this.ended ||= chunk.length < this.entry.chunkBytes;
        this.meter.add('verify', chunk.length, this.position, this.total);
        if (chunk.length > 0) yield chunk;
      }
    } catch (error) {
      throw this.error = error;
    } finally {
      await this.reader?.close();
    }
  }

  /** The consumer is content; without a manifest, that makes the file whole. */
  private async finish(): Promise<{ stored: boolean; reason?: NotStored; downloaded: number }> {
    if (this.ended && this.entry.bytes === null) {
      this.entry.bytes = this.position;
      this.attempt((store) => store.writeEntry(this.entry));
    }
    await Promise.all(this.writes);
    const { downloaded } = this;
    if (this.store && this.whole) return { stored: true, downloaded };
    return { stored: false, reason: this.reason ?? 'failed', downloaded };
  }

  private async fail(): Promise<void> {
    // What the consumer refuses is no model. Only a manifest speaks for the file against the consumer.
    const { manifest, signal } = this.input;
    const refused = this.position > 0 && this.error === undefined && !signal?.aborted;
    if (refused && !manifest) this.attempt((store) => store.remove());
    await Promise.all(this.writes);
    throwIfAborted(signal);
  }

  // The store.

  private get total(): number | undefined { return this.entry.bytes ?? this.input.file?.bytes ?? undefined; }
  private get count(): number | undefined {
    return this.entry.bytes === null ? undefined : chunkCount(this.entry.bytes, this.entry.chunkBytes);
  }
  private get whole(): boolean { return this.present.size === this.count; }

  private newEntry(): Entry {
    const { manifest, name, file } = this.input;
    if (manifest) return { ...manifest, name, validator: null };
    return { name, version: file instanceof HttpFile ? file.url : '', bytes: null, chunkBytes, sha256: [], validator: null };
  }

  /** Takes over what is stored of the file, if it is this file. */
  private async look(): Promise<boolean> {
    const { entry, chunks } = (await this.attempt((store) => store.contents())) ?? {};
    this.reads.clear();
    this.present.clear();
    if (!entry || !chunks || !this.isThisFile(entry)) return false;
    this.entry = entry;
    this.blobs = chunks;
    this.present = new Set([...chunks.keys()].filter((index) => index < (this.count ?? Infinity)));
    if (this.input.file instanceof HttpFile && entry.sha256.length > 0) this.input.file.continueFrom(entry.validator);
    return true;
  }

  private isThisFile(entry: Entry): boolean {
    const { manifest, file, startOver } = this.input;
    if (manifest) {
      const same = (['version', 'bytes', 'chunkBytes'] as const).every((key) => entry[key] === manifest[key]);
      return same && String(entry.sha256) === String(manifest.sha256);
    }
    if (!file) return true;
    return file instanceof HttpFile && !startOver && entry.version === file.url && entry.chunkBytes === chunkBytes;
  }

  /** A good chunk from the store, or undefined. Starts to read the next ones. */
  private async stored(index: number): Promise<Bytes | undefined> {
    this.startReads(index);
    const chunk = await this.reads.get(index);
    this.reads.delete(index);
    if (chunk) this.meter.add('read', chunk.length, index * this.entry.chunkBytes + chunk.length, this.total);
    else this.present.delete(index);
    return chunk;
  }

  private startReads(index: number): void {
    for (let i = index; i <= index + readAhead; ++i) {
      if (this.present.has(i) && !this.reads.has(i)) this.reads.set(i, this.readChecked(i));
    }
  }

  /** Undefined if the browser has lost the bytes, or they are not what the hash says. */
  private async readChecked(index: number): Promise<Bytes | undefined> {
    const blob = this.blobs.get(index);
    const buffer = blob instanceof Blob ? await blob.arrayBuffer().catch(() => undefined) : undefined;
    const chunk = buffer && new Uint8Array(buffer);
    return chunk && (await sha256(chunk)) === this.entry.sha256[index] ? chunk : undefined;
  }

  private async write(index: number, chunk: Bytes): Promise<void> {
    while (this.writes.size >= maxWrites) await Promise.race(this.writes);
    this.attempt(async (store) => {
      await store.write(index, chunk, this.entry);
      this.present.add(index);
      this.meter.add('store', chunk.length, index * this.entry.chunkBytes + chunk.length, this.total);
    });
  }

  /** What fails in the store costs the store, never the load. */
  private attempt<R>(use: (store: Store) => Promise<R>): Promise<R | undefined> {
    const { store } = this;
    if (!store) return Promise.resolve(undefined);
    const result = use(store).catch((error: unknown) => this.giveUp(store, error));
    const settled = result.then(() => { this.writes.delete(settled); });
    this.writes.add(settled);
    return result;
  }

  private async giveUp(store: Store, error: unknown): Promise<undefined> {
    if (!this.store) return;
    this.store = undefined;
    this.present.clear();
    this.reason = reasonOf(error, 'failed');
    if (this.reason === 'quota') await store.remove().catch(() => {});  // a part is of no use, and the page may need the space
  }

  // The source.

  private async fetched(index: number): Promise<Bytes> {
    const { file, manifest } = this.input;
    if (!file) throw this.notStored('is damaged in the store');
    if (await this.lock(index)) {
      const chunk = await this.stored(index);  // another tab may have stored it while this one waited
      if (chunk) return chunk;
    }
    for (let tries = 1; ; ++tries) {
      const chunk = await this.reader!.read(index, this.nextPresent(index));
      if (await this.accept(index, chunk)) return chunk;
      if (file.rereadable && tries === 1) await this.reader!.close();  // damaged on the way
      else if (!manifest && file instanceof HttpFile) throw new Changed();
      else throw this.badWeights(index);
    }
  }

  /** One tab at a time writes. Whether it was this call that took the lock; then all of the store has been looked at anew. */
  private async lock(index: number): Promise<boolean> {
    if (!this.store || this.unlock) return false;
    this.unlock = await acquireLock(this.input.name, this.input.signal);
    const { entry } = this;
    const seen = entry.sha256.slice(0, index);
    if (!(await this.look())) {
      this.entry = entry;
      await this.attempt((store) => store.replace(entry));
    } else if (String(this.entry.sha256.slice(0, index)) !== String(seen)) {
      throw new Changed();
    }
    return true;
  }

  /** Checks a chunk from the source, or learns its hash, and stores it. */
  private async accept(index: number, chunk: Bytes): Promise<boolean> {
    const { sha256: hashes } = this.entry;
    if (!globalThis.crypto?.subtle || chunk.length === 0) return chunk.length > 0 || hashes[index] === undefined;
    const hash = await sha256(chunk);
    if (hash !== (hashes[index] ?? hash)) return false;
    hashes[index] = hash;
    if (this.input.file instanceof HttpFile) this.entry.validator = this.input.file.validator;
    await this.write(index, chunk);
    return true;
  }

  private nextPresent(index: number): number | undefined {
    const later = [...this.present].filter((i) => i > index);
    return later.length > 0 ? Math.min(...later) : undefined;
  }

  private badWeights(index: number): ThimbleError {
    const { name, version, chunkBytes: size } = this.entry;
    return new ThimbleError('bad_weights', `The model is not ${name} ${version}: the ${size} bytes from ${index * size} on differ; give the right file.`);
  }

  private notStored(what: string): ThimbleError {
    return new ThimbleError('not_stored', `The model ${this.input.name} ${what}${this.reason ? ` (${this.reason})` : ''}; give its URL or its bytes.`);
  }
}
