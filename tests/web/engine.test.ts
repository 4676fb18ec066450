// The typed class around the module that ships: what it refuses, and how.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Engine, EngineError, type EngineCode } from '../../web/engine.ts';
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
  assert.throws(() => engine.step([1]), is('bad_input', /call encode/));
  engine.setTools(tools);
  engine.encode('light in the kitchen');
  for (const id of [NaN, 1.5, 2 ** 31, 2 ** 32 + 1, -1, 8192]) assert.throws(() => engine.step([id]), is('bad_input', /token id/));
  assert.equal(engine.step([1]).length, 8192);
  engine.setTools('[]');
  assert.throws(() => engine.step([1]), is('bad_input', /call encode/));
  assert.throws(() => engine.setTools(`[${' '.repeat(2 ** 20)}]`), is('bad_tools', /bytes of JSON/));
  const long = 'a'.repeat(2 ** 20 + 1);
  assert.throws(() => engine.tokenize(long), is('bad_input', /bytes/));
  assert.throws(() => engine.queryTokens(long), is('bad_input', /bytes/));
  assert.throws(() => engine.encode('word '.repeat(600)), is('overflow', /tokens/));
});
