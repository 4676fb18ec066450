// The WASM module behind a typed class: the only code that touches the module's memory.

/** Codes of src/status.h, and one for a module that trapped. */
export type EngineCode =
  | 'bad_weights' | 'bad_tokenizer' | 'bad_tools' | 'bad_input' | 'overflow' | 'out_of_memory' | 'no_kernels' | 'crashed';

/** An expected failure of the engine: `code` is closed, `message` is one sentence that says what to do. */
export class EngineError extends Error {
  constructor(readonly code: EngineCode, message: string) {
    super(message);
    this.name = 'EngineError';
  }
}

export type KernelSet = 'best' | 'reference' | 'simd128' | 'relaxed';

interface Result { code: 'ok' | EngineCode; message: string }
interface Region { address: number; length: number }
interface Ids { push_back(id: number): void; size(): number; get(i: number): number; delete(): void }

interface EngineHandle {
  kernels(): string;
  skipChecksums(): void;
  nextChunk(): Region;
  advance(bytes: number): Result;
  totalBytes(): number;
  open(): Result;
  metadata(): string;
  setTools(json: string, allowUnenforced: boolean, spokenDates: boolean): Result;
  addTool(json: string, allowUnenforced: boolean, spokenDates: boolean): Result;
  toolId(): number;
  toolTokens(id: number): number;
  toolBytes(id: number): number;
  toolEmbedding(id: number): Region;
  dropTool(id: number): void;
  beginTool(id: number): Result;
  advanceTool(id: number): Result;
  forgetToolState(id: number): void;
  saveToolState(id: number): Region;
  beginRestore(id: number, bytes: number): Region;
  restoreToolState(id: number): Result;
  embeddingRoom(length: number): Region;
  setToolEmbedding(id: number): boolean;
  selectTools(ids: Ids): Result;
  beginSearch(query: string): Result;
  advanceSearch(): Result;
  found(ids: Ids, maxTokens: number): Result;
  foundTools(): Ids;
  fingerprint(): string;
  unenforced(): string;
  encode(query: string): Result;
  encodeTokens(ids: Ids): Result;
  encoderOutput(): Region;
  queryEmbedding(): Region;
  step(ids: Ids): Result;
  logits(): Region;
  beginAnswer(query: string, choice: string, tool: string, maxCalls: number, strict: boolean, plain: boolean): Result;
  advanceAnswer(): Result;
  done(): boolean;
  text(): string;
  textFormat(): TextFormat;
  toolName(written: string): string;
  readAnswer(): Result;
  answerJson(): string;
  tokenize(text: string): Result;
  detokenize(ids: Ids): string;
  queryTokens(query: string): Result;
  ids(): Ids;
  scratchBytes(): number;
  toolCacheBytes(): number;
  delete(): void;
}

/** What the generated glue (dist/thimble.mjs) resolves to. */
export interface ThimbleModule {
  HEAPU8: Uint8Array;
  HEAPF32: Float32Array;
  Engine: new (kernels: string) => EngineHandle;
  TokenIds: new () => Ids;
  ToolIds: new () => Ids;
}

export interface EngineOptions {
  /** Default: the fastest that this machine runs. */
  kernels?: KernelSet;
  /** The source has compared its bytes with hashes: the file's own checksums, half the time of a load, are not computed. */
  verified?: boolean;
}

export interface ToolsOptions { allowUnenforced?: boolean; spokenDates?: boolean }

/** How a model reads tools and writes answers: src/prompt/FORMAT.md. */
export type TextFormat = 'needle' | 'thimble';

export type ToolChoice = 'auto' | 'none' | 'required' | { tool: string };

export interface AnswerOptions {
  /** `none`: call nothing; `required`: call something; or a tool's name. */
  toolChoice?: ToolChoice;
  /** Default: 16. */
  maxCalls?: number;
  /** `strict`: free text in arguments is a part of the query, word for word. Default: `free`. */
  grounding?: 'free' | 'strict';
}
const defaultMaxCalls = 16, defaultGrounding = 'free';

