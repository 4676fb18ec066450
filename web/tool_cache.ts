// The tools in the engine. A tool is compiled when it is added and encoded once, in the background, in slices; what that
// made is kept in memory up to a budget, the least recently used going first, and in IndexedDB, where a reload finds it.
import { toEngineJson } from './checks.ts';
import { reasonOf, type NotStored } from './database.ts';
import type { Engine } from './engine.ts';
import type { Memory, ToolSpec } from './protocol.ts';
import { Slices } from './tick.ts';
import { ToolStates } from './tool_states.ts';

/** Tools that nobody has registered, e.g. of one call, are kept for the next call up to this number. */
const maxUnused = 256;
/** States that are read at once in the background. */
const maxRestored = 8;

/** A tool as the engine has it. */
export interface Entry {
  readonly spec: ToolSpec;
  readonly json: string;
  readonly id: number;
  readonly tokens: number;
  /** What the grammar does not enforce, as "path: keyword" from "tools[0]" on. */
  readonly unenforced: readonly string[];
  /** Registrations and calls that hold it. */
  users: number;
  lastUse: number;
  /** Bytes of its state in the engine; 0 if it is not there. */
  bytes: number;
  /** Its name in the store, once that was asked for. */
  name?: string;
  stored: boolean;
  /** Whether its retrieval vector is there: then it is registered. */
  known: boolean;
  whenKnown: Promise<void>;
  setKnown(): void;
}

export class ToolCache {
  private readonly entries = new Map<string, Entry>();
  private clock = 0;
  private encoding: Entry | undefined;
  private states: ToolStates | undefined;
  private notStored: NotStored | undefined;
  private readonly opening: Promise<void>;
  private readonly writes = new Set<Promise<void>>();

  /** `budget`: bytes of encoded tools in memory. Those that a query needs stay, whatever it is. */
  constructor(private readonly engine: Engine, private readonly allowUnenforced: boolean, private readonly budget: number) {
    this.opening = ToolStates.open(engine.fingerprint).then((states) => {
      if (states instanceof ToolStates) this.states = states;
      else this.notStored = states;
    });
    void this.opening.then(() => this.attempt((states) => states.prune()));
  }

  /** Takes a tool, which release() or remove() gives back. Throws EngineError bad_tools or overflow. */
  add(spec: ToolSpec): Entry {
    const json = toEngineJson(spec);
    const entry = this.entries.get(json) ?? this.create(spec, json);
    ++entry.users;
    entry.lastUse = ++this.clock;
    return entry;
  }

  /** Gives a tool back that is likely to come again. */
  release(entry: Entry): void {
    --entry.users;
    const unused = [...this.entries.values()].filter(({ users }) => users === 0);
    if (unused.length > maxUnused) this.drop(oldest(unused));
  }

  /** Gives a tool back; what nobody holds then is dropped. */
  remove(entry: Entry): void {
    if (--entry.users === 0) this.drop(entry);
  }

  /** Makes the vectors of all `entries` known: encodes those that nobody has stored. */
  async know(entries: readonly Entry[], signal?: AbortSignal): Promise<void> {
    await this.lookUp();
    for (const entry of entries) if (!entry.known) await this.encode(entry, new Set([entry]), signal);
  }

  /** Brings the states of `entries` into the engine. */
  async prepare(entries: readonly Entry[], signal?: AbortSignal): Promise<void> {
    const needed = new Set(entries);
    for (const entry of entries) entry.lastUse = ++this.clock;
    if (entries.some(({ bytes }) => bytes === 0)) {
      await this.lookUp();
      await this.restore(entries.filter(({ bytes, stored }) => bytes === 0 && stored), signal);
      for (const entry of entries) if (entry.bytes === 0) await this.encode(entry, needed, signal);
    }
    this.trim(needed);
  }

  /** Does a slice of what nobody waits for: unknown tools are encoded, then stored states are read while there is room. */
  async work(): Promise<boolean> {
    await this.lookUp();
    const waiting = [...this.entries.values()].filter(({ users }) => users > 0);
    const next = this.encoding ?? waiting.find(({ known }) => !known);
    if (next) {
      const slice = new Slices();
      while (!this.encodePiece(next)) if (slice.over) return true;
      this.trim(new Set());
      return true;
    }
    let { room } = this;
    const absent = waiting.filter(({ bytes, stored, tokens }) => bytes === 0 && stored && (room -= tokens) >= 0).slice(0, maxRestored);
    await this.restore(absent);
    return absent.length > 0;
  }

  memory(): Memory['tools'] {
    const all = [...this.entries.values()];
    return {
      registered: all.filter(({ users }) => users > 0).length, encoded: all.filter(({ bytes }) => bytes > 0).length,
      stored: all.filter(({ stored }) => stored).length, ...(this.notStored && { notStored: this.notStored }),
    };
  }

  /** Waits for what is being written to the store. */
  async settled(): Promise<void> { await Promise.all(this.writes); }

