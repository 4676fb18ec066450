// The model that ships, from the server and then from IndexedDB into the engine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { percentile } from '../../js/cli/percentile.ts';
import { makeManifest } from '../../web/weights/manifest.ts';
import { bundle, withPage } from '../run/browser.ts';
import { distDir, rootDir } from '../run/files.ts';
import type { Loaded } from './weights_model_worker.ts';

const warmLoads = Number(process.env.THIMBLE_WARM_LOADS ?? 5);

test('the model that ships loads from IndexedDB without a request', async (t) => {
  const model = `${rootDir}/model/thimble.san`;
  const bytes = new Uint8Array(readFileSync(model));
  const manifest = await makeManifest('thimble', 'test', bytes);
  const routes = {
    '/worker.js': await bundle(`${rootDir}/tests/e2e/weights_model_worker.ts`),
    '/thimble.wasm': { file: `${distDir}/thimble.wasm` },
    '/thimble.san': { bytes },
  };
  await withPage(routes, async (page) => {
    const requests: string[] = [];
    page.context().on('request', (request) => requests.push(new URL(request.url()).pathname));
    const load = () => page.evaluate((manifest) => new Promise<Loaded>((resolve, reject) => {
      const worker = new Worker('/worker.js', { type: 'module' });
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => { worker.terminate(); resolve(data as Loaded); };
      worker.postMessage(manifest);
    }), manifest);

    const cold = await load();
    assert.deepEqual([cold.stored, cold.downloaded], [true, bytes.length]);
    assert.ok(requests.splice(0).includes('/thimble.san'));
    await page.reload();
    const warm: Loaded[] = [];
    for (let i = 0; i < warmLoads; ++i) warm.push(await load());
    assert.ok(warm.every(({ stored, downloaded }) => stored && downloaded === 0));
    assert.ok(!requests.includes('/thimble.san'));
    const p50 = (key: 'moduleMs' | 'weightsMs') => Math.round(percentile(warm.map((load) => load[key]), 0.5));
    t.diagnostic(`${bytes.length} bytes, ${warmLoads} warm loads: module p50 ${p50('moduleMs')} ms, weights p50 ${p50('weightsMs')} ms; cold weights ${Math.round(cold.weightsMs)} ms`);
  });
});