/** Keys and indices, from a call's arguments down. */
export type Path = (string | number)[];

/** What an answer says. Confidence: 0 to 1, an argument's at least its call's, a call's at least the answer's. */
export interface Answer {
  outcome: 'call' | 'none';
  /** Of `none`: no tool fits; required parameters were not said; a value was said that its schema forbids. */
  reason?: 'irrelevant' | 'missing' | 'invalid';
  confidence: number;
  /** Natural logarithm of the probability that the model gives the answer among the legal ones, not calibrated. */
  logProbability: number;
  /** With `missing` and `invalid`: what was found. */
  calls: AnsweredCall[];
  /** Tokens of the query and of the answer, how many of the latter had to come, and passes through the decoder. */
  tokens: { query: number; answer: number; forced: number; passes: number };
}

export interface AnsweredCall {
  tool: string;
  /** Without what is missing or invalid. */
  arguments: Record<string, unknown>;
  /** Required parameters that were not said; inner ones as "outer.inner". */
  missing: string[];
  invalid: { path: Path; value: unknown }[];
  confidence: number;
  /** Of every string, number and boolean. `span`: where the query says it, in UTF-16 units. */
  evidence: { path: Path; confidence: number; span: [begin: number, end: number] | null }[];
}

/** Bytes of a model file, in any chunks. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * One model in one WASM module. Calls are synchronous and take milliseconds: run them in a worker.
 * Returned arrays are copies unless the method says otherwise. Throws EngineError.
 */
export class Engine {
  private constructor(private readonly module: ThimbleModule, private readonly handle: EngineHandle) {}

  /** Reads the model from `source`, each byte straight to where the kernels use it. `onBytes` reports progress. */
  static async load(
    module: ThimbleModule, source: ByteSource, options: EngineOptions = {},
    onBytes: (loaded: number, total: number) => void = () => {},
  ): Promise<Engine> {
    const kernels = options.kernels ?? 'best';
    const handle = new module.Engine(kernels);
    try {
      if (handle.kernels() === '') throw new EngineError('no_kernels', `The ${kernels} kernels do not run on this machine; ask for "best".`);
      if (options.verified) handle.skipChecksums();
      let loaded = 0;
      for await (const chunk of source) {
        feed(module, handle, chunk);
        loaded += chunk.length;
        onBytes(loaded, handle.totalBytes());
      }
      check(handle.open());
      return new Engine(module, handle);
    } catch (error) {
      handle.delete();
      throw error;
    }
  }

  /** Name of the kernel set at work. */
  get kernels(): string { return this.handle.kernels(); }
  /** JSON text about the model: name, licence, training. */
  get metadata(): string { return this.handle.metadata(); }

  /**
   * Replaces the tools: a JSON array of {name, description?, parameters?, examples?} (src/prompt/FORMAT.md, src/grammar/SCHEMA.md);
   * on error the old ones stay. Returns the keywords that answers need not obey, as "path: keyword": none, unless
   * `allowUnenforced` asks for a list instead of an error. `spokenDates`: dates, times and durations may be any words.
   */
  setTools(json: string, { allowUnenforced = false, spokenDates = false }: ToolsOptions = {}): string[] {
    check(this.handle.setTools(json, allowUnenforced, spokenDates));
    return this.unenforced();
  }
  private unenforced(): string[] { return this.handle.unenforced().split('\n').filter((line) => line !== ''); }

