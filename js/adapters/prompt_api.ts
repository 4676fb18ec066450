// `thimble/prompt-api`: Thimble in the shape of `LanguageModel`, the browser's built-in Prompt API
// (https://webmachinelearning.github.io/prompt-api), for its two uses that need no chat: sessions with tools, and prompts with a
// responseConstraint. Anything else rejects with NotSupportedError.
import type { CallOptions, LoadOptions } from '../options.ts';
import { downloadMonitor, type CreateMonitor } from '../monitor.ts';
import type { RunOutcome } from '../run.ts';
import type { Extraction, Thimble } from '../thimble.ts';
import type { AnyTool } from '../tools.ts';

/** A text, or messages, of which the last user message counts. */
export type PromptInput = string | readonly PromptMessage[];
export interface PromptMessage { role: string; content: string | readonly { type: string; value: unknown }[] }

export interface PromptOptions {
  /** A JSON Schema: the prompt is read for the values that it describes. */
  responseConstraint?: Readonly<Record<string, unknown>>;
  signal?: AbortSignal;
}

export interface CoreOptions {
  /** `execute` gets what was said; its result is the answer. */
  tools?: readonly AnyTool[];
  expectedInputs?: readonly { type: string; languages?: readonly string[] }[];
  expectedOutputs?: readonly { type: string; languages?: readonly string[] }[];
}

export interface CreateOptions extends CoreOptions {
  /** While the model loads, ends the wait; later, destroys the session. */
  signal?: AbortSignal;
  monitor?: (monitor: CreateMonitor) => void;
}

export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

/** What `load` is called with. */
export type Load = (options: Pick<LoadOptions, 'onProgress'>) => Promise<Thimble>;

/** `const LanguageModel = promptApi((options) => Thimble.load(options))`. All sessions share one model, loaded with the first. */
export function promptApi(load: Load): { availability(options?: CoreOptions): Promise<Availability>; create(options?: CreateOptions): Promise<PromptSession> } {
  const reports = new Set<ReturnType<typeof downloadMonitor>>();
  let loading: Promise<Thimble> | undefined, state: Availability = 'downloadable';
  const start = async () => {
    state = 'downloading';
    try {
      const thimble = await load({ onProgress: (progress) => { for (const report of reports) report.progress(progress); } });
      state = 'available';
      return thimble;
    } catch (error) {
      [loading, state] = [undefined, 'downloadable'];
      throw error;
    }
  };
  return {
    availability: async (options) => (isText(options) ? state : 'unavailable'),
    async create(options = {}) {
      if (!isText(options)) throw new DOMException('Only text is understood.', 'NotSupportedError');
      const report = options.monitor && downloadMonitor(options.monitor);
      if (report) reports.add(report);
      try {
        const thimble = await unlessAborted(loading ??= start(), options.signal);
        report?.done();
        return new PromptSession(thimble, options);
      } finally {
        if (report) reports.delete(report);
      }
    },
  };
}

/** A session: tools that prompts can run. Prompts do not remember one another. */
export class PromptSession {
  private readonly stop = new AbortController();

  constructor(private readonly thimble: Thimble, private readonly options: CreateOptions) {
    options.signal?.addEventListener('abort', () => this.stop.abort(options.signal!.reason), { signal: this.stop.signal });
  }

  /**
   * With `responseConstraint`: the values as JSON; rejects with OperationError where the text does not say them. With tools: does
   * what is asked and resolves to what the tools returned, or to a sentence that says why nothing was done.
   */
  async prompt(input: PromptInput, { responseConstraint, signal }: PromptOptions = {}): Promise<string> {
    if (this.stop.signal.aborted) throw new DOMException('The session was destroyed.', 'InvalidStateError');
    const both = AbortSignal.any([this.stop.signal, ...(signal ? [signal] : [])]);
    const text = textOf(input), options = { signal: both };
    both.throwIfAborted();
    if (responseConstraint) return this.fill(text, responseConstraint, options);
    if (!this.options.tools?.length) throw new DOMException('Thimble answers with tools or a responseConstraint only.', 'NotSupportedError');
    const outcome = await this.thimble.run(text, { ...options, tools: this.options.tools });
    both.throwIfAborted();
    return said(outcome);
  }

  /** `prompt`, as a stream of one piece: an answer is not known to be valid before it is complete. */
  promptStreaming(input: PromptInput, options: PromptOptions = {}): ReadableStream<string> {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
    return new ReadableStream({
      pull: async (controller) => {
        controller.enqueue(await this.prompt(input, { ...options, signal }));
        controller.close();
      },
      cancel: (reason) => stop.abort(reason),
    });
  }

  /** Ends the prompts that wait; the model stays for other sessions. */
  destroy(): undefined { this.stop.abort(new DOMException('The session was destroyed.', 'AbortError')); }

  private async fill(text: string, schema: Readonly<Record<string, unknown>>, options: CallOptions & { signal: AbortSignal }): Promise<string> {
    const isObject = schema.type === 'object' || typeof schema.properties === 'object';
    const extraction: Extraction<Record<string, unknown>> =
      await this.thimble.extract(text, isObject ? schema : { type: 'object', properties: { value: schema }, required: ['value'] }, options);
    options.signal.throwIfAborted();
    if (extraction.type === 'none') throw new DOMException(extraction.message, 'OperationError');
    return JSON.stringify(isObject ? extraction.value : extraction.value.value);
  }
}

const isText = ({ expectedInputs = [], expectedOutputs = [] }: CoreOptions = {}) =>
  [...expectedInputs, ...expectedOutputs].every(({ type }) => /^(text|tool-call|tool-response)$/.test(type));

function textOf(input: PromptInput): string {
  const content = typeof input === 'string' ? input : input.findLast(({ role }) => role === 'user')?.content ?? '';
  if (typeof content === 'string') return content;
  if (content.some(({ type }) => type !== 'text')) throw new DOMException('Only text is understood.', 'NotSupportedError');
  return content.map(({ value }) => String(value)).join(' ');
}

function said(outcome: RunOutcome): string {
  if (outcome.type === 'none') return outcome.message;
  return outcome.results.map((result) => {
    if (result.status === 'failed') throw result.error;
    if (result.status !== 'done') return `${result.call.tool} was not done.`;
    return typeof result.value === 'string' ? result.value : JSON.stringify(result.value) ?? `${result.call.tool} is done.`;
  }).join('\n');
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal!.reason as Error);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
  });
}
