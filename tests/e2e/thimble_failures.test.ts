// What can go wrong with a worker, provoked for real: each ends in its code, nothing hangs, and the next call works.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { withPage, type Routes } from '../run/browser.ts';
import { rootDir } from '../run/files.ts';
import { haveWorkers, inPage, thimbleRoutes } from './thimble_page.ts';

// Before the worker's own code: keeps its WASM memory, and spoils it when told. The next answer then traps.
const spoiler = `
for (const name of ['instantiate', 'instantiateStreaming']) {
  const original = WebAssembly[name];
  WebAssembly[name] = async (...args) => {
    const result = await original(...args);
    const memory = Object.values(result.instance.exports).find((value) => value instanceof WebAssembly.Memory);
    new BroadcastChannel('spoil').onmessage = () => new Uint8Array(memory.buffer).fill(0xff);
    return result;
  };
}
`;
const query = 'dim the bedroom lights to 20';

async function works(page: Page): Promise<void> {
  const outcome = await inPage(page, 'call', query);
  assert.ok('calls' in outcome, JSON.stringify(outcome));
  assert.deepEqual(outcome.calls.map((call) => call.arguments), [{ room: 'bedroom', level: 20 }]);
}

/** Ten calls that wait while `break` happens: all reject with crashed, or were answered before; at least one is lost. */
async function crashes(page: Page, breakIt: () => Promise<unknown>): Promise<void> {
  const pending = inPage(page, 'callAll', Array.from({ length: 200 }, () => query), []);
  await breakIt();
  const outcomes = await pending;
  const lost = outcomes.filter((outcome) => 'code' in outcome && outcome.code === 'crashed');
  assert.equal(lost.length + outcomes.filter((outcome) => 'type' in outcome && outcome.type === 'call').length, outcomes.length);
  assert.ok(lost.length > 0);
}

test('a trap rejects what waits with crashed, and the next call starts a new worker with the same tools', async () => {
  await withPage(await thimbleRoutes(spoiler), async (page) => {
    await inPage(page, 'load');
    await works(page);
    await crashes(page, () => page.evaluate(() => new BroadcastChannel('spoil').postMessage('')));
    await works(page);
    await haveWorkers(page, 1);
  });
});

test('a worker that dies without a word is noticed', async () => {
  await withPage(await thimbleRoutes(), async (page) => {
    await inPage(page, 'load');
    await works(page);
    await crashes(page, () => page.workers()[0]!.evaluate(() => self.close()));
    await works(page);
  });
});

test('what the worker needs and does not get ends the load with its code', async () => {
  const routes = await thimbleRoutes();
  const without = (path: string): Routes => Object.fromEntries(Object.entries(routes).filter(([key]) => key !== path));
  const cases = [
    ['/web/worker.ts', 'crashed', /script cannot be loaded/],
    ['/web/thimble.wasm', 'network', /WASM module cannot be loaded/],
    ['/model/thimble.san', 'network', /answered 404/],
  ] as const;
  for (const [path, code, message] of cases) {
    await withPage(without(path), async (page) => {
      const failure = await inPage(page, 'load');
      assert.ok('code' in failure, path);
      assert.equal(failure.code, code);
      assert.match(failure.message, message);
      await haveWorkers(page, 0);
    });
  }
});

test('another file than the manifest says, and a file that is no model, end in bad_weights', async () => {
  const other = { bytes: new Uint8Array(statSync(`${rootDir}/model/thimble.san`).size) };
  await withPage({ ...(await thimbleRoutes()), '/model/thimble.san': other, '/other.san': other }, async (page) => {
    const failure = await inPage(page, 'load');
    assert.equal('code' in failure && failure.code, 'bad_weights');
    const own = await inPage(page, 'load', { model: '/other.san' });
    assert.deepEqual(['code' in own && own.code, 'message' in own && /section header/.test(own.message)], ['bad_weights', true]);
  });
});

test('an aborted load ends in cancelled, and the next one goes on', async () => {
  await withPage(await thimbleRoutes(), async (page) => {
    const failure = await inPage(page, 'load', { abortAfterMs: 60 });
    assert.equal('code' in failure && failure.code, 'cancelled');
    await haveWorkers(page, 0);
    assert.ok('stored' in await inPage(page, 'load'));
    await works(page);
  });
});

test('two pages that load at once both answer', async () => {
  await withPage(await thimbleRoutes(), async (page) => {
    const other = await page.context().newPage();
    await other.goto(page.url());
    const loaded = await Promise.all([inPage(page, 'load'), inPage(other, 'load')]);
    assert.equal(loaded.filter((model) => 'stored' in model && model.stored).length, 2);
    await works(page);
    await works(other);
  });
});

test('with a full disk the model is in memory, and says so', async () => {
  await withPage(await thimbleRoutes(), async (page) => {
    const client = await page.context().newCDPSession(page);
    await client.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 5_000_000 });
    const model = await inPage(page, 'load');
    assert.deepEqual('stored' in model && [model.stored, model.notStored], [false, 'quota']);
    await works(page);
  });
});

test('what cannot be sent to a worker is refused', async () => {
  await withPage(await thimbleRoutes(), async (page) => {
    await inPage(page, 'load');
    const failure = await inPage(page, 'callWithFunction');
    assert.equal('code' in failure && failure.code, 'bad_input');
    await works(page);
  });
});
