// Encoded tools in IndexedDB, so that a reload encodes nothing. Kept by the model's file and the tool's JSON; the vectors
// for the search apart from the states, which are a thousand times larger and are read when a query needs them. A state
// carries its own checksum, which the engine checks.
import type { DBSchema, IDBPDatabase, IDBPObjectStore } from 'idb';
import { openDatabase, type NotStored } from './database.ts';
import { sha256 } from './weights/manifest.ts';

type Key = [model: string, tool: string];

interface Schema extends DBSchema {
  tools: { key: Key; value: { vector: Float32Array<ArrayBuffer>; bytes: number; used: number } };
  states: { key: Key; value: Blob };
}

/** Beyond it the states that were made longest ago go, and beyond so many tools their vectors, too. */
const maxBytes = 512 * 2 ** 20, maxTools = 4096;
/** From here on one request for all tools of the model is quicker than one for each. */
const few = 16;
const both = ['tools', 'states'] as const;
const written = { durability: 'relaxed' } as const;  // a loss is noticed when it is read

/** What the store knows of a tool. */
export interface StoredTool { vector: Float32Array<ArrayBuffer>; hasState: boolean }

export class ToolStates {
  private constructor(private readonly db: IDBPDatabase<Schema>, private readonly model: string) {}

  /** The part of the database that belongs to the model, or why there is none. */
  static async open(model: string): Promise<ToolStates | NotStored> {
    if (!globalThis.crypto?.subtle) return 'insecure';
    const db = await openDatabase<Schema>('thimble-tools', 1, (opened) => both.forEach((name) => opened.createObjectStore(name)));
    return typeof db === 'string' ? db : new ToolStates(db, model);
  }

  static nameOf(json: string): Promise<string> { return sha256(new TextEncoder().encode(json)); }

  async find(names: readonly string[]): Promise<(StoredTool | undefined)[]> {
    const tools = this.db.transaction('tools').store;
    const found = names.length < few ? await Promise.all(names.map((name) => tools.get([this.model, name]))) : await this.findAll(names, tools);
    return found.map((tool) => tool && { vector: tool.vector, hasState: tool.bytes > 0 });
  }

  private async findAll(names: readonly string[], tools: IDBPObjectStore<Schema, ['tools'], 'tools'>): Promise<(Schema['tools']['value'] | undefined)[]> {
    const range = IDBKeyRange.bound([this.model], [this.model, []]);  // arrays come after texts
    const [keys, values] = await Promise.all([tools.getAllKeys(range), tools.getAll(range)]);
    const all = new Map(keys.map(([, name], i) => [name, values[i]]));
    return names.map((name) => all.get(name));
  }

  async read(names: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const states = this.db.transaction('states').store;
    const blobs = await Promise.all(names.map((name) => states.get([this.model, name])));
    return Promise.all(blobs.map(async (blob) => blob instanceof Blob ? new Uint8Array(await blob.arrayBuffer()) : undefined));
  }

  async write(name: string, vector: Float32Array<ArrayBuffer>, state: Uint8Array<ArrayBuffer>): Promise<void> {
    const tx = this.db.transaction(both, 'readwrite', written), key: Key = [this.model, name];
    const requests = [
      tx.objectStore('states').put(new Blob([state]), key), tx.objectStore('tools').put({ vector, bytes: state.length, used: Date.now() }, key)];
    for (const request of requests) request.catch(() => {});  // the transaction's own error says why it was aborted
    await tx.done;
  }

  /** Frees what is beyond the limit, of all models. */
  async prune(): Promise<void> {
    const tx = this.db.transaction(both, 'readwrite', written), tools = tx.objectStore('tools');
    const [keys, values] = await Promise.all([tools.getAllKeys(), tools.getAll()]);
    const newest = keys.map((key, i) => ({ key, tool: values[i]! })).sort((a, b) => b.tool.used - a.tool.used);
    let bytes = 0;
    for (const [i, { key, tool }] of newest.entries()) {
      if (i < maxTools && (tool.bytes === 0 || (bytes += tool.bytes) <= maxBytes)) continue;
      void tx.objectStore('states').delete(key);
      void (i < maxTools ? tools.put({ ...tool, bytes: 0 }, key) : tools.delete(key));
    }
    await tx.done;
  }

  close(): void { this.db.close(); }
}
