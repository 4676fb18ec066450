// Model files in IndexedDB, a record for each chunk. The store never says that a file is good: a reader checks each
// chunk against the hashes of its entry (web/weights.ts).
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Bytes, Manifest } from './manifest.ts';

/** Why a file is in memory only. */
export type NotStored =
  | 'unnamed'      // neither manifest, name nor URL: there is nothing to find it by later
  | 'insecure'     // no Web Crypto (http, not localhost): chunks cannot be checked
  | 'unavailable'  // no IndexedDB, or the browser forbids it here
  | 'blocked'      // the database does not open: another tab holds it, or a newer Thimble made it
  | 'quota'        // no space
  | 'failed';      // the database broke or was deleted while in use

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
const openMs = 3000;
const stores = ['entries', 'chunks'] as const;
const written = { durability: 'relaxed' } as const;  // a loss is noticed when it is read

export class Store {
  private constructor(private readonly db: IDBPDatabase<Schema>, private readonly name: string) {}

  /** The part of the database that belongs to `name`, or why there is none. Takes 3 s at most, less when aborted. */
  static async open(name: string, signal: AbortSignal | undefined): Promise<Store | NotStored> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<'blocked'>((resolve) => {
      timer = setTimeout(resolve, openMs, 'blocked');
      signal?.addEventListener('abort', () => resolve('blocked'), { once: true });
    });
    try {
      if (!globalThis.indexedDB) return 'unavailable';
      const opening = openDB<Schema>(database, version, {
        upgrade: (db) => { db.createObjectStore('entries', { keyPath: 'name' }); db.createObjectStore('chunks'); },
        blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),  // another tab deletes or upgrades it
      });
      const db = await Promise.race([opening, late]);
      if (db !== 'blocked') return new Store(db, name);
      opening.then((opened) => opened.close(), () => {});
      return 'blocked';
    } catch (error) {
      return reasonOf(error, 'unavailable');
    } finally {
      clearTimeout(timer);
    }
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

/** Names of IndexedDB's own errors (Indexed Database API 3.0, section 3) as reasons. */
export function reasonOf(error: unknown, otherwise: NotStored): NotStored {
  const name = (error as Error | null)?.name;
  if (name === 'QuotaExceededError') return 'quota';
  if (name === 'VersionError') return 'blocked';
  return otherwise;
}