  /**
   * Takes one tool, a JSON object as above: tokenizes it and compiles its schema, which is the last time that its JSON is
   * read. Encode it before a query selects it. Throws bad_tools or overflow; the message says "tools[0]".
   */
  addTool(json: string, { allowUnenforced = false, spokenDates = false }: ToolsOptions = {}): { id: number; tokens: number; unenforced: string[] } {
    check(this.handle.addTool(json, allowUnenforced, spokenDates));
    const id = this.handle.toolId();
    return { id, tokens: this.handle.toolTokens(id), unenforced: this.unenforced() };
  }
  dropTool(id: number): void { this.handle.dropTool(id); }
  /** Begins to encode a tool; an encoding at work is given up. */
  beginTool(id: number): void { check(this.handle.beginTool(id)); }
  /** Does a piece of less than a millisecond of it; true when the tool is encoded. Throws bad_input if it was given up. */
  advanceTool(id: number): boolean {
    check(this.handle.advanceTool(id));
    return this.handle.done();
  }
  /** Bytes that the encoded tool takes; 0 if it is not encoded. */
  toolBytes(id: number): number { return this.handle.toolBytes(id); }
  /** Frees what encoding the tool made, but for its retrieval vector. */
  forgetTool(id: number): void { this.handle.forgetToolState(id); }
  /** Unit vector of the contrastive head; empty before the tool is encoded for the first time, and without a head. */
  toolEmbedding(id: number): Float32Array<ArrayBuffer> { return this.floats(this.handle.toolEmbedding(id)).slice() as Float32Array<ArrayBuffer>; }
  /** Gives back a vector that was kept; false if it is none of this model. */
  setToolEmbedding(id: number, embedding: Float32Array): boolean {
    const room = this.handle.embeddingRoom(embedding.length);
    if (room.length !== embedding.length) return false;
    this.floats(room).set(embedding);
    return this.handle.setToolEmbedding(id);
  }
  /** What encoding the tool made, as bytes for a store; undefined if it is not encoded. */
  saveTool(id: number): Uint8Array<ArrayBuffer> | undefined {
    const { address, length } = this.handle.saveToolState(id);
    return length === 0 ? undefined : this.module.HEAPU8.slice(address, address + length) as Uint8Array<ArrayBuffer>;
  }
  /** Takes such bytes back instead of encoding; false if they are damaged, of another tool, model or version. */
  restoreTool(id: number, bytes: Uint8Array): boolean {
    const room = this.handle.beginRestore(id, bytes.length);
    if (bytes.length === 0 || room.length !== bytes.length) return false;
    this.module.HEAPU8.set(bytes, room.address);
    const { code } = this.handle.restoreToolState(id);
    return code === 'ok';
  }
  /** The tools of the queries from now on. Throws bad_input, bad_tools (two of one name), overflow; then the old ones stay. */
  select(ids: readonly number[]): void { withIds(new this.module.ToolIds(), ids, (list) => check(this.handle.selectTools(list))); }
  /** Begins to find out what `query` is about, as begin() does with an answer, which it ends. */
  beginSearch(query: string): void { check(this.handle.beginSearch(query)); }
  advanceSearch(): boolean {
    check(this.handle.advanceSearch());
    return this.handle.done();
  }
  /** The best of `ids` for the query of the complete search, best first, as many as have at most `maxTokens` tokens. */
  found(ids: readonly number[], maxTokens: number): number[] {
    withIds(new this.module.ToolIds(), ids, (list) => check(this.handle.found(list, maxTokens)));
    return take(this.handle.foundTools());
  }
  /** Which model file this is. */
  get fingerprint(): string { return this.handle.fingerprint(); }

