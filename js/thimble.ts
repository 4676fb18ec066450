// What a page uses: a model in a worker, the page's tools, and requests in words. Where the worker, the module and the model
// come from is each entry's own (js/index.ts, js/inline.ts, js/node.ts).
import type { AnswerEvent, Call, GivenCall, LoadParams, Memory, ModelInfo, Outcome, Stats, ToolSpec, WeightsSource } from '../web/protocol.ts';
import { throwIfAborted } from '../web/errors.ts';
import { ThimbleError } from './errors.ts';
import { handOff, type HandoffOptions } from './handoff.ts';
import { downloadMonitor } from './monitor.ts';
import { isStandard, normalizeTool, normalizeTools, parametersOf, type NormalTool } from './normalize.ts';
import { factsOf, type CallOptions, type LoadOptions, type RunOptions } from './options.ts';
import { askToPersist } from './persist.ts';
import { Rpc, type Channel, type RequestOptions } from './rpc.ts';
import { refused, runCalls, validate, type Confirm, type RunOutcome } from './run.ts';
import type { ArgsOf, Schema } from './schema.ts';
import { Session, type SessionOptions } from './session.ts';
import type { AnyTool, Tool } from './tools.ts';

const defaultToolMemory = 64 * 2 ** 20;

export type StreamEvent = AnswerEvent | { type: 'call'; index: number; call: Call } | { type: 'done'; outcome: Outcome };

export type Extraction<T> =
  | { type: 'value'; value: T; confidence: number; evidence: Call['evidence']; stats: Stats }
  | Extract<Outcome, { type: 'none' }>;

/** Tools that were registered together. */
export interface Registration {
  readonly names: readonly string[];
  /** With `allowUnenforced`: what is checked after decoding only, as "path: keyword". */
  readonly unenforced: readonly string[];
  unregister(): void;
}

/** A tool as the model reads it. */
export type RegisteredTool = ToolSpec & { annotations?: AnyTool['annotations'] };

/**
 * A loaded model. Methods reject with ThimbleError; `crashed` means that the worker failed, and the next call starts a
 * new one with the same tools. An aborted call is no error: its outcome is `none`, `cancelled`.
 */
export class Thimble {
  private info!: ModelInfo;
  private readonly known = new Map<string, NormalTool>();
  private rpc: Rpc | undefined;
  private disposed = false;

  protected constructor(private readonly params: LoadParams, private readonly spawn: () => Channel, private readonly confirm: Confirm | undefined, private readonly handoff: HandoffOptions) {}

  /** Loads a model: from IndexedDB if it is there, else from its source. Rejects with ThimbleError. */
  static async load(options: LoadOptions = {}): Promise<Thimble> {
    const { signal, onProgress, monitor, confirm, worker, onHandoff, handoffBelow, handoffReasons } = options;
    throwIfAborted(signal);
    if (worker === undefined) throw new ThimbleError('bad_input', 'No worker is given; import Thimble from an entry of the package.');
    const handoff = { onHandoff, handoffBelow, handoffReasons };
    const thimble = new this(await loadParams(options), typeof worker === 'function' ? worker : () => startWorker(worker), confirm, handoff);
    const report = monitor && downloadMonitor(monitor);
    thimble.info = await thimble.connect({ signal, onEvent: (progress) => { report?.progress(progress); onProgress?.(progress); } });
    report?.done();
    if (thimble.info.stored) void askToPersist();
    return thimble;
  }

  /** About the model, as of `load`. */
  get model(): ModelInfo { return this.info; }

  /** The tools registered now, as the model reads them. */
  get tools(): readonly RegisteredTool[] {
    return [...this.known.values()].map(describe);
  }

