// `thimble/ai-sdk`: Thimble as a language model of the Vercel AI SDK. It calls tools and fills schemas; it cannot chat: where it
// has no call, its text is one sentence that says why, and once tools have run, its text is what they returned.
import type {
  LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Content, LanguageModelV4FinishReason, LanguageModelV4GenerateResult,
  LanguageModelV4Prompt, LanguageModelV4StreamPart, LanguageModelV4ToolChoice, LanguageModelV4ToolResultOutput, LanguageModelV4Usage, SharedV4ProviderMetadata, SharedV4Warning,
} from '@ai-sdk/provider';
import type { Outcome, Stats, ToolChoice } from '../../web/protocol.ts';
import type { Extraction, Thimble } from '../thimble.ts';

/**
 * `generateText({ model: languageModel(Thimble.load()), tools, prompt })`. The last user message is the request; tools registered
 * with the Thimble are not offered. Rejects with ThimbleError (`bad_tools`...) and, once aborted, with the signal's reason.
 */
export function languageModel(thimble: Thimble | PromiseLike<Thimble>): LanguageModelV4 {
  const doGenerate = async (options: LanguageModelV4CallOptions) => {
    const result = await generate(await thimble, options);
    options.abortSignal?.throwIfAborted();
    return result;
  };
  return {
    specificationVersion: 'v4', provider: 'thimble', modelId: 'thimble', supportedUrls: {}, doGenerate,
    // An answer takes a few dozen milliseconds, and its calls are not known to be valid before it is complete.
    doStream: async (options) => ({ stream: streamOf(parts(await doGenerate(options))) }),
  };
}

async function generate(thimble: Thimble, options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
  const { prompt, responseFormat, abortSignal: signal } = options;
  const tools = options.tools?.filter((tool) => tool.type === 'function') ?? [];
  const warnings = warningsOf(options), query = requestOf(prompt), results = resultsOf(prompt);
  if (responseFormat?.type === 'json' && responseFormat.schema && (tools.length === 0 || results)) {
    return { ...extracted(await thimble.extract(query, responseFormat.schema as Record<string, unknown>, { signal })), warnings };
  }
  if (results) return { content: [{ type: 'text', text: results.join('\n') }], finishReason: { unified: 'stop', raw: undefined }, usage: usageOf(undefined), warnings };
  return { ...called(await thimble.call(query, { tools, toolChoice: choiceOf(options.toolChoice), signal })), warnings };
}

type Result = Omit<LanguageModelV4GenerateResult, 'warnings'>;

function called(outcome: Outcome): Result {
  const { confidence, stats } = outcome;
  if (outcome.type === 'none') return refused(outcome);
  const content = outcome.calls.map(({ tool, arguments: input }): LanguageModelV4Content =>
    ({ type: 'tool-call', toolCallId: `call_${crypto.randomUUID()}`, toolName: tool, input: JSON.stringify(input) }));
  const evidence = outcome.calls.map((call) => ({ confidence: call.confidence, evidence: call.evidence }));
  return { content, finishReason: { unified: 'tool-calls', raw: undefined }, usage: usageOf(stats), providerMetadata: { thimble: { confidence, calls: evidence } } };
}

function extracted(extraction: Extraction<unknown>): Result {
  if (extraction.type === 'none') return refused(extraction);
  const { value, confidence, evidence, stats } = extraction;
  return {
    content: [{ type: 'text', text: JSON.stringify(value) }], finishReason: { unified: 'stop', raw: undefined }, usage: usageOf(stats),
    providerMetadata: { thimble: { confidence, calls: [{ confidence, evidence }] } },
  };
}

function refused({ reason, message, confidence, stats }: Extract<Outcome, { type: 'none' }>): Result {
  const unified: LanguageModelV4FinishReason['unified'] = reason === 'overflow' ? 'length' : 'stop';
  const providerMetadata: SharedV4ProviderMetadata = { thimble: { confidence, reason } };
  return { content: [{ type: 'text', text: message }], finishReason: { unified, raw: reason }, usage: usageOf(stats), providerMetadata };
}

/** The text of the last user message. */
function requestOf(prompt: LanguageModelV4Prompt): string {
  const last = prompt.findLast((message) => message.role === 'user');
  return last?.content.flatMap((part) => (part.type === 'text' ? part.text : [])).join(' ') ?? '';
}

/** What the tools have returned since the last user message; undefined if none has run. */
function resultsOf(prompt: LanguageModelV4Prompt): string[] | undefined {
  const since = prompt.slice(prompt.findLastIndex(({ role }) => role === 'user') + 1);
  const parts = since.flatMap((message) => (message.role === 'tool' ? message.content : []));
  const results = parts.flatMap((part) => (part.type === 'tool-result' ? part.output : []));
  return results.length === 0 ? undefined : results.map(textOf);
}

function textOf(output: LanguageModelV4ToolResultOutput): string {
  if (output.type === 'execution-denied') return output.reason ?? 'The tool was not run.';
  if (output.type === 'content') return output.value.map((part) => (part.type === 'text' ? part.text : JSON.stringify(part))).join('\n');
  return typeof output.value === 'string' ? output.value : JSON.stringify(output.value);
}

function choiceOf(choice: LanguageModelV4ToolChoice | undefined): ToolChoice {
  if (!choice) return 'auto';
  return choice.type === 'tool' ? { tool: choice.toolName } : choice.type;
}

/** Tools are read once and kept, and not counted. */
function usageOf(stats: Stats | undefined): LanguageModelV4Usage {
  const { query = 0, answer = 0 } = stats?.tokens ?? {};
  return {
    inputTokens: { total: query, noCache: query, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: answer, text: answer, reasoning: undefined },
  };
}

const unused = ['maxOutputTokens', 'temperature', 'stopSequences', 'topP', 'topK', 'presencePenalty', 'frequencyPenalty', 'seed'] as const;

function warningsOf({ prompt, tools, ...options }: LanguageModelV4CallOptions): SharedV4Warning[] {
  const features: string[] = unused.filter((name) => options[name] !== undefined);
  for (const tool of tools ?? []) if (tool.type === 'provider') features.push(`tool ${tool.id}`);
  for (const { role, content } of prompt) {
    if (role === 'system') features.push('system message');
    else if (role === 'user' && content.some(({ type }) => type === 'file')) features.push('files');
  }
  if (options.responseFormat?.type === 'json' && !options.responseFormat.schema) features.push('JSON without a schema');
  return [...new Set(features)].map((feature) => ({ type: 'unsupported', feature }));
}

function* parts({ content, finishReason, usage, providerMetadata, warnings }: LanguageModelV4GenerateResult): Generator<LanguageModelV4StreamPart> {
  yield { type: 'stream-start', warnings };
  for (const [index, part] of content.entries()) {
    if (part.type === 'text') {
      const id = String(index);
      yield* [{ type: 'text-start', id }, { type: 'text-delta', id, delta: part.text }, { type: 'text-end', id }] as const;
    } else if (part.type === 'tool-call') {
      const { toolCallId: id, toolName, input } = part;
      yield* [{ type: 'tool-input-start', id, toolName }, { type: 'tool-input-delta', id, delta: input }, { type: 'tool-input-end', id }] as const;
      yield part;
    }
  }
  yield { type: 'finish', finishReason, usage, ...(providerMetadata && { providerMetadata }) };
}

function streamOf<T>(items: Iterable<T>): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item);
      controller.close();
    },
  });
}
