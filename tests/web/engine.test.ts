// The typed class around the module that ships: what it refuses, and how.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Engine, EngineError, type Answer, type AnswerOptions, type EngineCode } from '../../web/engine.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

const model = readFileSync(`${rootDir}/model/thimble.san`);
const tools = '[{"name":"set_light","parameters":{"type":"object","properties":{"room":{"type":"string"}}}}]';

const is = (code: EngineCode, message: RegExp) => (error: unknown) =>
  error instanceof EngineError && error.code === code && message.test(error.message);

test('the shipped model loads from chunks of any size and answers in the shipped module', async () => {
  function* chunks() {
    for (let at = 0, size = 1; at < model.length; at += size, size = (size * 7) % 100_003) yield model.subarray(at, at + size);
  }
  const seen: number[] = [];
  const engine = await Engine.load(await loadModule(), chunks(), {}, (loaded) => seen.push(loaded));
  assert.equal(seen.at(-1), model.length);
  engine.setTools(tools);
  engine.begin('light in the kitchen');
  while (!engine.advance());
  assert.equal(engine.text(), '[{"name":"set_light","arguments":{"room":" kitchen"}}]');
  assert.deepEqual(engine.answer().calls[0]!.arguments, { room: 'kitchen' });
});

test('a file that is cut off, spoilt, followed by more, or none is refused with the place', async () => {
  const load = async (...chunks: Uint8Array[]) => Engine.load(await loadModule(), chunks);
  const spoilt = Uint8Array.from(model);
  spoilt[model.length - 100]! ^= 1;
  await assert.rejects(load(), is('bad_weights', /^section header: /));
  await assert.rejects(load(model.subarray(0, 70)), is('bad_weights', /^section header: /));
  await assert.rejects(load(model.subarray(0, -64)), is('bad_weights', /^section output: .*download the file again/));
  await assert.rejects(load(spoilt), is('bad_weights', /^section output: /));
  await assert.rejects(load(model, new Uint8Array(1)), is('bad_weights', /after the end/));
  await assert.rejects(load(new TextEncoder().encode('<!doctype html>'.repeat(9))), is('bad_weights', /^section header: /));
});

test('with bytes that were checked before, checksums are not computed again; the header is', async () => {
  const spoilt = Uint8Array.from(model), headless = Uint8Array.from(model);
  spoilt[model.length - 100]! ^= 1;
  headless[40]! ^= 1;
  (await Engine.load(await loadModule(), [spoilt], { verified: true })).dispose();
  await assert.rejects(async () => Engine.load(await loadModule(), [headless], { verified: true }), is('bad_weights', /^section header: /));
});

test('kernels that are not there are refused', async () => {
  const unknown = { kernels: 'fast' as 'best' };
  await assert.rejects(async () => Engine.load(await loadModule(), [model], unknown), is('no_kernels', /fast/));
});

test('arguments out of range and calls out of order throw EngineError', async () => {
  const engine = await Engine.load(await loadModule(), [model]);
  assert.throws(() => engine.step([1]), is('bad_input', /encode one first/));
  engine.setTools(tools);
  engine.encode('light in the kitchen');
  for (const id of [NaN, 1.5, 2 ** 31, 2 ** 32 + 1, -1, 8192]) assert.throws(() => engine.step([id]), is('bad_input', /token id/));
  assert.equal(engine.step([1]).length, 8192);
  engine.setTools('[]');
  assert.throws(() => engine.step([1]), is('bad_input', /encode one first/));
  assert.throws(() => engine.setTools(`[${' '.repeat(2 ** 20)}]`), is('bad_tools', /bytes of JSON/));
  const long = 'a'.repeat(2 ** 20 + 1);
  assert.throws(() => engine.tokenize(long), is('bad_input', /bytes/));
  assert.throws(() => engine.queryTokens(long), is('bad_input', /bytes/));
  assert.throws(() => engine.encode('word '.repeat(600)), is('overflow', /tokens/));
});

const set = (properties: object, required: string[] = []) =>
  JSON.stringify([{ name: 'set_volume', description: 'Set the volume of the speaker', parameters: { type: 'object', properties, required } }]);

function answer(engine: Engine, query: string, options: AnswerOptions = {}): Answer {
  engine.begin(query, options);
  while (!engine.advance());
  return engine.answer();
}

test('an answer says what was found, where in the query, and what was wrong with it', async () => {
  const engine = await Engine.load(await loadModule(), [model]);
  assert.deepEqual(engine.setTools(set({ level: { type: 'integer', maximum: 100 } }, ['level'])), []);
  const query = '🔊 set volume to 20';
  const call = answer(engine, query);
  assert.equal(call.outcome, 'call');
  assert.equal(call.reason, undefined);
  assert.ok(call.confidence > 0.5 && call.confidence <= 1);
  assert.deepEqual(call.calls.map(({ tool, arguments: values }) => ({ tool, values })), [{ tool: 'set_volume', values: { level: 20 } }]);
  const [level] = call.calls[0]!.evidence;
  assert.deepEqual(level!.path, ['level']);
  assert.equal(query.slice(...level!.span!), '20');
  assert.ok(call.tokens.forced > 0 && call.tokens.passes > 0 && call.tokens.query > 0 && call.tokens.answer > call.tokens.forced);

  const invalid = answer(engine, 'set volume to 150');
  assert.equal(invalid.reason, 'invalid');
  assert.deepEqual(invalid.calls[0]!.invalid, [{ path: ['level'], value: 150 }]);
  assert.deepEqual(invalid.calls[0]!.arguments, {});
  const missing = answer(engine, 'set the volume');
  assert.equal(missing.reason, 'missing');
  assert.deepEqual(missing.calls[0]!.missing, ['level']);
  assert.equal(answer(engine, 'how tall is mount everest').reason, 'irrelevant');
  assert.equal(answer(engine, 'how tall is mount everest', { toolChoice: 'required', maxCalls: 1 }).calls.length, 1);
  assert.equal(answer(engine, 'set volume to 20', { toolChoice: 'none' }).reason, 'irrelevant');
});

test('what cannot be enforced is refused or listed, and options that cannot be met are refused', async () => {
  const engine = await Engine.load(await loadModule(), [model]);
  const tools = set({ level: { type: 'integer', not: { const: 13 } } });
  assert.throws(() => engine.setTools(tools), is('bad_tools', /not/));
  assert.deepEqual(engine.setTools(tools, { allowUnenforced: true }), ['tools[0] (set_volume).parameters.properties.level: not']);
  assert.throws(() => engine.advance(), is('bad_input', /begin/));
  assert.throws(() => engine.answer(), is('bad_input', /advance/));
  for (const maxCalls of [0, -1, 1.5, NaN]) assert.throws(() => engine.begin('hello', { maxCalls }), is('bad_input', /maxCalls/));
  assert.throws(() => engine.begin('hello', { toolChoice: { tool: 'nobody' } }), is('bad_input', /nobody/));
  assert.throws(() => engine.begin('word '.repeat(600)), is('overflow', /tokens/));
  engine.begin('hello');
  engine.setTools('[]');
  assert.throws(() => engine.advance(), is('bad_input', /begin/));
  engine.begin('hello');
  while (!engine.advance());
  assert.equal(engine.answer().reason, 'irrelevant');
});
