// The story of a query in the runtime: the engine gets the tools it does not have yet, writes an answer piece by piece,
// and the answer is checked and put into the words of the protocol.
import { hasSpokenFormat, toEngineJson, ToolChecks, type Dates } from './checks.ts';
import { EngineError, type Engine } from './engine.ts';
import { ThimbleError, throwIfAborted } from './errors.ts';
import { PartialAnswer } from './partial_answer.ts';
import type { AnswerEvent, AnswerOptions, AnswerParams, CheckParams, Facts, GivenCall, Outcome, PartialCall, Stats, ToolSpec } from './protocol.ts';
import { tick } from './tick.ts';

/** After so many milliseconds of work the messages that came meanwhile are read. */
const sliceMs = 4;

export class Answers {
  private readonly tools = new Map<string, ToolSpec>();
  private readonly checks = new WeakMap<ToolSpec, ToolChecks>();
  private inEngine: readonly ToolSpec[] = [];
  private dates: Dates | undefined;

  constructor(readonly engine: Engine, private readonly allowUnenforced: boolean) {}

  /** Adds lists of tools. A list of which a tool is refused is left out, and has the error as its result. */
  async add(lists: ToolSpec[][]): Promise<(string[] | ThimbleError)[]> {
    try {
      await this.needDates(lists.flat());
      const unenforced = this.setTools([...this.tools.values(), ...lists.flat()]);
      for (const tool of lists.flat()) this.tools.set(tool.name, tool);
      return lists.map((list) => unenforced.filter(({ tool }) => list.includes(tool!)).map(({ text }) => text));
    } catch (error) {
      if (!(error instanceof ThimbleError || error instanceof EngineError)) throw error;
      return this.addOthers(lists, error);
    }
  }

  remove(names: string[]): null {
    for (const name of names) this.tools.delete(name);
    return null;
  }

  /** Throws ThimbleError `cancelled`, and `bad_tools` for a bad `tools` or `toolChoice`. */
  async answer(
    { query, options, facts, tools, events }: AnswerParams, arrived: number, signal: AbortSignal, onEvent: (event: AnswerEvent) => void,
  ): Promise<Outcome> {
    const started = performance.now();
    if (tools) await this.needDates(tools);
    this.select(tools ?? [...this.tools.values()]);
    const ready = performance.now();
    try {
      await this.write(query, options, signal, events ? new PartialAnswer(onEvent) : undefined);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'overflow') return none('overflow', error.message);
      throw error;
    }
    const { confidence, tokens, ...answer } = this.engine.answer();
    const calls = answer.calls.map((call) => this.checksOf(toolOf(this.inEngine, call.tool)!).check(call, facts, this.dates));
    return outcomeOf(calls, confidence, { tokens, ms: { queued: started - arrived, tools: ready - started, answer: performance.now() - ready } });
  }

  /** The outcome that calls made elsewhere are. Whoever made them may have dates in words, too. */
  async check({ calls, facts, tools }: CheckParams, arrived: number): Promise<Outcome> {
    const started = performance.now();
    if (tools) await this.needDates(tools);
    const known = tools ?? [...this.tools.values()];
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
    this.engine.begin(query, options);
    let sliceEnd = performance.now() + sliceMs;
    for (let complete = false; !complete;) {
      complete = this.engine.advance();
      partial?.read(this.engine.text());
      if (performance.now() < sliceEnd) continue;
      await tick();
      throwIfAborted(signal);
      sliceEnd = performance.now() + sliceMs;
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

  private select(tools: readonly ToolSpec[]): void {
    const same = tools.length === this.inEngine.length && tools.every((tool, i) => tool === this.inEngine[i]);
    if (!same) this.setTools(tools);
  }

  private setTools(tools: readonly ToolSpec[]): { tool: ToolSpec | undefined; text: string }[] {
    const unenforced = this.engine.setTools(toEngineJson(tools), { allowUnenforced: this.allowUnenforced, spokenDates: true });
    this.inEngine = tools;
    return unenforced.map((text) => ({ tool: tools[indexIn(text) ?? -1], text }));
  }

  /** The engine says which tool it refuses: the lists without it get another chance. */
  private async addOthers(lists: ToolSpec[][], { code, message }: ThimbleError | EngineError): Promise<(string[] | ThimbleError)[]> {
    const error = new ThimbleError(code, message.replace(/^tools\[\d+\] \((.*?)\)/, 'tool $1'));
    if (lists.length === 1) return [error];
    const index = indexIn(message);
    const refused = index === undefined ? undefined : lists.flat()[index - this.tools.size];
    const bad = lists.findIndex((list) => list.includes(refused!));
    const others = await this.add(bad < 0 ? lists.slice(1) : lists.toSpliced(bad, 1));
    if (bad >= 0) return others.toSpliced(bad, 0, error);
    return [...(await this.add(lists.slice(0, 1))), ...others];
  }

  private checksOf(tool: ToolSpec): ToolChecks {
    let checks = this.checks.get(tool);
    if (!checks) this.checks.set(tool, checks = new ToolChecks(tool.parameters));
    return checks;
  }
}

/** Which tool of the list a text of the engine is about: it begins with "tools[3]". */
function indexIn(text: string): number | undefined {
  const index = /^tools\[(\d+)\]/.exec(text)?.[1];
  return index === undefined ? undefined : Number(index);
}

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
