// Every message between a page and the runtime (in a worker, or inline), as types. Requests are done in the order in
// which they come; each gets one reply, and any number of events before it.
import type { ThimbleCode } from './errors.ts';
import type { Answer, AnsweredCall, AnswerOptions, KernelSet, Path, ToolChoice } from './engine.ts';
import type { Manifest, NotStored, Progress, WeightsSource } from './weights.ts';

export type { AnswerOptions, KernelSet, Manifest, NotStored, Progress, Path, ToolChoice, WeightsSource };

/** A JSON Schema. Which keywords are understood: src/grammar/SCHEMA.md. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A tool in the one form that the runtime takes; js/normalize.ts makes it of every other. */
export interface ToolSpec {
  name: string;
  description?: string;
  parameters: JsonSchema;
  examples?: readonly string[];
}

/** What words like "tomorrow at six" are relative to. */
export interface Facts {
  /** Milliseconds since 1970. */
  now: number;
  /** IANA name, e.g. "Europe/Lisbon". Default: the machine's. */
  timeZone?: string;
  /** BCP 47; says whether 3/4 is in March or in April. Default: the browser's. */
  locale?: string;
}

export type Call = Omit<AnsweredCall, 'missing' | 'invalid'>;

/** A call that cannot be made as it is. */
export interface PartialCall extends AnsweredCall {
  invalid: { path: Path; value: unknown; message?: string }[];
}

export interface Stats {
  tokens: Answer['tokens'];
  /** Milliseconds: waiting for earlier requests; finding tools and encoding those that are not yet; making the answer. */
  ms: { queued: number; tools: number; answer: number };
  /** The tools that the model saw, where there are more than it reads at once: the likeliest for the query come first. */
  considered?: string[];
}

export type Outcome =
  | {
    type: 'call';
    calls: Call[];
    confidence: number;
    stats: Stats;
    /** `onHandoff` made the calls. */
    handedOff?: true;
  }
  | {
    type: 'none';
    /**
     * `irrelevant`: no tool fits. `missing`: the tool is clear, but required arguments were not said. `invalid`: a value was
     * said that the schema forbids. `overflow`: tools and query do not fit into the model. `cancelled`: by its signal.
     */
    reason: 'irrelevant' | 'missing' | 'invalid' | 'overflow' | 'cancelled';
    /** One sentence. */
    message: string;
    /** Of `missing` and `invalid`: what was found. */
    calls: PartialCall[];
    confidence: number;
    stats?: Stats;
  };

/** A part of an answer that is complete, while the rest is being written: values as the model writes them, dates in words. */
export type AnswerEvent =
  | { type: 'tool'; index: number; tool: string }
  | { type: 'argument'; index: number; tool: string; name: string; value: unknown };

export interface LoadParams {
  /** Without it, only a stored copy will do. */
  model?: WeightsSource;
  manifest?: Manifest;
  /** What the store keeps the model under. */
  name?: string;
  /** The WASM binary or its URL. Default: the one beside the runtime. */
  wasm?: string | ArrayBuffer;
  kernels?: KernelSet;
  /** Check with a validator, after decoding, what the grammar cannot enforce, instead of refusing such schemas. */
  allowUnenforced: boolean;
  /** Bytes of encoded tools to keep in memory. */
  toolMemory: number;
}

export interface ModelInfo {
  /** As written in the model file: name, licence, training. */
  metadata: Record<string, unknown>;
  kernels: string;
  /** Whether the next load can do without the network. */
  stored: boolean;
  /** Why not, if not. */
  notStored?: NotStored;
  /** Bytes that came from the source, not from the store. */
  downloaded: number;
  /** Milliseconds of worker time until the WASM module was there, and until the model was in it. */
  ms: { module: number; weights: number };
}

export interface Memory {
  /** Bytes of WASM memory; it holds the parts below, the model and the code's data. */
  total: number;
  /** For work on one query. */
  scratch: number;
  /** Encoded tools. */
  toolCache: number;
  /** How many tools are registered, and how many are encoded in memory and in IndexedDB. */
  tools: { registered: number; encoded: number; stored: number; notStored?: NotStored };
}

export interface AnswerParams {
  query: string;
  options: AnswerOptions;
  facts: Facts;
  /** Whether AnswerEvents are wanted. */
  events: boolean;
  /** Whether the model may be shown a part of the tools, where they are many. */
  retrieval: boolean;
  /** The only tools there are for this query. Default: the tools added. */
  tools?: ToolSpec[];
}

/** A call that was made elsewhere. */
export interface GivenCall {
  tool: string;
  arguments: Record<string, unknown>;
  /** 0 to 1. Default: 1. */
  confidence?: number;
}

export interface CheckParams {
  calls: readonly GivenCall[];
  facts: Facts;
  /** As in AnswerParams. */
  tools?: ToolSpec[];
}

export interface Calls {
  load: { params: LoadParams; result: ModelInfo; event: Progress };
  /** The result lists the keywords that are checked after decoding only, as "path: keyword". */
  addTools: { params: { tools: ToolSpec[] }; result: string[]; event: never };
  removeTools: { params: { names: string[] }; result: null; event: never };
  answer: { params: AnswerParams; result: Outcome; event: AnswerEvent };
  /** The outcome that these calls are: what Thimble's own answer goes through after decoding. */
  check: { params: CheckParams; result: Outcome; event: never };
  memory: { params: null; result: Memory; event: never };
}
export type Method = keyof Calls;

export type Request = { [M in Method]: { id: number; method: M; params: Calls[M]['params'] } }[Method];

export type Message = Request | { cancel: number };

export type Reply =
  | { id: number; result: Calls[Method]['result'] }
  | { id: number; event: Calls[Method]['event'] }
  | { id: number; error: { code: ThimbleCode; message: string } }
  /** First message of a worker: it holds this Web Lock as long as it lives. */
  | { alive: string }
  /** Last message: the module trapped, and nothing pending will be answered. */
  | { crashed: string };