  /**
   * Begins the answer to `query`; an answer at work is given up. Throws overflow (too long) or bad_input (no such tool).
   * `plain`: a pass and all logits for each token, for comparison.
   */
  begin(query: string, { toolChoice = 'auto', maxCalls = defaultMaxCalls, grounding = defaultGrounding }: AnswerOptions = {}, plain = false): void {
    if (!Number.isInteger(maxCalls) || maxCalls < 1) throw new EngineError('bad_input', `maxCalls is ${maxCalls}; give a whole number from 1.`);
    const [choice, tool] = typeof toolChoice === 'string' ? [toolChoice, ''] : ['tool', toolChoice.tool];
    check(this.handle.beginAnswer(query, choice, tool, Math.min(maxCalls, 2 ** 31), grounding === 'strict', plain));
  }
  /** Does a piece of some milliseconds of the answer; true when it is complete. Throws overflow if it grows too long. */
  advance(): boolean {
    check(this.handle.advanceAnswer());
    return this.handle.done();
  }
  /** Answer_text so far (src/prompt/FORMAT.md), which only grows. Values that turn out invalid stand in it as they were said. */
  text(): string { return this.handle.text(); }
  get textFormat(): TextFormat { return this.handle.textFormat(); }
  /** The name in `setTools` of a tool that text() calls `written`: snake_case in format needle. */
  toolName(written: string): string { return this.handle.toolName(written); }
  /** The complete answer. */
  answer(): Answer {
    check(this.handle.readAnswer());
    return JSON.parse(this.handle.answerJson()) as Answer;
  }

  encode(query: string): void { check(this.handle.encode(query)); }
  /** Encodes a query segment given as token ids, `<tools>` included. */
  encodeTokens(ids: readonly number[]): void { this.withTokens(ids, (list) => check(this.handle.encodeTokens(list))); }
  /** Encoder values of the last encode, [tokens][d_model]. */
  encoderOutput(): Float32Array { return this.floats(this.handle.encoderOutput()).slice(); }
  /** Unit vector of the contrastive head for the last encode; empty without a head. */
  queryEmbedding(): Float32Array { return this.floats(this.handle.queryEmbedding()).slice(); }

  /** Feeds tokens to the decoder and returns the logits after the last, [vocab_size]: a view, valid until the next call. */
  step(ids: readonly number[]): Float32Array {
    this.withTokens(ids, (list) => check(this.handle.step(list)));
    return this.floats(this.handle.logits());
  }

  tokenize(text: string): number[] {
    check(this.handle.tokenize(text));
    return take(this.handle.ids());
  }
  detokenize(ids: readonly number[]): string { return this.withTokens(ids, (list) => this.handle.detokenize(list)); }
  /** Ids of the query segment that `encode(query)` would read with the tools set now. */
  queryTokens(query: string): number[] {
    check(this.handle.queryTokens(query));
    return take(this.handle.ids());
  }

  /** Bytes in use, by purpose; `total` is the module's whole memory. */
  memory(): { total: number; scratch: number; toolCache: number } {
    return {
      total: this.module.HEAPU8.length,
      scratch: this.handle.scratchBytes(),
      toolCache: this.handle.toolCacheBytes(),
    };
  }

  dispose(): void { this.handle.delete(); }

  private floats(region: Region): Float32Array {
    return this.module.HEAPF32.subarray(region.address / 4, region.address / 4 + region.length);
  }

  private withTokens<T>(ids: readonly number[], use: (list: Ids) => T): T {
    for (const id of ids) if ((id | 0) !== id) throw new EngineError('bad_input', `${id} is not a token id.`);  // Embind would wrap it
    return withIds(new this.module.TokenIds(), ids, use);
  }
}

function withIds<T>(list: Ids, ids: readonly number[], use: (list: Ids) => T): T {
  try {
    for (const id of ids) list.push_back(id);
    return use(list);
  } finally {
    list.delete();
  }
}

function feed(module: ThimbleModule, handle: EngineHandle, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) {
    const room = handle.nextChunk();
    if (room.length === 0) throw new EngineError('bad_weights', 'There are bytes after the end of the model file; download it again.');
    const part = chunk.subarray(at, at + room.length);
    module.HEAPU8.set(part, room.address);
    check(handle.advance(part.length));
    at += part.length;
  }
}

function check(result: Result): void {
  if (result.code !== 'ok') throw new EngineError(result.code, result.message);
}

function take(list: Ids): number[] {
  const ids = Array.from({ length: list.size() }, (_, i) => list.get(i));
  list.delete();
  return ids;
}
