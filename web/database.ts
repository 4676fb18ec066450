// Opens a database of IndexedDB, or says why there is none.
import { openDB, type DBSchema, type IDBPDatabase, type OpenDBCallbacks } from 'idb';

/** Why something is in memory only. */
export type NotStored =
  | 'unnamed'      // neither manifest, name nor URL: there is nothing to find it by later
  | 'insecure'     // no Web Crypto (http, not localhost): what is stored cannot be checked
  | 'unavailable'  // no IndexedDB, or the browser forbids it here
  | 'blocked'      // the database does not open: another tab holds it, or a newer Thimble made it
  | 'quota'        // no space
  | 'failed';      // the database broke or was deleted while in use

const openMs = 3000;

/** Takes 3 s at most, less when aborted. */
export async function openDatabase<S extends DBSchema>(
  name: string, version: number, upgrade: NonNullable<OpenDBCallbacks<S>['upgrade']>, signal?: AbortSignal,
): Promise<IDBPDatabase<S> | NotStored> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'blocked'>((resolve) => {
    timer = setTimeout(resolve, openMs, 'blocked');
    signal?.addEventListener('abort', () => resolve('blocked'), { once: true });
  });
  try {
    if (!globalThis.indexedDB) return 'unavailable';
    const opening = openDB<S>(name, version, {
      upgrade,
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),  // another tab deletes or upgrades it
    });
    const db = await Promise.race([opening, late]);
    if (db !== 'blocked') return db;
    opening.then((opened) => opened.close(), () => {});
    return 'blocked';
  } catch (error) {
    return reasonOf(error, 'unavailable');
  } finally {
    clearTimeout(timer);
  }
}

/** Names of IndexedDB's own errors (Indexed Database API 3.0, section 3) as reasons. */
export function reasonOf(error: unknown, otherwise: NotStored): NotStored {
  const name = (error as Error | null)?.name;
  if (name === 'QuotaExceededError') return 'quota';
  if (name === 'VersionError') return 'blocked';
  return otherwise;
}
