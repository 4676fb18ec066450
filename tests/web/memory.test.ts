// Memory of the module that ships, with networks of the full size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Engine } from '../../web/engine.ts';
import { tokens } from '../bench/config.ts';
import { randomModel } from '../bench/random_model.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

const mib = 2 ** 20;
const inMib = (bytes: number) => `${(bytes / mib).toFixed(1)} MiB`;

test('a 1024-token input takes at most 16 MiB of WASM memory above the model file', async () => {
  const model = await randomModel();
  const engine = await Engine.load(await loadModule(), [model]);
  engine.encodeTokens(tokens(1024));
  for (const id of tokens(64)) engine.step([id]);
  const above = engine.memory().total - model.length;
  console.log(`bidirectional, 1024 tokens: ${inMib(above)} above the file`);
  assert.ok(above <= 16 * mib, `${above} bytes above the ${model.length} of the file`);
});

test('a run takes no memory that the first one did not take', async () => {
  const engine = await Engine.load(await loadModule(), [await randomModel()]);
  const run = () => {
    engine.encodeTokens(tokens(1024));
    for (const id of tokens(64)) engine.step([id]);
    return engine.memory().total;
  };
  const first = run();
  for (let i = 0; i < 3; ++i) assert.equal(run(), first);
});

const file = readFileSync(`${rootDir}/model/thimble.san`);
const description = 'Turns this lamp on or off, sets how bright it shines and how warm its light is, and says which room it stands in. ';
const lamp = (number: number) => ({ name: `lamp_${number}`, description: description.repeat(2).trim() });

/** The shipped model with lamps of `toolTokens` tokens in all, and what it holds after one call over them. */
async function withTools(toolTokens: number) {
  const engine = await Engine.load(await loadModule(), [file]);
  const loaded = engine.memory().total - file.length;
  const each = (number: number) => engine.tokenize(`"lamp_${number}" ${lamp(number).description} ( )`).length;
  const tools = [];
  let held = 0;
  for (let i = 10; held + each(i) <= toolTokens; ++i) {
    tools.push(lamp(i));
    held += each(i);
  }
  engine.setTools(JSON.stringify(tools));
  engine.encode('dim lamp 12 a little and make its light warmer');
  for (const id of tokens(64)) engine.step([id]);
  const { total, toolCache } = engine.memory();
  return { loaded, tools: tools.length, held, toolCache, above: total - file.length };
}

test('the shipped model and 1024 tokens of cached tools take at most 16 MiB beside its file', async () => {
  const { loaded, tools, held, above } = await withTools(1024);
  console.log(`tool_isolated: ${inMib(loaded)} loaded; ${inMib(above)} with ${tools} tools of ${held} tokens, a query and 64 decoder steps`);
  assert.ok(held > 960 && held <= 1024);
  assert.ok(above <= 16 * mib, `${above} bytes beside the file`);
});

test('a cached token takes at most 11,500 bytes, so that 100 tools of 6,000 tokens and all else fit into 96 MiB', async () => {
  const few = await withTools(1024), many = await withTools(4000);
  const perToken = many.toolCache / many.held;
  const growth = (many.above - few.above) / (many.held - few.held);
  const hundred = file.length + few.above + growth * (6000 - few.held);
  console.log(`${perToken.toFixed(0)} bytes a cached token, memory grows by ${growth.toFixed(0)}; 6,000 tokens: ${inMib(hundred)} in all`);
  assert.ok(perToken > 10_000 && perToken <= 11_500, `${perToken} bytes a token`);
  assert.ok(hundred <= 96 * mib, `${hundred} bytes in all`);
});
