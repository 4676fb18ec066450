// web/weights.ts in Chromium: damaged, full, missing and contended stores, each made for real.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { InPage } from './weights_worker.ts';
import { listTree } from '../run/files.ts';
import { closeBrowser, FileServer, load, loadHere, openBrowser, sha256, smallChunk, smallFile, type Small } from './weights_page.ts';

let browser: Awaited<ReturnType<typeof openBrowser>>;
before(async () => { browser = await openBrowser(); });
after(() => closeBrowser(browser));

interface Site extends Small { server: FileServer; url: string; open(): Promise<Page> }

async function withSite(use: (site: Site, page: Page) => Promise<void>): Promise<void> {
  const small = await smallFile();
  const server = await FileServer.start(small.file);
  const pages: Page[] = [];
  const open = async () => {
    const page = await browser.newPage();
    pages.push(page);
    await page.goto(server.url);
    return page;
  };
  try {
    await use({ ...small, server, url: `${server.url}/model.san`, open }, await open());
  } finally {
    for (const page of pages) await page.close();
    server.stop();
  }
}

/** Runs code on the open database, with `db`, `chunks` and `entries` (stores of a transaction) in scope. */
const onDatabase = (page: Page, code: string) => page.evaluate((code) => new Promise<unknown>((resolve, reject) => {
  const opening = indexedDB.open('thimble-weights');
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const db = opening.result;
    const tx = db.transaction(['entries', 'chunks'], 'readwrite');
    const request = new Function('db', 'entries', 'chunks', code)(db, tx.objectStore('entries'), tx.objectStore('chunks')) as IDBRequest | undefined;
    tx.oncomplete = () => { db.close(); resolve(request?.result); };
    tx.onabort = () => reject(tx.error);
  };
}), code);

const chunkKeys = (page: Page) => onDatabase(page, 'return chunks.getAllKeys()');
/** Overwrites four bytes of a stored chunk. */
const damage = (index: number) => `chunks.get(['small', ${index}]).onsuccess = ({ target: { result: blob } }) => {
  chunks.put(new Blob([blob.slice(0, 77), new Uint8Array(4), blob.slice(81)]), ['small', ${index}]); };`;
const range = (from: number, to: number | '' = '') => `${from * smallChunk}-${to === '' ? '' : to * smallChunk - 1} 206`;

const damages: [what: string, code: string, requests: string[]][] = [
  ['a damaged chunk', damage(2), [range(2, 3)]],
  ['two damaged chunks', damage(0) + damage(4), [range(0, 1), range(4, 5)]],
  ['two damaged chunks in a row, and a missing end', damage(2) + damage(3) + `chunks.delete(['small', 5])`, [range(2, 3), range(3, 4), range(5)]],
  ['a deleted record', `chunks.delete(['small', 1])`, [range(1, 2)]],
  ['a missing end', `chunks.delete(IDBKeyRange.bound(['small', 3], ['small', 9]))`, [range(3)]],
  ['a shortened record', `chunks.put(new Blob(['short']), ['small', 5])`, [range(5)]],
  ['a record of another type', `chunks.put('text', ['small', 5])`, [range(5)]],
  ['a lost entry', `entries.clear()`, ['all 200']],
  ['an entry of other hashes', `entries.get('small').onsuccess = ({ target }) => {
    target.result.sha256[1] = '0'.repeat(64); entries.put(target.result); };`, ['all 200']],
  ['an entry that is no entry', `entries.put({ name: 'small' })`, ['all 200']],
  ['a record too many', `chunks.put(new Blob(['more']), ['small', 6])`, []],
];
for (const [what, code, requests] of damages) {
  test(`${what} in the store is noticed, and only what is bad is fetched again`, async () => {
    await withSite(async ({ server, url, manifest, hash }, page) => {
      assert.equal((await load(page, { url, manifest })).stored, true);
      await onDatabase(page, code);
      server.log();
      const repaired = await load(page, { url, manifest });
      assert.deepEqual([repaired.sha256, repaired.stored], [hash, true]);
      assert.deepEqual(server.log(), requests);
      const after = await load(page, { url, manifest });
      assert.deepEqual([after.sha256, after.downloaded], [hash, 0]);
    });
  });
}

test('damage without a source, or with a changed one, never reaches the consumer', async () => {
  const mebibyte = 2 ** 20;
  await withSite(async ({ server, url, manifest }, page) => {
    await load(page, { url, manifest });
    await onDatabase(page, damage(2));
    assert.equal((await load(page, { manifest })).code, 'not_stored');

    server.file = randomBytes(2.5 * mebibyte);  // a file without a manifest
    await load(page, { url });
    await onDatabase(page, `chunks.delete(['${url}', 1])`);
    server.log();
    assert.equal((await load(page, { url })).stored, true);
    assert.deepEqual(server.log(), [`${mebibyte}-${2 * mebibyte - 1} 206`]);
    await onDatabase(page, `chunks.delete(['${url}', 1])`);
    server.file = randomBytes(2.5 * mebibyte);
    server.etag = '"2"';
    const outcome = await load(page, { url });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.passes], [sha256(server.file), true, 2]);
  });
});

