// The provider, driven by the Vercel AI SDK itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { generateText, isStepCount, jsonSchema, Output, streamText, tool } from 'ai';
import { z } from 'zod';
import { languageModel } from '../../js/adapters/ai_sdk.ts';
import { Thimble } from '../../js/node.ts';

let thimble: Thimble, model: ReturnType<typeof languageModel>;
before(async () => {
  thimble = await Thimble.load();
  model = languageModel(Promise.resolve(thimble));
});
after(() => thimble.dispose());

const set_light = tool({
  description: 'Set the brightness of one room',
  inputSchema: z.object({ room: z.enum(['kitchen', 'bedroom']), level: z.int().min(0).max(100) }),
  execute: async ({ room, level }) => `${room} is at ${level}`,
});
const play = tool({ description: 'Play music', inputSchema: jsonSchema<{ what: string }>({ type: 'object', properties: { what: { type: 'string' } }, required: ['what'] }) });
const tools = { set_light, play };
const bedroom = { room: 'bedroom', level: 20 };

test('generateText calls a tool, and a second step says what it returned', async () => {
  const { steps, text, totalUsage } = await generateText({ model, tools, prompt: 'dim the bedroom to 20', stopWhen: isStepCount(3) });
  assert.deepEqual(steps.map(({ finishReason }) => finishReason), ['tool-calls', 'stop']);
  assert.deepEqual(steps[0]!.toolCalls.map(({ toolName, input }) => [toolName, input]), [['set_light', bedroom]]);
  assert.equal(text, 'bedroom is at 20');
  assert.ok(totalUsage.inputTokens! > 4 && totalUsage.outputTokens! > 4);
  const { calls: [call] } = steps[0]!.providerMetadata!.thimble as unknown as { calls: { evidence: { path: string[]; span: number[] }[] }[] };
  assert.deepEqual(call!.evidence.find(({ path }) => path[0] === 'room')!.span, [8, 15]);
});

test('streamText streams the same calls and text', async () => {
  const result = streamText({ model, tools, prompt: 'dim the bedroom to 20', stopWhen: isStepCount(3) });
  const types: string[] = [];
  for await (const part of result.fullStream) types.push(part.type);
  assert.deepEqual(types.filter((type) => /^(tool|text|finish)/.test(type)), [
    'tool-input-start', 'tool-input-delta', 'tool-input-end', 'tool-call', 'tool-result', 'finish-step', 'text-start', 'text-delta', 'text-end', 'finish-step', 'finish',
  ]);
  assert.equal(await result.text, 'bedroom is at 20');
});

test('without a call the text says why', async () => {
  const song = await generateText({ model, tools, prompt: 'what is the capital of Peru?' });
  assert.deepEqual([song.toolCalls, song.text, song.finishReason, song.rawFinishReason], [[], 'No tool fits the query.', 'stop', 'irrelevant']);
  const half = await generateText({ model, tools, prompt: 'dim the lights in the bedroom' });
  assert.deepEqual([half.toolCalls, half.text, half.rawFinishReason], [[], 'set_light needs level.', 'missing']);
  await assert.rejects(generateText({ model, tools, toolChoice: 'required', prompt: 'dim the lights in the bedroom' }), { name: 'AI_ToolChoiceViolationError' });
});

test('tool choice is obeyed, and the last user message is the request', async () => {
  const none = await generateText({ model, tools, toolChoice: 'none', prompt: 'dim the bedroom to 20' });
  assert.deepEqual(none.toolCalls, []);
  const forced = await generateText({ model, tools, toolChoice: { type: 'tool', toolName: 'play' }, prompt: 'some jazz please' });
  assert.deepEqual(forced.toolCalls.map(({ toolName }) => toolName), ['play']);
  const { toolCalls } = await generateText({ model, tools, messages: [
    { role: 'user', content: 'play some jazz' }, { role: 'assistant', content: 'Done.' }, { role: 'user', content: [{ type: 'text', text: 'dim the bedroom' }, { type: 'text', text: 'to 20' }] },
  ] });
  assert.deepEqual(toolCalls.map(({ input }) => input), [bedroom]);
});

test('an output schema is filled from the text', async () => {
  const output = Output.object({ schema: z.object({ city: z.string(), guests: z.int() }) });
  const { output: found } = await generateText({ model, output, prompt: 'a table for 4 guests in Vienna' });
  assert.deepEqual(found, { city: 'Vienna', guests: 4 });
});

test('what the model cannot do is a warning', async () => {
  const { warnings } = await generateText({ model, tools, instructions: 'Be brief.', temperature: 0.3, maxOutputTokens: 40, prompt: 'dim the bedroom to 20' });
  assert.deepEqual(warnings?.map((warning) => 'feature' in warning && warning.feature).sort(), ['maxOutputTokens', 'system message', 'temperature']);
});

test('an abort rejects with its reason, also while the model works', async () => {
  for (const signal of [AbortSignal.abort(), AbortSignal.timeout(1)]) {
    await assert.rejects(generateText({ model, tools, prompt: 'dim the bedroom to 20 '.repeat(20), abortSignal: signal, maxRetries: 0 }), { name: signal.reason?.name ?? 'TimeoutError' });
  }
});

test('two requests at once keep their tools apart, and those registered stay out', async () => {
  const { unregister } = await thimble.registerTool({ name: 'set_light', description: 'Another one' });
  const [first, second] = await Promise.all([
    generateText({ model, tools: { set_light }, prompt: 'dim the bedroom to 20' }), generateText({ model, tools: { play }, prompt: 'play some jazz' }),
  ]);
  unregister();
  assert.deepEqual([...first.toolCalls, ...second.toolCalls].map(({ toolName }) => toolName), ['set_light', 'play']);
});

test('a schema that cannot be enforced is refused', async () => {
  const odd = tool({ inputSchema: jsonSchema({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } }, not: { required: ['a', 'b'] } }) });
  await assert.rejects(generateText({ model, tools: { odd }, prompt: 'x', maxRetries: 0 }), { code: 'bad_tools' });
});
