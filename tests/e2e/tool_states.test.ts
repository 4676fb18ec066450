// Encoded tools in IndexedDB: a reload encodes nothing, what is damaged is encoded again, and without a store all goes on.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { withPage, type Routes } from '../run/browser.ts';
import { inPage, thimbleRoutes } from './thimble_page.ts';

let routes: Routes;
before(async () => { routes = await thimbleRoutes(); });

const query = 'dim the bedroom lights to 20';
const wanted = { room: 'bedroom', level: 20 };

/** When each tool was encoded, and the size of its state. */
function records(page: Page): Promise<{ made: number; bytes: number }[]> {
  return page.evaluate(() => new Promise((resolve, reject) => {
    const opening = indexedDB.open('thimble-tools');
    opening.onerror = reject;
    opening.onsuccess = () => {
      const tx = opening.result.transaction(['tools', 'states']), tools = tx.objectStore('tools').getAll(), states = tx.objectStore('states').getAll();
      tx.oncomplete = () => {
        opening.result.close();
        resolve(tools.result.map(({ used }, i) => ({ made: used as number, bytes: (states.result[i] as Blob | undefined)?.size ?? 0 })));
      };
    };
  }));
}

/** Changes every state. */
function damage(page: Page, how: 'flip' | 'cut' | 'remove'): Promise<void> {
  return page.evaluate((how) => new Promise<void>((resolve, reject) => {
    const opening = indexedDB.open('thimble-tools');
    opening.onerror = reject;
    opening.onsuccess = async () => {
      const db = opening.result;
      const all = await new Promise<[IDBValidKey[], Blob[]]>((done) => {
        const store = db.transaction('states').objectStore('states'), keys = store.getAllKeys(), values = store.getAll();
        values.onsuccess = () => done([keys.result, values.result as Blob[]]);
      });
      const bytes = await Promise.all(all[1].map(async (blob) => new Uint8Array(await blob.arrayBuffer())));
      const tx = db.transaction('states', 'readwrite'), store = tx.objectStore('states');
      all[0].forEach((key, i) => {
        if (how === 'remove') return void store.delete(key);
        if (how === 'flip') bytes[i]![bytes[i]!.length >> 1]! ^= 1;
        store.put(new Blob([how === 'cut' ? bytes[i]!.slice(0, 1000) : bytes[i]!]), key);
      });
      tx.oncomplete = () => { db.close(); resolve(); };
    };
  }), how);
}

async function called(page: Page): Promise<unknown> {
  const outcome = await inPage(page, 'call', query);
  return 'calls' in outcome ? outcome.calls[0]?.arguments : outcome;
}

async function until(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await what()); ++tries) {
    if (tries > 100) throw new Error('it does not come about');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a reload takes the tools from IndexedDB and encodes none', async () => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    assert.deepEqual(await called(page), wanted);
    await until(async () => (await inPage(page, 'memory')).tools.stored === 2);
    const first = await records(page);
    assert.equal(first.length, 2);
    await page.reload();
    await inPage(page, 'load');
    assert.deepEqual(await called(page), wanted);
    const { tools, toolCache } = await inPage(page, 'memory');
    assert.deepEqual(tools, { registered: 2, encoded: 2, stored: 2 });
    assert.equal(toolCache, first.reduce((sum, { bytes }) => sum + bytes, 0));
    assert.deepEqual(await records(page), first);
  });
});

test('states that are damaged, cut off or gone are encoded and stored again', async () => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    await until(async () => (await inPage(page, 'memory')).tools.stored === 2);
    for (const how of ['flip', 'cut', 'remove'] as const) {
      const good = await records(page);
      await damage(page, how);
      await page.reload();
      await inPage(page, 'load');
      assert.deepEqual(await called(page), wanted, how);
      await until(async () => (await records(page)).every(({ made, bytes }, i) => made > good[i]!.made && bytes === good[i]!.bytes));
    }
  });
});

test('of more than 4,096 tools, those that were encoded longest ago go', async () => {
  await withPage(routes, async (page) => {
    await inPage(page, 'load');
    await until(async () => (await inPage(page, 'memory')).tools.stored === 2);
    await page.evaluate(() => new Promise<void>((resolve, reject) => {
      const opening = indexedDB.open('thimble-tools');
      opening.onerror = reject;
      opening.onsuccess = () => {
        const tx = opening.result.transaction(['tools', 'states'], 'readwrite');
        for (let i = 0; i < 4100; ++i) {
          tx.objectStore('tools').put({ vector: new Float32Array(1), bytes: 1, used: i }, ['another model', `${i}`]);
          tx.objectStore('states').put(new Blob(['x']), ['another model', `${i}`]);
        }
        tx.oncomplete = () => { opening.result.close(); resolve(); };
      };
    }));
    await page.reload();
    await inPage(page, 'load');
    await until(async () => (await records(page)).length === 4096);
    assert.deepEqual((await inPage(page, 'memory')).tools, { registered: 2, encoded: 2, stored: 2 });
    const used = (await records(page)).map(({ made }) => made);
    assert.equal(Math.min(...used), 6);  // of 4,102 the first six
  });
});

test('with a full disk tools are kept in memory, and memory() says why', async () => {
  await withPage(routes, async (page) => {
    const client = await page.context().newCDPSession(page);
    await client.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 100_000 });
    await inPage(page, 'load');
    assert.deepEqual(await called(page), wanted);
    await until(async () => (await inPage(page, 'memory')).tools.notStored !== undefined);
    assert.deepEqual((await inPage(page, 'memory')).tools, { registered: 2, encoded: 2, stored: 0, notStored: 'quota' });
    assert.deepEqual(await called(page), wanted);
  });
});

test('without IndexedDB tools are kept in memory, and memory() says why', async () => {
  const without = await thimbleRoutes('Object.defineProperty(globalThis, "indexedDB", { value: undefined });');
  await withPage(without, async (page) => {
    await inPage(page, 'load', { model: '/model/thimble.san' });
    assert.deepEqual(await called(page), wanted);
    assert.deepEqual((await inPage(page, 'memory')).tools, { registered: 2, encoded: 2, stored: 0, notStored: 'unavailable' });
  });
});