test('a stream, which can be read once, repairs the store too', async () => {
  await withSite(async ({ url, manifest, hash }, page) => {
    await load(page, { url, manifest });
    await onDatabase(page, damage(0) + damage(2) + damage(3));
    const repaired = await load(page, { url, as: 'stream', manifest });
    assert.deepEqual([repaired.sha256, repaired.stored, repaired.downloaded], [hash, true, 3 * smallChunk]);
    assert.equal((await load(page, { manifest })).sha256, hash);
  });
});

test('a new version replaces the old one and frees its space', async () => {
  await withSite(async ({ server, url, manifest }, page) => {
    await load(page, { url, manifest });
    assert.equal((await chunkKeys(page) as unknown[]).length, 6);
    const next = await smallFile('2', 2.5);
    server.file = next.file;
    for (const downloaded of [next.file.length, 0]) {
      const outcome = await load(page, { url, manifest: next.manifest });
      assert.deepEqual([outcome.sha256, outcome.stored, outcome.downloaded], [next.hash, true, downloaded]);
    }
    assert.deepEqual(await chunkKeys(page), [0, 1, 2].map((i) => ['small', i]));
  });
});

for (const withoutLocks of [false, true]) {
  test(`two tabs that load at once both get the file${withoutLocks ? ', also without Web Locks' : ' from one download'}`, async () => {
    await withSite(async ({ server, url, manifest, hash, open }, page) => {
      const other = await open();
      server.pauseMs = 30;
      const params = { url, manifest, withoutLocks };
      const outcomes = await Promise.all([load(page, params), load(other, params)]);
      assert.deepEqual(outcomes.map(({ sha256, stored }) => [sha256, stored]), [[hash, true], [hash, true]]);
      assert.deepEqual(server.log(), Array(withoutLocks ? 2 : 1).fill('all 200'));
      assert.equal((await load(page, params)).downloaded, 0);
    });
  });
}

test('two tabs with different versions both get theirs', async () => {
  await withSite(async ({ server, url, manifest, hash, open }, page) => {
    const other = await open();
    const next = await smallFile('2');
    const server2 = await FileServer.start(next.file);
    server.pauseMs = server2.pauseMs = 10;
    for (const withoutLocks of [false, true]) {
      const [a, b] = await Promise.all([
        load(page, { url, manifest, withoutLocks }), load(other, { url: `${server2.url}/model.san`, manifest: next.manifest, withoutLocks })]);
      assert.deepEqual([a.sha256, b.sha256], [hash, next.hash]);
    }
    server2.stop();
  });
});

test('when the tab that downloads is closed, the one that waits goes on where it was', async () => {
  await withSite(async ({ server, url, manifest, hash, open }, page) => {
    const first = await open();
    server.pauseMs = 50;
    const closed = load(first, { url, manifest }).catch(() => 'closed');
    await page.waitForTimeout(300);
    const waiting = load(page, { url, manifest });
    await page.waitForTimeout(100);
    await first.close();
    assert.equal(await closed, 'closed');
    const outcome = await waiting;
    assert.deepEqual([outcome.sha256, outcome.stored], [hash, true]);
    const requests = server.log();
    assert.equal(requests.length, 2);
    assert.match(requests[1]!, /^\d+- 206$/);
    assert.ok(outcome.downloaded! < server.file.length);
  });
});

test('a tab that waits for another can be aborted', async () => {
  await withSite(async ({ server, url, manifest, open }, page) => {
    const first = await open();
    server.pauseMs = 100;
    const loading = load(first, { url, manifest });
    await page.waitForTimeout(300);
    const start = performance.now();
    assert.equal((await load(page, { url, manifest, abortAfterMs: 100 })).code, 'cancelled');
    assert.ok(performance.now() - start < 800);
    assert.equal((await loading).stored, true);
  });
});

test('a full disk falls back to memory, says so, and leaves no part behind', async () => {
  await withSite(async ({ server, url, manifest, hash }, page) => {
    const cdp = await browser.newCDPSession(page);
    await load(page, { manifest });  // makes the database
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 200_000 });
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.reason], [hash, false, 'quota']);
    assert.deepEqual(await chunkKeys(page), []);
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.url });
    assert.equal((await load(page, { url, manifest })).stored, true);
  });
});

test('a private window stores for as long as it lives', async () => {
  await withSite(async ({ server, url, manifest, hash }) => {
    const private_ = await browser.browser()?.newContext();
    if (!private_) throw new Error('no private context');
    const page = await private_.newPage();
    await page.goto(server.url);
    for (const downloaded of [server.file.length, 0]) {
      const outcome = await load(page, { url, manifest });
      assert.deepEqual([outcome.sha256, outcome.stored, outcome.downloaded], [hash, true, downloaded]);
    }
    await private_.close();
  });
});

