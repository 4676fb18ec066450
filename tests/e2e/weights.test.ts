// web/weights.ts in Chromium: where the bytes come from, and every failure of the network.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { closeBrowser, FileServer, load, loadHere, openBrowser, sha256, smallChunk, smallFile } from './weights_page.ts';

let browser: Awaited<ReturnType<typeof openBrowser>>;
before(async () => { browser = await openBrowser(); });
after(() => closeBrowser(browser));

async function withServer(file: Buffer, use: (server: FileServer, page: Page, url: string) => Promise<void>): Promise<void> {
  const server = await FileServer.start(file);
  const page = await browser.newPage();
  try {
    await page.goto(server.url);
    await use(server, page, `${server.url}/model.san`);
  } finally {
    await page.close();
    server.stop();
  }
}

const mebibyte = 2 ** 20;  // the chunks of a file without a manifest

test('the first load is one request, the second none', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    const first = await load(page, { url, manifest });
    assert.deepEqual([first.sha256, first.stored, first.downloaded, first.passes], [hash, true, file.length, 1]);
    assert.deepEqual(server.log(), ['all 200']);
    await page.reload();
    server.log();
    const second = await load(page, { url, manifest });
    assert.deepEqual([second.sha256, second.stored, second.downloaded], [hash, true, 0]);
    const stored = await load(page, { manifest });
    assert.deepEqual([stored.sha256, stored.downloaded], [hash, 0]);
    assert.deepEqual(server.log(), []);
  });
});

test('progress tells phase, position, length and rate, and ends at the length', async () => {
  const { file, manifest } = await smallFile();
  await withServer(file, async (_, page, url) => {
    for (const phases of [['download', 'store', 'verify'], ['read', 'verify']]) {
      const { progress } = await load(page, { url, manifest });
      assert.deepEqual([...new Set(progress.map(({ phase }) => phase))].sort(), phases);
      for (const phase of phases) {
        const events = progress.filter((event) => event.phase === phase);
        assert.ok(events.every((event, i) => event.total === file.length && event.loaded >= (events[i - 1]?.loaded ?? 0)));
        assert.equal(events.at(-1)!.loaded, file.length);
        assert.ok(events.at(-1)!.bytesPerSecond > 0);
      }
    }
  });
});

for (const as of ['blob', 'file', 'buffer', 'response', 'stream'] as const) {
  test(`a ${as} with a manifest is checked and stored`, async () => {
    const { file, hash, manifest } = await smallFile();
    await withServer(file, async (server, page, url) => {
      const outcome = await load(page, { url, as, manifest });
      assert.deepEqual([outcome.sha256, outcome.stored], [hash, true]);
      server.log();
      assert.equal((await load(page, { manifest })).sha256, hash);
      assert.deepEqual(server.log(), []);

      const other = await load(page, { url, as, manifest: (await smallFile('2')).manifest });
      assert.equal(other.code, 'bad_weights');
    });
  });

  test(`a ${as} without a manifest is stored under its name, and not without one`, async () => {
    const file = randomBytes(2.5 * mebibyte);
    await withServer(file, async (server, page, url) => {
      assert.equal((await load(page, { name: 'mine' })).code, 'not_stored');
      const named = await load(page, { url, as, name: 'mine' });
      assert.deepEqual([named.sha256, named.stored], [sha256(file), true]);
      const again = await load(page, { name: 'mine' });
      assert.deepEqual([again.sha256, again.stored, again.downloaded], [sha256(file), true, 0]);
      server.file = randomBytes(mebibyte);  // a whole number of chunks, and fewer
      assert.equal((await load(page, { url, as, name: 'mine' })).sha256, sha256(server.file));
      assert.equal((await load(page, { name: 'mine' })).sha256, sha256(server.file));
      const unnamed = await load(page, { url, as });
      assert.deepEqual([unnamed.sha256, unnamed.stored, unnamed.reason], [sha256(server.file), false, 'unnamed']);
    });
  });
}

test('a URL without a manifest is stored, and read from the store from then on', async () => {
  const file = randomBytes(2.5 * mebibyte);
  await withServer(file, async (server, page, url) => {
    for (const downloaded of [file.length, 0]) {
      const outcome = await load(page, { url });
      assert.deepEqual([outcome.sha256, outcome.stored, outcome.downloaded], [sha256(file), true, downloaded]);
    }
    assert.deepEqual(server.log(), ['all 200']);
  });
});

test('a file that the consumer refuses is not kept unless a manifest vouches for it', async () => {
  const { file, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    assert.equal((await load(page, { url, refuse: true })).message, 'refused');
    assert.equal((await load(page, { url })).downloaded, file.length);
    assert.equal((await load(page, { url, refuse: true })).message, 'refused');
    assert.equal((await load(page, { url })).downloaded, file.length);
    assert.equal((await load(page, { url, manifest, refuse: true })).message, 'refused');
    assert.equal((await load(page, { url, manifest })).downloaded, 0);
    assert.equal(server.log().length, 4);
  });
});

test('a broken connection is resumed at the byte where it broke', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.faults = [{ breakAfter: 100_000 }, { status: 503 }, { breakAfter: 50_000 }];
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.downloaded], [hash, true, file.length]);
    assert.deepEqual(server.log(), ['all 200', '100000- 503', '100000- 206', '150000- 206']);
  });
});

test('a broken connection without ranges, lengths or ETags is resumed too', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.ranges = server.sayLength = false;
    server.etag = undefined;
    server.faults = [{ breakAfter: 100_000 }, { breakAfter: 50_000 }];  // the second brings nothing new
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.passes], [hash, true, 1]);
    assert.deepEqual(server.log(), ['all 200', '100000- 200', '100000- 200']);
  });
});

