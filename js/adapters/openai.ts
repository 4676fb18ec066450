// `thimble/openai`: `chat.completions.create` of the openai package, answered by Thimble. It calls tools and fills JSON schemas;
// it cannot chat: where it has no call, `content` is one sentence that says why, and once tools have run, what they returned.
import type {
  ChatCompletion, ChatCompletionChunk, ChatCompletionCreateParamsNonStreaming, ChatCompletionCreateParamsStreaming, ChatCompletionMessage,
  ChatCompletionMessageParam, ChatCompletionTool, ChatCompletionToolChoiceOption,
} from 'openai/resources/chat/completions';
import type { Outcome, Stats, ToolChoice } from '../../web/protocol.ts';
import { cancelled } from '../../web/errors.ts';
import { ThimbleError } from '../errors.ts';
import type { Extraction, Thimble } from '../thimble.ts';

type Used = 'messages' | 'tools' | 'tool_choice' | 'parallel_tool_calls' | 'response_format' | 'n';

/** What is read of the parameters; others, like `temperature`, change nothing. The last user message is the request. */
export type CreateParams = Pick<ChatCompletionCreateParamsNonStreaming, Used | 'stream'> & { model?: string };
export type StreamingParams = Pick<ChatCompletionCreateParamsStreaming, Used | 'stream' | 'stream_options'> & { model?: string };
export interface RequestOptions { signal?: AbortSignal | null | undefined }

export interface Client {
  chat: {
    completions: {
      /** Rejects with ThimbleError: `bad_tools`, `bad_input` (images, n > 1), `cancelled`... */
      create(params: CreateParams, options?: RequestOptions): Promise<ChatCompletion>;
      create(params: StreamingParams, options?: RequestOptions): Promise<AsyncIterable<ChatCompletionChunk>>;
    };
  };
}

/** `openai(Thimble.load()).chat.completions.create({ messages, tools })`. Tools registered with the Thimble are not offered. */
export function openai(thimble: Thimble | PromiseLike<Thimble>): Client {
  async function create(params: CreateParams | StreamingParams, { signal }: RequestOptions = {}): Promise<ChatCompletion | AsyncIterable<ChatCompletionChunk>> {
    const completion = await complete(await thimble, params, signal ?? undefined);
    if (signal?.aborted) throw cancelled(signal);
    // An answer takes a few dozen milliseconds, and its calls are not known to be valid before it is complete.
    return params.stream ? chunksOf(completion, params.stream_options?.include_usage ?? false) : completion;
  }
  return { chat: { completions: { create: create as Client['chat']['completions']['create'] } } };
}

async function complete(thimble: Thimble, params: CreateParams | StreamingParams, signal: AbortSignal | undefined): Promise<ChatCompletion> {
  const { messages, response_format: format, parallel_tool_calls: parallel } = params;
  if ((params.n ?? 1) > 1) throw new ThimbleError('bad_input', 'Thimble gives one answer; leave out n.');
  const last = messages.findLastIndex(({ role }) => role === 'user'), query = textOf(messages[last]);
  const results = messages.slice(last + 1).filter(({ role }) => role === 'tool').map(textOf);
  const [tools, toolChoice] = choiceOf(params.tools ?? [], params.tool_choice);
  if (format?.type === 'json_schema' && (tools.length === 0 || results.length > 0)) return filled(await thimble.extract(query, format.json_schema.schema ?? {}, { signal }));
  if (results.length > 0) return completionOf({ content: results.join('\n') }, 'stop', undefined);
  return called(await thimble.call(query, { tools, toolChoice, signal, ...(parallel === false && { maxCalls: 1 }) }));
}

function called(outcome: Outcome): ChatCompletion {
  if (outcome.type === 'none') return completionOf({ content: outcome.message }, outcome.reason === 'overflow' ? 'length' : 'stop', outcome.stats);
  const tool_calls = outcome.calls.map(({ tool, arguments: values }) =>
    ({ id: `call_${crypto.randomUUID()}`, type: 'function' as const, function: { name: tool, arguments: JSON.stringify(values) } }));
  return completionOf({ tool_calls }, 'tool_calls', outcome.stats);
}

function filled(extraction: Extraction<unknown>): ChatCompletion {
  if (extraction.type === 'value') return completionOf({ content: JSON.stringify(extraction.value) }, 'stop', extraction.stats);
  return completionOf({ refusal: extraction.message }, extraction.reason === 'overflow' ? 'length' : 'stop', extraction.stats);
}

/** `usage` counts what is read for this request; tools are read once and kept. */
function completionOf(message: Partial<ChatCompletionMessage>, finish_reason: ChatCompletion.Choice['finish_reason'], stats: Stats | undefined): ChatCompletion {
  const { query = 0, answer = 0 } = stats?.tokens ?? {};
  return {
    id: `chatcmpl-${crypto.randomUUID()}`, object: 'chat.completion', created: Math.floor(Date.now() / 1000), model: 'thimble',
    choices: [{ index: 0, message: { role: 'assistant', content: null, refusal: null, ...message }, logprobs: null, finish_reason }],
    usage: { prompt_tokens: query, completion_tokens: answer, total_tokens: query + answer },
  };
}

async function* chunksOf({ choices: [choice], usage, ...head }: ChatCompletion, withUsage: boolean): AsyncGenerator<ChatCompletionChunk> {
  const { message: { tool_calls, ...message }, finish_reason } = choice!;
  const chunk = (delta: ChatCompletionChunk.Choice.Delta, finish: ChatCompletionChunk.Choice['finish_reason']): ChatCompletionChunk => ({
    ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...(withUsage && { usage: null }),
  });
  yield chunk({ role: 'assistant', content: message.content, refusal: message.refusal }, null);
  for (const [index, call] of (tool_calls ?? []).entries()) if (call.type === 'function') yield chunk({ tool_calls: [{ index, ...call }] }, null);
  yield chunk({}, finish_reason);
  if (withUsage) yield { ...head, object: 'chat.completion.chunk', choices: [], usage: usage! };
}

function textOf(message: ChatCompletionMessageParam | undefined): string {
  const content = message?.content ?? '';
  if (typeof content === 'string') return content;
  return content.map((part) => {
    if (part.type !== 'text') throw new ThimbleError('bad_input', `Thimble reads text only; a message has a part of type ${part.type}.`);
    return part.text;
  }).join(' ');
}

/** The tools that may be called, and how. */
function choiceOf(tools: ChatCompletionTool[], choice: ChatCompletionToolChoiceOption = 'auto'): [ChatCompletionTool[], ToolChoice] {
  if (typeof choice === 'string') return [tools, choice];
  if (choice.type === 'function') return [tools, { tool: choice.function.name }];
  if (choice.type === 'custom') throw new ThimbleError('bad_tools', 'Custom tools cannot be called; give function tools.');
  const names = new Set(choice.allowed_tools.tools.map(({ function: called }) => (called as { name?: unknown } | undefined)?.name));
  return [tools.filter((tool) => tool.type === 'function' && names.has(tool.function.name)), choice.allowed_tools.mode];
}