test('an origin without storage (a sandboxed frame) loads into memory', async () => {
  await withSite(async ({ server, url, manifest, hash }, page) => {
    await page.setContent(`<iframe sandbox="allow-scripts" src="${server.url}/frame"></iframe>`);
    const frame = page.frames()[1]!;
    await frame.waitForLoadState();
    const outcome = await loadHere(frame, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.reason], [hash, false, 'unavailable']);
    server.faults = [{ breakAfter: 100_000 }];
    assert.equal((await loadHere(frame, { url, manifest })).sha256, hash);
    server.faults = [{ breakAfter: 100_000 }];  // no ETag can be seen from there, so without a manifest it starts over
    const bare = await loadHere(frame, { url });
    assert.deepEqual([bare.sha256, bare.passes], [hash, 2]);
  });
});

test('a page without Web Crypto (http) loads into memory', async () => {
  await withSite(async ({ server, url, manifest, file }, page) => {
    await page.goto(server.url.replace('127.0.0.1', 'thimble.test'));
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.reason], [String(file.length), false, 'insecure']);
  });
});

const openAndHold = (page: Page, version: number) => page.evaluate((version) => new Promise<void>((resolve, reject) => {
  const opening = indexedDB.open('thimble-weights', version);
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => resolve();
}), version);

test('a database that another tab blocks, or a newer Thimble made, falls back to memory', async () => {
  await withSite(async ({ url, manifest, hash, open }, page) => {
    const holder = await open();
    await openAndHold(holder, 2);  // a newer version, which does not let go
    const newer = await load(page, { url, manifest });
    assert.deepEqual([newer.sha256, newer.stored, newer.reason], [hash, false, 'blocked']);
    await holder.evaluate(() => { indexedDB.deleteDatabase('thimble-weights'); });  // waits for the open one, and all wait for it
    const blocked = await load(page, { url, manifest });
    assert.deepEqual([blocked.sha256, blocked.stored, blocked.reason], [hash, false, 'blocked']);
    assert.equal((await load(page, { url, manifest, abortAfterMs: 200 })).code, 'cancelled');
    await holder.close();
    assert.equal((await load(page, { url, manifest })).stored, true);
  });
});

test('a database without our tables falls back to memory', async () => {
  await withSite(async ({ url, manifest, hash, open }, page) => {
    const holder = await open();
    await openAndHold(holder, 1);
    await holder.close();
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.reason], [hash, false, 'failed']);
  });
});

test('a database that is deleted during the load costs the store, not the load', async () => {
  await withSite(async ({ server, url, manifest, hash }, page) => {
    server.pauseMs = 50;
    const loading = load(page, { url, manifest });
    await page.waitForTimeout(300);
    await page.evaluate(() => new Promise((resolve) => { indexedDB.deleteDatabase('thimble-weights').onsuccess = resolve; }));
    const outcome = await loading;
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.reason], [hash, false, 'failed']);
    assert.equal((await load(page, { url, manifest })).stored, true);
  });
});

test('the page asks once for storage that stays', async () => {
  await withSite(async ({ server }, page) => {
    const ask = () => page.evaluate(async () => {
      const { persist } = StorageManager.prototype;
      let asked = 0;
      StorageManager.prototype.persist = function () { asked++; return persist.call(this); };
      const answers = [await (globalThis as unknown as InPage).askToPersist(), await (globalThis as unknown as InPage).askToPersist()];
      return { asked, answers };
    });
    assert.deepEqual(await ask(), { asked: 1, answers: [false, false] });
    const cdp = await browser.newCDPSession(page);
    await cdp.send('Browser.grantPermissions', { origin: server.url, permissions: ['durableStorage'] });
    await page.reload();
    const granted = await ask();
    assert.equal(granted.answers[1], true);
    assert.ok(granted.asked <= 1);
  });
});

test('a store outlives the browser, and damage to its files on the disk is noticed', async () => {
  await withSite(async ({ server, url, manifest, hash }) => {
    let other = await openBrowser();
    const loadAgain = async () => {
      await other.close();
      other = await openBrowser(other.profile);
      const page = await other.newPage();
      await page.goto(server.url);
      const outcome = await load(page, { url, manifest });
      assert.deepEqual([outcome.sha256, outcome.stored], [hash, true]);
      return outcome.downloaded;
    };
    const chunkFiles = () => listTree(other.profile).filter((name) => name.includes('.indexeddb.blob/')).map((name) => join(other.profile, name))
      .filter((name) => statSync(name).size === smallChunk);
    assert.equal(await loadAgain(), server.file.length);
    assert.equal(await loadAgain(), 0);
    await other.close();
    assert.equal(chunkFiles().length, 5);
    rmSync(chunkFiles()[0]!);
    const fd = openSync(chunkFiles()[2]!, 'r+');
    writeSync(fd, new Uint8Array(4), 0, 4, 77);
    closeSync(fd);
    assert.equal(await loadAgain(), 2 * smallChunk);
    assert.equal(await loadAgain(), 0);
    await closeBrowser(other);
  });
});