  private create(spec: ToolSpec, json: string): Entry {
    const added = this.engine.addTool(json, { allowUnenforced: this.allowUnenforced, spokenDates: true });
    let setKnown = () => {};
    const whenKnown = new Promise<void>((resolve) => { setKnown = resolve; });
    const entry: Entry = {
      spec, json, ...added, users: 0, lastUse: 0, bytes: 0, stored: false, known: false, whenKnown,
      setKnown: () => { entry.known = true; setKnown(); },
    };
    this.entries.set(json, entry);
    return entry;
  }

  private drop(entry: Entry): void {
    this.engine.dropTool(entry.id);
    this.entries.delete(entry.json);
    if (this.encoding === entry) this.encoding = undefined;
    entry.setKnown();
  }

  /** One piece of encoding the tool; true when it is encoded. Another tool, or a query, may have come between. */
  private encodePiece(entry: Entry): boolean {
    if (this.encoding !== entry) this.engine.beginTool(entry.id);
    this.encoding = entry;
    if (!this.engine.advanceTool(entry.id)) return false;
    this.encoding = undefined;
    entry.bytes = this.engine.toolBytes(entry.id);
    entry.setKnown();
    this.store(entry);
    return true;
  }

  /** A query begins in the engine, which gives up the encoding at work. */
  interrupted(): void { this.encoding = undefined; }

  private async encode(entry: Entry, keep: ReadonlySet<Entry>, signal?: AbortSignal): Promise<void> {
    const slices = new Slices(signal);
    while (!this.encodePiece(entry)) await slices.pause();
    this.trim(keep);
  }

  /** Asks the store for the tools that it was not asked for. */
  private async lookUp(): Promise<void> {
    await this.opening;
    const fresh = [...this.entries.values()].filter(({ name }) => name === undefined);
    if (fresh.length === 0 || !this.states) return;
    const names = await Promise.all(fresh.map(({ json }) => ToolStates.nameOf(json)));
    const found = (await this.attempt((states) => states.find(names))) ?? [];
    for (const [i, entry] of fresh.entries()) {
      entry.name = names[i]!;
      const tool = found[i];
      if (!tool || entry.known || !this.entries.has(entry.json) || !this.engine.setToolEmbedding(entry.id, tool.vector)) continue;
      entry.stored = tool.hasState;
      entry.setKnown();
    }
  }

  /** What is damaged or gone is encoded when it is needed. */
  private async restore(entries: readonly Entry[], signal?: AbortSignal): Promise<void> {
    if (entries.length === 0) return;
    const states = (await this.attempt((store) => store.read(entries.map(({ name }) => name!)))) ?? [];
    const slices = new Slices(signal);
    for (const [i, entry] of entries.entries()) {
      if (entry.bytes > 0 || !this.entries.has(entry.json)) continue;
      if (this.encoding === entry) this.encoding = undefined;
      entry.stored = states[i] !== undefined && this.engine.restoreTool(entry.id, states[i]);
      entry.bytes = this.engine.toolBytes(entry.id);
      await slices.pause();
    }
  }

  private store(entry: Entry): void {
    const { name } = entry, state = name !== undefined && this.states && this.engine.saveTool(entry.id);
    if (!state) return;
    const vector = this.engine.toolEmbedding(entry.id);
    const write = this.attempt(async (states) => {
      await states.write(name!, vector, state);
      entry.stored = true;
    }).then(() => { this.writes.delete(write); });
    this.writes.add(write);
  }

  /** What fails in the store costs the store, nothing else. */
  private async attempt<R>(use: (states: ToolStates) => Promise<R>): Promise<R | undefined> {
    const { states } = this;
    if (!states) return undefined;
    try {
      return await use(states);
    } catch (error) {
      this.states = undefined;
      this.notStored = reasonOf(error, 'failed');
      for (const entry of this.entries.values()) entry.stored = false;
      return undefined;
    }
  }

  private get bytes(): number { return [...this.entries.values()].reduce((sum, { bytes }) => sum + bytes, 0); }

  /** Tokens of encoded tools that the budget has room for. */
  private get room(): number {
    const some = [...this.entries.values()].find(({ bytes }) => bytes > 0);
    return some ? (this.budget - this.bytes) / (some.bytes / some.tokens) : Infinity;
  }

  /** Frees states beyond the budget, the least recently used first. */
  private trim(keep: ReadonlySet<Entry>): void {
    for (let bytes = this.bytes; bytes > this.budget;) {
      const candidates = [...this.entries.values()].filter((entry) => entry.bytes > 0 && !keep.has(entry));
      if (candidates.length === 0) return;
      const entry = oldest(candidates);
      bytes -= entry.bytes;
      entry.bytes = 0;
      if (entry.users === 0) this.drop(entry);
      else this.engine.forgetTool(entry.id);
    }
  }
}

const oldest = (entries: readonly Entry[]): Entry => entries.reduce((a, b) => (b.lastUse < a.lastUse ? b : a));
