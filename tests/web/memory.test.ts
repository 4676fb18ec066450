// Memory of the module that ships, with a network of the full size.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '../../web/engine.ts';
import { tokens } from '../bench/config.ts';
import { randomModel } from '../bench/random_model.ts';
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
