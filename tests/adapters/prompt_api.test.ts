/// <reference types="dom-chromium-ai" />
// The shape of the browser's LanguageModel, checked against its published types.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { promptApi } from '../../js/adapters/prompt_api.ts';
import { Thimble } from '../../js/node.ts';

const loaded: Thimble[] = [];
after(() => loaded.forEach((thimble) => thimble.dispose()));

/** What a page that is written for the built-in API uses of it. */
type Used = {
  availability: typeof LanguageModel.availability;
  create(options?: LanguageModelCreateOptions): Promise<Pick<LanguageModel, 'prompt' | 'promptStreaming' | 'destroy'>>;
};
const api: Used = promptApi(async (options) => {
  const thimble = await Thimble.load({ ...options, confirm: () => false });
  loaded.push(thimble);
  return thimble;
});

const done: unknown[] = [];
const tools = [{
  name: 'set_light', description: 'Set the brightness of one room',
  inputSchema: { type: 'object', properties: { room: { type: 'string', enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } }, required: ['room', 'level'] },
  execute: async (values: { room: string; level: number }) => { done.push(values); return `${values.room} is at ${values.level}`; },
}];
const bedroom = { room: 'bedroom', level: 20 };

test('availability follows the load, progress ends at 1, and sessions share one model', async () => {
  assert.equal(await api.availability(), 'downloadable');
  assert.equal(await api.availability({ expectedInputs: [{ type: 'image' }] }), 'unavailable');
  const fractions: number[] = [];
  const creating = api.create({ monitor: (m) => m.addEventListener('downloadprogress', ({ loaded }) => fractions.push(loaded)) });
  const other = api.create();
  assert.equal(await api.availability(), 'downloading');
  await Promise.all([creating, other]);
  assert.equal(await api.availability({ tools }), 'available');
  assert.equal(loaded.length, 1);
  assert.equal(fractions.at(-1), 1);
});

test('a prompt runs the tools and answers with what they return', async () => {
  const session = await api.create({ tools });
  assert.equal(await session.prompt('dim the bedroom to 20'), 'bedroom is at 20');
  assert.equal(await session.prompt([{ role: 'assistant', content: 'Hello' }, { role: 'user', content: [{ type: 'text', value: 'dim the bedroom to 20' }] }]), 'bedroom is at 20');
  assert.deepEqual(done.splice(0), [bedroom, bedroom]);
  assert.equal(await session.prompt('what is the capital of Peru?'), 'No tool fits the query.');
  const pieces: string[] = [];
  for await (const piece of session.promptStreaming('dim the bedroom to 20') as unknown as AsyncIterable<string>) pieces.push(piece);
  assert.deepEqual(pieces, ['bedroom is at 20']);
  const failing = await api.create({ tools: [{ ...tools[0]!, execute: async () => { throw new Error('no bulb'); } }] });
  await assert.rejects(failing.prompt('dim the bedroom to 20'), /no bulb/);
});

test('a response constraint gives JSON, of an object or of one value', async () => {
  const session = await api.create();
  const { inputSchema } = tools[0]!;
  assert.equal(await session.prompt('dim the bedroom to 20', { responseConstraint: inputSchema }), JSON.stringify(bedroom));
  assert.equal(await session.prompt('a table for 4 guests', { responseConstraint: { type: 'integer', description: 'number of guests' } }), '4');
  await assert.rejects(session.prompt('hello', { responseConstraint: inputSchema }), { name: 'OperationError' });
});

test('what Thimble cannot do is refused', async () => {
  const session = await api.create();
  await assert.rejects(session.prompt('write a poem'), { name: 'NotSupportedError' });
  await assert.rejects(session.prompt([{ role: 'user', content: [{ type: 'image', value: new Uint8Array(1) }] }]), { name: 'NotSupportedError' });
  await assert.rejects(api.create({ expectedInputs: [{ type: 'audio' }] }), { name: 'NotSupportedError' });
});

test('aborting and destroying end what waits, and nothing else', async () => {
  const stop = new AbortController();
  const session = await api.create({ tools, signal: stop.signal });
  await assert.rejects(session.prompt('dim the bedroom to 20', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.equal(await session.prompt('dim the bedroom to 20'), 'bedroom is at 20');
  const waiting = assert.rejects(session.prompt('dim the bedroom to 20'), { name: 'AbortError' });
  session.destroy();
  await waiting;
  await assert.rejects(session.prompt('dim the bedroom to 20'), { name: 'InvalidStateError' });
  const other = await api.create({ tools, signal: stop.signal });
  const aborted = assert.rejects(other.prompt('dim the bedroom to 20'), { name: 'AbortError' });
  stop.abort();
  await aborted;
  await assert.rejects(api.create({ signal: stop.signal }), { name: 'AbortError' });
});

test('a load that fails can be tried again', async () => {
  let tries = 0;
  const flaky = promptApi(async () => (++tries === 1 ? Promise.reject(new Error('no network')) : loaded[0]!));
  await assert.rejects(flaky.create(), /no network/);
  assert.equal(await flaky.availability(), 'downloadable');
  assert.ok(await flaky.create());
});