  /**
   * Registers a tool, for every call after this one (no need to wait). Resolves when the model has read it; rejects with
   * `bad_tools` where something in its schema cannot be enforced. Aborting `signal` unregisters it.
   */
  registerTool<const S extends Schema>(tool: Tool<S>, options?: { signal?: AbortSignal }): Promise<Registration>;
  registerTool(tool: AnyTool, options?: { signal?: AbortSignal }): Promise<Registration>;
  async registerTool(tool: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<Registration> {
    return this.register([normalizeTool(tool)], signal);
  }

  /** Registers all or none: a list of tools in any form, or an object of tools by name (Vercel AI SDK). */
  async registerTools(tools: readonly AnyTool[] | Readonly<Record<string, AnyTool>>, { signal }: { signal?: AbortSignal } = {}): Promise<Registration> {
    return this.register(normalizeTools(tools), signal);
  }

  /** Unknown names are fine. */
  unregister(...names: string[]): void { this.remove(names.flatMap((name) => this.known.get(name) ?? [])); }

  /** The calls that `query` asks for. They are not executed. */
  async call(query: string, options: CallOptions = {}): Promise<Outcome> {
    return this.decide(query, options);
  }

  /** `call`, and executes the calls in their order; asks `confirm` before tools with consequences. */
  async run(query: string, { confirm = this.confirm, ...options }: RunOptions = {}): Promise<RunOutcome> {
    const signal = options.signal ?? new AbortController().signal;
    const tools = new Map(toolsOf(options)?.map((tool) => [tool.spec.name, tool]) ?? this.known);  // those that the answer is made with
    return runCalls(await this.call(query, options), (name) => tools.get(name), confirm, signal);
  }

  /**
   * `call`, with events while the answer is written; the last is `done`. Values in `argument` events are as the model writes
   * them (dates in words); a `call` event has passed every check. Leaving the loop cancels.
   */
  async *stream(query: string, options: CallOptions = {}): AsyncGenerator<StreamEvent, void, undefined> {
    const events: StreamEvent[] = [];
    const stop = new AbortController();
    const abort = () => stop.abort(options.signal!.reason);
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort);
    let wake = () => {};
    const answer = this.decide(query, { ...options, signal: stop.signal }, (event) => { events.push(event); wake(); });
    try {
      for (let outcome: Outcome | undefined; ;) {
        yield* events.splice(0);
        if (outcome) return yield* finalEvents(outcome);
        outcome = await Promise.race([answer, new Promise<undefined>((resolve) => { wake = () => resolve(undefined); })]);
      }
    } finally {
      stop.abort();
      options.signal?.removeEventListener('abort', abort);
    }
  }

  /** Answers while a query is being typed. Nothing is handed off. */
  session(options: SessionOptions = {}): Session {
    return new Session((query, { tools, ...rest }) => this.ask(query, rest, toolsOf({ ...(tools && { tools }) })?.map(({ spec }) => spec)), options);
  }

  /** The values that `schema` describes, found in `text`. */
  async extract<const S extends Schema>(text: string, schema: S, options: Pick<CallOptions, 'grounding' | 'facts' | 'signal'> = {}): Promise<Extraction<ArgsOf<S>>> {
    const { title, description } = schema as { title?: unknown; description?: unknown };
    const name = typeof title === 'string' && title !== '' ? title : 'extract';
    const tool: ToolSpec = { name, ...(typeof description === 'string' && { description }), parameters: parametersOf(name, schema) };
    const outcome = await this.ask(text, { ...options, toolChoice: { tool: name }, maxCalls: 1 }, [tool]);
    if (outcome.type === 'none') return outcome;
    const [call] = outcome.calls as [Call];
    const checked = await validate(isStandard(schema) ? schema : undefined, call.arguments);
    if ('issue' in checked) return refused(outcome, call, checked) as Extract<Outcome, { type: 'none' }>;
    const { confidence, evidence } = call;
    return { type: 'value', value: checked.value as ArgsOf<S>, confidence, evidence, stats: outcome.stats };
  }

  /** Bytes in use by the runtime. */
  async memory({ signal }: { signal?: AbortSignal } = {}): Promise<Memory> { return this.connection.request('memory', null, { signal }); }

  /** Frees everything. Calls that wait are cancelled, and later ones reject. */
  dispose(): void {
    this.disposed = true;
    this.rpc?.end(new ThimbleError('cancelled', 'This Thimble was disposed of.'));
  }

  /** What Thimble finds, or whoever the page hands off to. */
  private async decide(query: string, options: CallOptions, onEvent?: (event: AnswerEvent) => void): Promise<Outcome> {
    const { onHandoff = this.handoff.onHandoff, handoffBelow = this.handoff.handoffBelow, handoffReasons = this.handoff.handoffReasons } = options;
    const own = toolsOf(options), tools = own?.map(({ spec }) => spec), offered = (own ?? [...this.known.values()]).map(describe);
    const outcome = await this.ask(query, options, tools, onEvent);
    const { signal, facts, toolChoice } = options;
    if (toolChoice === 'none') return outcome;
    const check = (calls: GivenCall[]) => this.connection.request('check', { calls, facts: factsOf(facts), ...(tools && { tools }) });
    return handOff(outcome, { onHandoff, handoffBelow, handoffReasons }, { query, tools: offered, signal, check });
  }

  private async ask(
    query: string, { signal, facts, toolChoice, maxCalls, grounding, retrieval = true }: CallOptions, tools?: ToolSpec[], onEvent?: (event: AnswerEvent) => void,
  ): Promise<Outcome> {
    if (typeof query !== 'string') throw new ThimbleError('bad_input', 'The query must be a text.');
    const options = { toolChoice, maxCalls, grounding };
    const params = { query, options, facts: factsOf(facts), events: onEvent !== undefined, retrieval, ...(tools && { tools }) };
    try {
      return await this.connection.request('answer', params, { signal, ...(onEvent && { onEvent }) });
    } catch (error) {
      if (!(error instanceof ThimbleError && error.code === 'cancelled')) throw error;
      return { type: 'none', reason: 'cancelled', message: error.message, calls: [], confidence: 0 };
    }
  }

