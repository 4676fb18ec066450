// The package in a page of Chromium: a worker, the model from the server and then from IndexedDB, and no network after that.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { withPage, type Routes } from '../run/browser.ts';
import { haveWorkers, inPage, recordRequests, thimbleRoutes } from './thimble_page.ts';

let routes: Routes;
before(async () => { routes = await thimbleRoutes(); });

const light = (room: string, level: number) => ({ room, level });

test('a page calls its tools with the network cut after load, and after a reload from IndexedDB', async () => {
  await withPage(routes, async (page) => {
    const requests = recordRequests(page.context());
    const answers = async () => {
      await page.context().setOffline(true);
      requests.length = 0;
      const { outcome, executed } = await inPage(page, 'run', 'dim the bedroom lights to 20');
      assert.deepEqual([executed, 'results' in outcome && outcome.results.map(({ status }) => status)], [[light('bedroom', 20)], ['done']]);
      const reminder = await inPage(page, 'call', 'remind me to call mom tomorrow at half past six', { facts: { now: Date.UTC(2026, 10, 28), timeZone: 'UTC' } });
      assert.ok('calls' in reminder);
      assert.deepEqual(reminder.calls.map((call) => call.arguments), [{ what: 'call mom', when: '2026-11-29T06:30:00+00:00' }]);
      assert.deepEqual(requests, []);
      await page.context().setOffline(false);
    };
    const first = await inPage(page, 'load');
    assert.ok('stored' in first);
    assert.deepEqual([first.stored, first.notStored, first.downloaded > 2e7], [true, undefined, true]);
    assert.equal(requests.filter((path) => path === '/model/thimble.san').length, 1);
    await answers();

    await page.reload();
    requests.length = 0;
    const second = await inPage(page, 'load');
    assert.ok('stored' in second);
    assert.deepEqual([second.stored, second.downloaded], [true, 0]);
    assert.deepEqual(requests.filter((path) => !path.startsWith('/web/') && path !== '/js/client.js'), []);
    await answers();
  });
});

test('progress is told by phase, and as the built-in AI APIs tell it', async () => {
  await withPage(routes, async (page) => {
    const cold = await inPage(page, 'loadWithProgress');
    assert.deepEqual([cold.fractions[0], cold.fractions.at(-1)], [0, 1]);
    assert.ok(cold.fractions.length > 5 && cold.fractions.every((loaded, i) => i === 0 || loaded > cold.fractions[i - 1]!));
    assert.deepEqual(cold.phases.toSorted(), ['download', 'store', 'verify']);
    await page.reload();
    assert.deepEqual((await inPage(page, 'loadWithProgress')).phases.toSorted(), ['read', 'verify']);
  });
});

test('1,000 calls at once are each answered or cancelled, and none is mixed up', async (t) => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    // Every fiftieth has a level of its own; the others are over after a token.
    const queries = Array.from({ length: 1000 }, (_, i) => (i % 50 === 0 ? `dim the kitchen to ${i / 10}` : 'who wrote Hamlet?'));
    const cancels = queries.map((_, i) => (i % 3 === 1 ? i : null));
    const start = performance.now();
    const outcomes = await inPage(page, 'callAll', queries, cancels);
    t.diagnostic(`1,000 calls in ${Math.round(performance.now() - start)} ms`);
    let cancelled = 0;
    for (const [i, outcome] of outcomes.entries()) {
      assert.ok('type' in outcome, JSON.stringify(outcome));
      if (cancels[i] !== null && outcome.type === 'none' && outcome.reason === 'cancelled') ++cancelled;
      else if (i % 50 === 0) assert.deepEqual(outcome.type === 'call' && outcome.calls.map((call) => call.arguments), [light('kitchen', i / 10)]);
      else assert.equal(outcome.type === 'none' && outcome.reason, 'irrelevant');
    }
    assert.ok(cancelled > 100, `${cancelled} cancelled`);
    const after = await inPage(page, 'call', 'dim the hall to 7');
    assert.ok('calls' in after && after.calls[0]!.arguments.level === 7);
  });
});

test('the page keeps its frames while calls run', async (t) => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    const idle = await inPage(page, 'framesWhileCalling', '', 2000);
    const busy = await inPage(page, 'framesWhileCalling', 'dim the bedroom lights to 20', 4000);
    const at = (values: number[], part: number) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!.toFixed(1);
    for (const [name, { intervals, calls }] of [['idle', idle], ['calling', busy]] as const) {
      t.diagnostic(`${name}: ${calls} calls, frames p50 ${at(intervals, 0.5)} ms, p95 ${at(intervals, 0.95)} ms, longest ${at(intervals, 0.9999)} ms`);
    }
    assert.ok(busy.calls > 5);
    assert.deepEqual(busy.longTasks, []);  // none of 50 ms or more on the page's thread
    assert.ok(Number(at(busy.intervals, 0.5)) < 17.5);
  });
});

test('a stream gives what is complete while the rest is written, and leaving it cancels', async () => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    const query = 'kitchen lights to 10';
    const events = await inPage(page, 'stream', query) as { type: string }[];
    assert.deepEqual(events.map(({ type }) => type), ['tool', 'argument', 'argument', 'call', 'done']);
    const whole = await inPage(page, 'call', query);
    assert.ok('calls' in whole);
    assert.deepEqual((events[3] as unknown as { call: unknown }).call, whole.calls[0]);
    assert.equal((await inPage(page, 'stream', query, 1)).length, 1);
    assert.ok('calls' in await inPage(page, 'call', query));
  });
});

test('dispose cancels what waits and refuses what comes', async () => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    const outcomes = await inPage(page, 'disposeWhileCalling', 20);
    const refused = outcomes.pop()!;
    assert.ok(outcomes.every((outcome) => 'reason' in outcome && outcome.reason === 'cancelled'));
    assert.equal('code' in refused && refused.code, 'bad_input');
    await haveWorkers(page, 0);
  });
});
