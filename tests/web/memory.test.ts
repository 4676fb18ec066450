// Memory of the module that ships, with a network of the full size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Engine } from '../../web/engine.ts';
import { tokens } from '../bench/config.ts';
import { randomModel } from '../bench/random_model.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

test('a 1024-token input takes at most 16 MiB of WASM memory above the model file', async () => {
  const model = await randomModel();
  const engine = await Engine.load(await loadModule(), [model]);
  engine.encodeTokens(tokens(1024));
  for (const id of tokens(64)) engine.step([id]);
  const above = engine.memory().total - model.length;
  assert.ok(above <= 16 * 2 ** 20, `${above} bytes above the ${model.length} of the file`);
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

test('the shipped model takes at most 10 MiB beside its file, and 11.3 KB for each token of a cached tool', async () => {
  const file = readFileSync(`${rootDir}/model/thimble.san`);
  const engine = await Engine.load(await loadModule(), [file]);
  const loaded = engine.memory();
  assert.equal(loaded.toolCache, 0);
  assert.ok(loaded.total - file.length <= 10 * 2 ** 20, `${loaded.total - file.length} bytes beside the file`);
  const description = 'Turns the lamp on or off and sets how bright it shines. '.repeat(5).trim();
  engine.setTools(JSON.stringify([{ name: 'lamp', description }]));
  const tokens = Math.ceil(engine.tokenize(`"lamp" ${description} ( )`).length / 32) * 32;  // padded to whole panels
  const perToken = engine.memory().toolCache / tokens;
  console.log(`${((loaded.total - file.length) / 2 ** 20).toFixed(1)} MiB beside the file, ${perToken.toFixed(0)} bytes a cached token`);
  assert.ok(perToken > 10_000 && perToken <= 11_300, `${perToken} bytes a token`);
});
