// The client by itself, typed as the openai package's, and beneath that package: its runner and stream helpers over `fetch`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { openai, type Client, type StreamingParams } from '../../js/adapters/openai.ts';
import { Thimble, ThimbleError } from '../../js/node.ts';

let thimble: Thimble, client: Client, real: OpenAI;
before(async () => {
  thimble = await Thimble.load();
  client = openai(thimble);
  real = new OpenAI({ apiKey: 'none', baseURL: 'http://thimble.invalid/v1', fetch: overThimble, maxRetries: 0 });
});
after(() => thimble.dispose());

/** What a server of the API answers, with Thimble behind it. */
async function overThimble(url: unknown, init?: RequestInit): Promise<Response> {
  assert.equal(String(url), 'http://thimble.invalid/v1/chat/completions');
  const answer = await client.chat.completions.create(JSON.parse(String(init?.body)) as StreamingParams, { signal: init?.signal });
  if (!(Symbol.asyncIterator in answer)) return Response.json(answer);
  let events = '';
  for await (const chunk of answer) events += `data: ${JSON.stringify(chunk)}\n\n`;
  return new Response(`${events}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
}

const parameters = { type: 'object', properties: { room: { type: 'string', enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } }, required: ['room', 'level'] };
const set_light = { type: 'function' as const, function: { name: 'set_light', description: 'Set the brightness of one room', parameters } };
const play = { type: 'function' as const, function: { name: 'play', description: 'Play music', parameters: { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] } } };
const tools = [set_light, play];
const user = (content: string) => ({ role: 'user' as const, content });
const bedroom = { room: 'bedroom', level: 20 };

const callsOf = ({ choices: [choice] }: OpenAI.ChatCompletion) =>
  (choice!.message.tool_calls ?? []).map((call) => call.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)]);

test('create has the types of the openai package, and calls a tool', async () => {
  const params: OpenAI.ChatCompletionCreateParamsNonStreaming = { model: 'any', messages: [{ role: 'system', content: 'Be brief.' }, user('dim the bedroom to 20')], tools, temperature: 0 };
  const completion: OpenAI.ChatCompletion = await client.chat.completions.create(params);
  assert.deepEqual(callsOf(completion), [['set_light', bedroom]]);
  const [{ finish_reason, message }] = completion.choices as [OpenAI.ChatCompletion.Choice];
  assert.deepEqual([finish_reason, message.content], ['tool_calls', null]);
  assert.equal(completion.usage!.total_tokens, completion.usage!.prompt_tokens + completion.usage!.completion_tokens);
  assert.ok(completion.usage!.prompt_tokens > 4);
});

test('runTools of the openai package runs the tools and ends with what they returned', async () => {
  const done: unknown[] = [];
  const runner = real.chat.completions.runTools({
    model: 'thimble', messages: [user('dim the bedroom to 20')],
    tools: [{ type: 'function', function: { ...set_light.function, parse: JSON.parse, function: (values: typeof bedroom) => { done.push(values); return `${values.room} is at ${values.level}`; } } }],
  });
  assert.equal(await runner.finalContent(), 'bedroom is at 20');
  assert.deepEqual(done, [bedroom]);
});

test('its stream helper reads the chunks: calls, text, usage', async () => {
  const stream = real.chat.completions.stream({ model: 'thimble', messages: [user('dim the bedroom to 20')], tools, stream_options: { include_usage: true } });
  const deltas: string[] = [];
  stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => deltas.push(arguments_delta));
  const completion = await stream.finalChatCompletion();
  assert.deepEqual(callsOf(completion), [['set_light', bedroom]]);
  assert.equal(deltas.join(''), JSON.stringify(bedroom));
  assert.ok(completion.usage!.completion_tokens > 4);
  const text = await real.chat.completions.stream({ model: 'thimble', messages: [user('what is the capital of Peru?')], tools }).finalContent();
  assert.equal(text, 'No tool fits the query.');
});

test('its parse helper gets values by a zod schema, and a refusal where there are none', async () => {
  const response_format = zodResponseFormat(z.object({ city: z.string(), guests: z.int() }), 'table');
  const { choices: [found] } = await real.chat.completions.parse({ model: 'thimble', messages: [user('a table for 4 guests in Vienna')], response_format });
  assert.deepEqual(found!.message.parsed, { city: 'Vienna', guests: 4 });
  const { choices: [none] } = await real.chat.completions.parse({ model: 'thimble', messages: [user('hello')], response_format });
  assert.equal(none!.message.parsed, null);
  assert.match(none!.message.refusal!, /needs/);
});

test('tool choice in every form is obeyed', async () => {
  const ask = async (content: string, tool_choice: OpenAI.ChatCompletionToolChoiceOption) => callsOf(await client.chat.completions.create({ messages: [user(content)], tools, tool_choice })).map((call) => call && call[0]);
  assert.deepEqual(await ask('dim the bedroom to 20', 'none'), []);
  assert.deepEqual(await ask('some jazz please', 'required'), ['play']);
  assert.deepEqual(await ask('some jazz please', { type: 'function', function: { name: 'play' } }), ['play']);
  const only = (mode: 'auto' | 'required') => ({ type: 'allowed_tools' as const, allowed_tools: { mode, tools: [{ type: 'function', function: { name: 'play' } }] } });
  assert.deepEqual(await ask('some jazz please', only('required')), ['play']);
  assert.equal((await ask('dim the bedroom to 20', only('auto'))).includes('set_light'), false);
  await assert.rejects(ask('x', { type: 'custom', custom: { name: 'play' } }), { code: 'bad_tools' });
});

test('parallel_tool_calls: false gives one call at most', async () => {
  const query = 'dim the bedroom to 20 and play some jazz';
  const both = await client.chat.completions.create({ messages: [user(query)], tools });
  assert.deepEqual(callsOf(both).map((call) => call && call[0]), ['set_light', 'play']);
  const one = await client.chat.completions.create({ messages: [user(query)], tools, parallel_tool_calls: false });
  assert.equal(callsOf(one).length, 1);
});

test('what Thimble cannot do is refused, and an abort is an error', async () => {
  const image = { role: 'user' as const, content: [{ type: 'image_url' as const, image_url: { url: 'data:,' } }] };
  await assert.rejects(client.chat.completions.create({ messages: [image], tools }), { code: 'bad_input' });
  await assert.rejects(client.chat.completions.create({ messages: [user('x')], tools, n: 2 }), { code: 'bad_input' });
  await assert.rejects(client.chat.completions.create({ messages: [user('x')], tools }, { signal: AbortSignal.abort() }), (error) => error instanceof ThimbleError && error.code === 'cancelled');
  await assert.rejects(real.chat.completions.create({ model: 'thimble', messages: [user('x')], tools }, { signal: AbortSignal.abort() }), { name: 'Error' });
});
