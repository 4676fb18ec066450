// web/weights.ts without a browser: no store there, every byte still checked. (Chromium: tests/e2e/weights*.test.ts.)
import assert from 'node:assert/strict';
import { openAsBlob, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ThimbleError, type ThimbleCode } from '../../web/errors.ts';
import { Engine } from '../../web/engine.ts';
import { loadWeights, type Manifest, type WeightsOptions, type WeightsSource } from '../../web/weights.ts';
import { checkManifest, makeManifest } from '../../web/weights/manifest.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

const size = 1024;
const file = new Uint8Array(5.5 * size).map((_, i) => (i * 7919) >> 3);
const manifest = await makeManifest('small', '1', file, size);

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}
const load = (source: WeightsSource | undefined, options: WeightsOptions = {}) => loadWeights(source, collect, options);
const rejects = (promise: Promise<unknown>, code: ThimbleCode, message: RegExp) =>
  assert.rejects(promise, (error) => error instanceof ThimbleError && error.code === code && message.test(error.message));

/** Pieces of odd sizes, as a network gives them. */
const stream = (bytes: Uint8Array<ArrayBuffer>, step = 700) => new ReadableStream<Uint8Array<ArrayBuffer>>({
  start(controller) {
    for (let at = 0; at < bytes.length; at += step) controller.enqueue(bytes.slice(at, at + step));
    controller.close();
  },
});

const sources: Record<string, () => WeightsSource> = {
  'an ArrayBuffer': () => file.buffer,
  'a Uint8Array': () => file,
  'a Blob': () => new Blob([file]),
  'a Response': () => new Response(file),
  'a stream of small pieces': () => stream(file),
  'a stream of one piece': () => stream(file, file.length),
};
for (const [what, source] of Object.entries(sources)) {
  test(`${what} arrives whole, with and without a manifest`, async () => {
    for (const options of [{ manifest }, { name: 'mine' }]) {
      const outcome = await load(source(), options);
      assert.deepEqual(outcome, { value: file, stored: false, reason: 'unavailable', downloaded: file.length });
    }
  });
}

test('a damaged, short or other file never reaches the consumer beyond its last good chunk', async () => {
  const damaged = file.slice();
  damaged[3 * size + 9]! ^= 1;
  for (const bad of [damaged, file.slice(0, 3 * size), file.slice(0, 4 * size - 1)]) {
    for (const source of [bad, new Blob([bad]), stream(bad)]) {
      let seen = 0;
      const consume = async (chunks: AsyncIterable<Uint8Array>) => { for await (const chunk of chunks) seen += chunk.length; };
      await rejects(loadWeights(source, consume, { manifest }), 'bad_weights', /not small 1: the 1024 bytes from 3072 on differ/);
      assert.equal(seen, 3 * size);
    }
  }
});

test('what cannot be a model is refused with a sentence', async () => {
  await rejects(load(7 as unknown as string), 'bad_input', /must be given as a URL/);
  await rejects(load('model.san'), 'bad_input', /not a URL/);  // no page, nothing to be relative to
  await rejects(load(new Response('', { status: 404 })), 'network', /status 404/);
  await rejects(load(new Response(null)), 'bad_input', /no body/);
  const used = new Response(file);
  await used.arrayBuffer();
  await rejects(load(used), 'bad_input', /in use or was read/);
  await rejects(load(undefined), 'not_stored', /give its URL or its bytes/);
  await rejects(load(undefined, { manifest }), 'not_stored', /small is not stored \(unavailable\)/);
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: (controller) => controller.error(new Error('gone')) });
  await rejects(load(broken), 'network', /cannot be read to its end/);
});

test('a manifest from outside is checked', () => {
  assert.deepEqual(checkManifest(JSON.parse(JSON.stringify(manifest))), manifest);
  const wrong: [Partial<Record<keyof Manifest, unknown>>, RegExp][] = [
    [{ name: '' }, /name/], [{ version: 1 }, /version/], [{ bytes: 0 }, /bytes/], [{ bytes: 2 ** 40 }, /bytes/], [{ bytes: 1.5 }, /bytes/],
    [{ chunkBytes: 0 }, /chunkBytes/], [{ chunkBytes: 2 ** 30 }, /chunkBytes/], [{ sha256: [] }, /sha256/], [{ sha256: 'x' }, /sha256/],
    [{ sha256: manifest.sha256.map((hash) => hash.toUpperCase()) }, /64 hex/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => checkManifest({ ...manifest, ...change }), (error) => error instanceof ThimbleError && error.code === 'bad_input' && message.test(error.message));
  }
  assert.throws(() => checkManifest(null), ThimbleError);
});

test('an aborted load rejects with the reason as cause, also while a stream keeps it waiting', async () => {
  const aborted = AbortSignal.abort('before');
  await assert.rejects(load(file, { signal: aborted }), { code: 'cancelled', cause: 'before' });
  const controller = new AbortController();
  const waiting = load(new ReadableStream(), { signal: controller.signal });
  setTimeout(() => controller.abort('during'), 20);
  await assert.rejects(waiting, { code: 'cancelled', cause: 'during' });
});

test('the consumer\'s error comes out as it is, and the stream is let go', async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({ pull: (c) => c.enqueue(new Uint8Array(2 ** 20)), cancel: () => { cancelled = true; } });
  const refuse = async (chunks: AsyncIterable<Uint8Array>) => { for await (const _ of chunks) throw new RangeError('refused'); };
  await assert.rejects(loadWeights(endless, refuse), RangeError);
  assert.equal(cancelled, true);
});

test('an onProgress that throws does not end the load', async () => {
  const outcome = await load(file, { manifest, onProgress: () => { throw new Error('mine'); } });
  assert.deepEqual(outcome.value, file);
});

test('the engine takes the model that ships from a Blob of the file', async () => {
  const path = `${rootDir}/model/thimble.san`;
  const shipped = await makeManifest('thimble', '1', new Uint8Array(readFileSync(path)));
  const module = await loadModule();
  const { value: engine, downloaded } = await loadWeights(await openAsBlob(path), (chunks) => Engine.load(module, chunks), { manifest: shipped });
  assert.equal(downloaded, shipped.bytes);
  assert.equal(typeof JSON.parse(engine.metadata), 'object');
  engine.dispose();
});
