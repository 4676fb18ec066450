// The story of a query in the runtime: the engine gets the tools it does not have yet, writes an answer piece by piece,
// and the answer is checked and put into the words of the protocol.
import { hasSpokenFormat, toEngineJson, ToolChecks, type Dates } from './checks.ts';
import { EngineError, type Engine } from './engine.ts';
import { ThimbleError } from './errors.ts';
import { PartialAnswer } from './partial_answer.ts';
import type {
  AnswerEvent, AnswerOptions, AnswerParams, CheckParams, Facts, GivenCall, LoadParams, Memory, Outcome, PartialCall, Stats, ToolSpec,
} from './protocol.ts';
import { Slices } from './tick.ts';
import { ToolCache, type Entry } from './tool_cache.ts';

/** Tools of more tokens together are searched, and as many as have so many tokens are shown to the model. */
const contextTokens = 1024;

/** `entry`: with a model that reads tools by themselves. */
interface Registered { spec: ToolSpec; entry?: Entry }

export class Answers {
  private readonly tools = new Map<string, Registered>();
  private readonly checks = new WeakMap<ToolSpec, ToolChecks>();
  private readonly cache: ToolCache | undefined;
  private dates: Dates | undefined;

  constructor(readonly engine: Engine, private readonly options: Pick<LoadParams, 'allowUnenforced' | 'toolMemory'>) {
    if (engine.textFormat === 'thimble') this.cache = new ToolCache(engine, options.allowUnenforced, options.toolMemory);
  }

  /** Adds all or none. `encoded` settles when the model has read them, or they are removed. Throws bad_tools or overflow. */
  async add(specs: ToolSpec[]): Promise<{ unenforced: string[]; encoded: Promise<unknown> }> {
    await this.needDates(specs);
    if (!this.cache) return this.addToList(specs);
    const entries = await this.take(this.cache, specs);
    for (const entry of entries) this.tools.set(entry.spec.name, { spec: entry.spec, entry });
    return { unenforced: entries.flatMap(({ unenforced }) => unenforced.map(withoutIndex)), encoded: Promise.all(entries.map(({ whenKnown }) => whenKnown)) };
  }

  remove(names: string[]): null {
    for (const name of names) {
      const { entry } = this.tools.get(name) ?? {};
      if (entry) this.cache!.remove(entry);
      this.tools.delete(name);
    }
    return null;
  }

  /** Some milliseconds of work for which no request waits; false if there is none. */
  async workAhead(): Promise<boolean> { return (await this.cache?.work()) ?? false; }

  memory(): Memory {
    return { ...this.engine.memory(), tools: this.cache?.memory() ?? { registered: this.tools.size, encoded: 0, stored: 0 } };
  }

  /** Throws ThimbleError `cancelled`, and `bad_tools` for a bad `tools` or `toolChoice`. */
  async answer(
    { query, options, facts, tools, events, retrieval }: AnswerParams, arrived: number, signal: AbortSignal, onEvent: (event: AnswerEvent) => void,
  ): Promise<Outcome> {
    const started = performance.now();
    if (tools) await this.needDates(tools);
    const own = tools && this.cache && (await this.take(this.cache, tools));
    const known = tools ?? [...this.tools.values()].map(({ spec }) => spec);
    try {
      const considered = await this.select(query, own, known, options, retrieval, signal);
      const ready = performance.now();
      const stats = (tokens: Stats['tokens']): Stats =>
        ({ tokens, ms: { queued: started - arrived, tools: ready - started, answer: performance.now() - ready }, ...(considered && { considered }) });
      if (considered?.length === 0) return outcomeOf([], 0, stats({ query: 0, answer: 0, forced: 0, passes: 0 }));
      await this.write(query, options, signal, events ? new PartialAnswer(onEvent, this.engine.textFormat, (written) => this.engine.toolName(written)) : undefined);
      const { confidence, tokens, ...answer } = this.engine.answer();
      const calls = answer.calls.map((call) => this.checksOf(toolOf(known, call.tool)!).check(call, facts, this.dates));
      return outcomeOf(calls, confidence, stats(tokens));
    } catch (error) {
      if (error instanceof EngineError && error.code === 'overflow') return none('overflow', error.message);
      throw error;
    } finally {
      for (const entry of own ?? []) this.cache!.release(entry);
    }
  }

  /** The outcome that calls made elsewhere are. Whoever made them may have dates in words, too. */
  async check({ calls, facts, tools }: CheckParams, arrived: number): Promise<Outcome> {
    const started = performance.now();
    if (tools) await this.needDates(tools);
    const known = tools ?? [...this.tools.values()].map(({ spec }) => spec);
    const checked = calls.map((call) => this.checkGiven(call, toolOf(known, call.tool), facts));
    const tokens = { query: 0, answer: 0, forced: 0, passes: 0 }, ms = { queued: started - arrived, tools: 0, answer: performance.now() - started };
    return outcomeOf(checked, Math.min(1, ...checked.map(({ confidence }) => confidence)), { tokens, ms });
  }

  private checkGiven({ tool: name, arguments: values, confidence = 1 }: GivenCall, tool: ToolSpec | undefined, facts: Facts): PartialCall {
    const required = Array.isArray(tool?.parameters.required) ? tool.parameters.required as string[] : [];
    const missing = required.filter((key) => !Object.hasOwn(values, key));
    const call: PartialCall = { tool: name, arguments: values, missing, invalid: [], confidence, evidence: [] };
    return tool ? this.checksOf(tool).check(call, facts, this.dates) : { ...call, invalid: [{ path: [], value: values, message: 'there is no such tool' }] };
  }

