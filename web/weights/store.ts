// Model files in IndexedDB, a record for each chunk. The store never says that a file is good: a reader checks each
// chunk against the hashes of its entry (web/weights.ts).
import type { DBSchema, IDBPDatabase } from 'idb';
import { openDatabase, type NotStored } from '../database.ts';
import type { Bytes, Manifest } from './manifest.ts';

/** What is known of a stored file. `sha256` may still grow and `bytes` be null where no manifest says them beforehand. */
export interface Entry extends Omit<Manifest, 'bytes'> {
  bytes: number | null;
  /** ETag or Last-Modified of the server's file, for files without a manifest. */
  validator: string | null;
}

interface Schema extends DBSchema {
  entries: { key: string; value: Entry };
  chunks: { key: [name: string, index: number]; value: Blob };  // half the reading time of an ArrayBuffer in Chromium
}

const database = 'thimble-weights';
const version = 1;
const stores = ['entries', 'chunks'] as const;
const written = { durability: 'relaxed' } as const;  // a loss is noticed when it is read

export class Store {
  private constructor(private readonly db: IDBPDatabase<Schema>, private readonly name: string) {}

  /** The part of the database that belongs to `name`, or why there is none. Takes 3 s at most, less when aborted. */
  static async open(name: string, signal: AbortSignal | undefined): Promise<Store | NotStored> {
    const db = await openDatabase<Schema>(database, version, (opened) => {
      opened.createObjectStore('entries', { keyPath: 'name' });
      opened.createObjectStore('chunks');
    }, signal);
    return typeof db === 'string' ? db : new Store(db, name);
  }

  /** What is there: the entry, and the chunks by number. A Blob only says where its bytes lie; reading it may still fail. */
  async contents(): Promise<{ entry: Entry | undefined; chunks: Map<number, unknown> }> {
    const tx = this.db.transaction(stores);
    const chunks = tx.objectStore('chunks');
    // All at once: a transaction for each chunk would take longer than its bytes.
    const [entry, keys, values] = await Promise.all([
      tx.objectStore('entries').get(this.name), chunks.getAllKeys(this.range()), chunks.getAll(this.range()), tx.done]);
    return { entry, chunks: new Map(keys.map(([, index], i) => [index, values[i]])) };
  }

  /** Starts the file anew: its old chunks are freed. */
  async replace(entry: Entry): Promise<void> {
    const tx = this.db.transaction(stores, 'readwrite', written);
    await done(tx, tx.objectStore('chunks').delete(this.range()), tx.objectStore('entries').put(entry));
  }

  /** Stores a chunk and what it makes known of the file: both or neither. Copies `bytes` and `entry` before it returns. */
  async write(index: number, bytes: Bytes, entry: Entry): Promise<void> {
    const tx = this.db.transaction(stores, 'readwrite', written);
    await done(tx, tx.objectStore('chunks').put(new Blob([bytes]), [this.name, index]), tx.objectStore('entries').put(entry));
  }

  async writeEntry(entry: Entry): Promise<void> { await this.db.put('entries', entry); }

  async remove(): Promise<void> {
    const tx = this.db.transaction(stores, 'readwrite', written);
    await done(tx, tx.objectStore('chunks').delete(this.range()), tx.objectStore('entries').delete(this.name));
  }

  close(): void { this.db.close(); }

  private range(): IDBKeyRange { return IDBKeyRange.bound([this.name, 0], [this.name, Infinity]); }
}

/** The transaction's own outcome: its error says why it was aborted, those of its requests may only say that it was. */
async function done(tx: { done: Promise<void> }, ...requests: Promise<unknown>[]): Promise<void> {
  for (const request of requests) request.catch(() => {});
  await tx.done;
}