test('without a manifest, a broken connection is resumed if the ETag is the same', async () => {
  const file = randomBytes(2.5 * mebibyte);
  await withServer(file, async (server, page, url) => {
    server.faults = [{ breakAfter: 1_500_000 }];
    const outcome = await load(page, { url });
    assert.deepEqual([outcome.sha256, outcome.stored, outcome.passes], [sha256(file), true, 1]);
    assert.deepEqual(server.log(), ['all 200', '1500000- 206']);
  });
});

test('without a manifest, a download starts over if the file changed or the server does not tell', async () => {
  for (const etag of ['"2"', undefined]) {
    await withServer(randomBytes(2.5 * mebibyte), async (server, page, url) => {
      const changed = randomBytes(2.5 * mebibyte);
      server.faults = [{ breakAfter: 1_500_000, then: () => { server.file = changed; server.etag = etag; } }];
      const outcome = await load(page, { url });
      assert.deepEqual([outcome.sha256, outcome.stored, outcome.passes], [sha256(changed), true, 2]);
      assert.deepEqual(server.log(), ['all 200', '1500000- 206', 'all 200']);
      assert.equal((await load(page, { url })).sha256, sha256(changed));
      assert.deepEqual(server.log(), []);
    });
  }
});

test('a file that changes during every attempt is given up', async () => {
  await withServer(randomBytes(2.5 * mebibyte), async (server, page, url) => {
    let version = 1;
    const change = () => { server.etag = `"${++version}"`; };
    server.faults = Array.from({ length: 3 }, () => [{ breakAfter: 1_500_000, then: change }, {}]).flat();
    const outcome = await load(page, { url });
    assert.deepEqual([outcome.code, outcome.passes], ['network', 3]);
  });
});

test('a byte flipped on the way costs its chunk, not the load', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.faults = [{ flip: 2 * smallChunk + 5 }];
    const outcome = await load(page, { url, manifest });
    assert.deepEqual([outcome.sha256, outcome.stored], [hash, true]);
    assert.deepEqual(server.log(), ['all 200', `${2 * smallChunk}- 206`]);
  });
});

test('a server with another file ends in bad_weights, also when its length differs', async () => {
  const { file, manifest } = await smallFile();
  const another = await smallFile();
  await withServer(another.file, async (server, page, url) => {
    assert.equal((await load(page, { url, manifest })).code, 'bad_weights');
    server.file = file.subarray(0, 100_000);
    assert.equal((await load(page, { url, manifest })).code, 'bad_weights');
    server.file = file;
    assert.equal((await load(page, { url, manifest })).stored, true);
  });
});

test('what no attempt can get ends in network, and the next load goes on from there', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.faults = [{ status: 404 }];
    assert.equal((await load(page, { url, manifest })).code, 'network');
    server.log();
    server.faults = [{ breakAfter: 3.5 * smallChunk }, ...Array.from({ length: 4 }, () => ({ breakAfter: 0 }))];
    const outcome = await load(page, { url, manifest });
    assert.equal(outcome.code, 'network');
    assert.match(outcome.message!, /byte 229376/);
    server.log();
    const next = await load(page, { url, manifest });
    assert.deepEqual([next.sha256, next.downloaded], [hash, 2.5 * smallChunk]);
    assert.deepEqual(server.log(), [`${3 * smallChunk}- 206`]);
  });
});

test('a server that falls silent is asked again', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.faults = [{ silentAfter: 100_000 }];
    const outcome = await load(page, { url, manifest });
    assert.equal(outcome.sha256, hash);
    assert.deepEqual(server.log(), ['all 200', '100000- 206']);
  });
});

test('an unreachable server ends in network', async () => {
  const { file, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    server.stop();
    assert.equal((await loadHere(page, { url, manifest })).code, 'network');
  });
});

test('an aborted load ends at once, wherever it is, and leaves nothing that is taken for whole', async () => {
  const { file, hash, manifest } = await smallFile();
  await withServer(file, async (server, page, url) => {
    assert.equal((await load(page, { url, manifest, abortAfterMs: 0 })).code, 'cancelled');
    assert.equal((await load(page, { url, manifest, abortAt: 3 * smallChunk })).code, 'cancelled');
    assert.equal((await load(page, { manifest })).code, 'not_stored');
    server.faults = [{ silentAfter: 0 }];
    const silent = await load(page, { url, manifest, abortAfterMs: 300 });
    assert.equal(silent.code, 'cancelled');
    const whole = await load(page, { url, manifest });
    assert.deepEqual([whole.sha256, whole.stored], [hash, true]);
    assert.equal((await load(page, { url, manifest, abortAt: smallChunk })).code, 'cancelled');
    assert.equal((await load(page, { manifest })).sha256, hash);
  });
});

test('a worker or page that is ended in the middle loses only the chunk it was at', async () => {
  const file = randomBytes(3.5 * mebibyte);
  await withServer(file, async (server, page, url) => {
    server.pauseMs = 5;
    assert.equal((await load(page, { url }, 2 * mebibyte)).code, 'killed');
    assert.deepEqual(server.log(), ['all 200']);
    server.pauseMs = 0;
    const outcome = await load(page, { url });
    assert.deepEqual([outcome.sha256, outcome.stored], [sha256(file), true]);
    const [request] = server.log();
    assert.match(request!, /^(1048576|2097152)- 206$/);
  });
});