  private async write(query: string, options: AnswerOptions, signal: AbortSignal, partial: PartialAnswer | undefined): Promise<void> {
    this.cache?.interrupted();
    this.engine.begin(query, options);
    const slices = new Slices(signal);
    for (let complete = false; !complete;) {
      complete = this.engine.advance();
      partial?.read(this.engine.text());
      if (!complete) await slices.pause();
    }
  }

  /** Shows the engine the tools for a query. -> their names, if they are not all */
  private async select(
    query: string, own: Entry[] | undefined, specs: readonly ToolSpec[], { toolChoice }: AnswerOptions, retrieval: boolean, signal: AbortSignal,
  ): Promise<string[] | undefined> {
    const { cache, engine } = this;
    if (!cache) return this.setTools(specs), undefined;
    const all = own ?? [...this.tools.values()].map(({ entry }) => entry!);
    const many = retrieval && all.reduce((sum, { tokens }) => sum + tokens, 0) > contextTokens;
    const chosen = !many ? all : typeof toolChoice === 'object' ? all.filter(({ spec }) => spec.name === toolChoice.tool) : await this.search(cache, query, all, signal);
    await cache.prepare(chosen, signal);
    engine.select(chosen.map(({ id }) => id));
    return many ? chosen.map(({ spec }) => spec.name) : undefined;
  }

  private async search(cache: ToolCache, query: string, entries: readonly Entry[], signal: AbortSignal): Promise<Entry[]> {
    await cache.know(entries, signal);
    cache.interrupted();
    this.engine.beginSearch(query);
    for (const slices = new Slices(signal); !this.engine.advanceSearch(); await slices.pause());
    const byId = new Map(entries.map((entry) => [entry.id, entry]));
    return this.engine.found([...byId.keys()], contextTokens).map((id) => byId.get(id)!);
  }

  /** Compiles what is new; all or none. */
  private async take(cache: ToolCache, specs: readonly ToolSpec[]): Promise<Entry[]> {
    const taken: Entry[] = [], slices = new Slices();
    try {
      for (const spec of specs) {
        taken.push(cache.add(spec));
        await slices.pause();
      }
      return taken;
    } catch (error) {
      for (const entry of taken) cache.remove(entry);
      throw named(error);
    }
  }

  private async needDates(tools: readonly ToolSpec[]): Promise<void> {
    if (this.dates || !hasSpokenFormat(tools)) return;
    try {
      this.dates = await import('./dates.ts');
    } catch (error) {
      throw new ThimbleError('network', 'The part that reads dates cannot be loaded; serve it beside the worker, and try again.', error);
    }
  }

  // A model that reads the tools with the query gets them as one list.

  private addToList(specs: ToolSpec[]): { unenforced: string[]; encoded: Promise<unknown> } {
    const before = [...this.tools.values()].map(({ spec }) => spec);
    try {
      const unenforced = this.setTools([...before, ...specs]).filter((line) => Number(/\d+/.exec(line)![0]) >= before.length);
      for (const spec of specs) this.tools.set(spec.name, { spec });
      return { unenforced: unenforced.map(withoutIndex), encoded: Promise.resolve() };
    } catch (error) {
      throw named(error);
    }
  }

  private setTools(specs: readonly ToolSpec[]): string[] {
    return this.engine.setTools(toEngineJson(specs), { allowUnenforced: this.options.allowUnenforced, spokenDates: true });
  }

  private checksOf(tool: ToolSpec): ToolChecks {
    let checks = this.checks.get(tool);
    if (!checks) this.checks.set(tool, checks = new ToolChecks(tool.parameters));
    return checks;
  }
}

/** The engine says tools[3] (name), which means nothing to a page. */
const withoutIndex = (text: string) => text.replace(/^tools\[\d+\] \((.*?)\)/, 'tool $1');
const named = (error: unknown) => (error instanceof EngineError ? new ThimbleError(error.code, withoutIndex(error.message)) : error);

const toolOf = (tools: readonly ToolSpec[], name: string) => tools.find((tool) => tool.name === name);

/** What checked calls amount to. */
function outcomeOf(calls: PartialCall[], confidence: number, stats: Stats): Outcome {
  if (calls.some(({ invalid }) => invalid.length > 0)) return none('invalid', invalidText(calls), calls, confidence, stats);
  if (calls.some(({ missing }) => missing.length > 0)) return none('missing', missingText(calls), calls, confidence, stats);
  if (calls.length === 0) return none('irrelevant', 'No tool fits the query.', [], confidence, stats);
  return { type: 'call', calls: calls.map(({ missing: _, invalid: __, ...call }) => call), confidence, stats };
}

type Reason = Extract<Outcome, { type: 'none' }>['reason'];

function none(reason: Reason, message: string, calls: PartialCall[] = [], confidence = 0, stats?: Stats): Outcome {
  return { type: 'none', reason, message, calls, confidence, ...(stats && { stats }) };
}

function missingText(calls: PartialCall[]): string {
  const { tool, missing } = calls.find(({ missing }) => missing.length > 0)!;
  return `${tool} needs ${missing.join(', ')}.`;
}

function invalidText(calls: PartialCall[]): string {
  const { tool, invalid: [first] } = calls.find(({ invalid }) => invalid.length > 0)!;
  const { path, value, message } = first!;
  return `${tool}: ${path.join('.') || 'its arguments'} cannot be ${JSON.stringify(value)}${message ? ` (${message})` : ''}.`;
}