  private get connection(): Rpc {
    if (this.disposed) throw new ThimbleError('bad_input', 'This Thimble was disposed of; load another.');
    if (!this.rpc) this.connect().catch(() => {});  // what is asked next fails with the same error
    return this.rpc!;
  }

  /** Starts a runtime. Its first requests, in this order: the model, the tools, and whatever is asked next. */
  private async connect(options: RequestOptions<'load'> = {}): Promise<ModelInfo> {
    const rpc = new Rpc(this.spawn(), () => { if (this.rpc === rpc) this.rpc = undefined; });
    this.rpc = rpc;
    const loading = rpc.request('load', this.params, options);
    const specs = [...this.known.values()].map(({ spec }) => spec);
    if (specs.length > 0) rpc.request('addTools', { tools: specs }).catch(() => {});
    try {
      return await loading;
    } catch (error) {
      rpc.end(error as ThimbleError);
      throw error;
    }
  }

  private async register(list: NormalTool[], signal: AbortSignal | undefined): Promise<Registration> {
    throwIfAborted(signal);
    const names = list.map(({ spec }) => spec.name);
    const twice = names.find((name, i) => this.known.has(name) || names.indexOf(name) !== i);
    if (twice !== undefined) throw new ThimbleError('bad_tools', `A tool ${twice} is registered already; unregister it first.`);
    const { connection } = this;
    for (const tool of list) this.known.set(tool.spec.name, tool);
    const unregister = () => this.remove(list);
    try {
      const unenforced = await connection.request('addTools', { tools: list.map(({ spec }) => spec) }, { signal });
      signal?.addEventListener('abort', unregister, { once: true });
      return { names, unenforced, unregister };
    } catch (error) {
      unregister();
      throw error;
    }
  }

  private remove(tools: NormalTool[]): void {
    const names = tools.filter((tool) => this.known.get(tool.spec.name) === tool).map(({ spec }) => spec.name);
    for (const name of names) this.known.delete(name);
    if (names.length > 0) this.rpc?.request('removeTools', { names }).catch(() => {});  // a new runtime does not get them
  }
}

const describe = ({ spec, tool: { annotations } }: NormalTool): RegisteredTool => ({ ...spec, ...(annotations && { annotations }) });

const toolsOf = ({ tools }: CallOptions): NormalTool[] | undefined => tools && normalizeTools(tools);

function* finalEvents(outcome: Outcome): Generator<StreamEvent, void, undefined> {
  if (outcome.type === 'call') for (const [index, call] of outcome.calls.entries()) yield { type: 'call', index, call };
  yield { type: 'done', outcome };
}

function startWorker(script: string | URL): Channel {
  const url = absolute(script);
  if (new URL(url).origin === globalThis.location?.origin) return new Worker(url, { type: 'module' });
  // A page may start only scripts of its own origin; one of those may import any other.
  const own = URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: 'text/javascript' }));
  return new Worker(own, { type: 'module' });
}

async function loadParams({ model, manifest, name, wasm, kernels, allowUnenforced = false, toolMemory = defaultToolMemory }: LoadOptions): Promise<LoadParams> {
  return {
    ...(model !== undefined && { model: await rereadable(model) }), ...(manifest && { manifest }), ...(name !== undefined && { name }),
    ...(wasm !== undefined && { wasm: wasm instanceof ArrayBuffer ? wasm : absolute(wasm) }), ...(kernels && { kernels }), allowUnenforced, toolMemory,
  };
}

/** The model as something that a new worker can read again, and that leaves no copy on the page's heap. */
async function rereadable(model: WeightsSource): Promise<WeightsSource> {
  if (typeof model === 'string' || model instanceof URL) return absolute(model);
  if (model instanceof ArrayBuffer || ArrayBuffer.isView(model)) return new Blob([model]);
  if (model instanceof ReadableStream) return rereadable(new Response(model));
  if (!(model instanceof Response)) return model;
  if (!model.ok) throw new ThimbleError('network', `The response given as model has status ${model.status}; check its URL.`);
  try {
    return await model.blob();
  } catch (error) {
    throw new ThimbleError(model.bodyUsed ? 'bad_input' : 'network', 'The response given as model cannot be read; give a fresh one.', error);
  }
}

function absolute(url: string | URL): string {
  try {
    return new URL(url, globalThis.location?.href).href;  // a worker has another base
  } catch (error) {
    throw new ThimbleError('bad_input', `"${url}" is not a URL.`, error);
  }
}
