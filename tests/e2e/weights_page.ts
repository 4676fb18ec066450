// Pages of Chromium and a server that misbehaves on demand, for the tests of web/weights.ts.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Frame, type Page } from 'playwright-core';
import { makeManifest, type Manifest } from '../../web/weights/manifest.ts';
import { bundle } from '../run/browser.ts';
import { rootDir } from '../run/files.ts';
import type { InPage, Outcome, Params } from './weights_worker.ts';

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What one answer of the server does wrong. */
export interface Fault {
  /** The connection breaks, or falls silent, after so many bytes of the body. */
  breakAfter?: number;
  silentAfter?: number;
  /** The byte at this position of the file is wrong. */
  flip?: number;
  status?: number;
  /** Runs when the answer is over: the file may change then. */
  then?: () => void;
}

/** A file on a server, at /model.san. Every server is an origin of its own, with an empty store. */
export class FileServer {
  requests: { range: string | undefined; status: number }[] = [];
  faults: Fault[] = [];
  ranges = true;
  sayLength = true;
  etag: string | undefined = '"1"';
  /** Pause after each 32 KiB, to make loads overlap. */
  pauseMs = 0;
  url = '';
  private readonly server = createServer((request, response) => void this.answer(request, response));

  constructor(public file: Buffer, private readonly client: string) {}

  static async start(file: Buffer): Promise<FileServer> {
    const { text } = await client();
    const it = new FileServer(file, text);
    await new Promise<void>((resolve) => it.server.listen(0, '127.0.0.1', resolve));
    it.url = `http://127.0.0.1:${(it.server.address() as AddressInfo).port}`;
    return it;
  }

  /** The requests since the last call: their ranges, "all" for a whole file. */
  log(): string[] { return this.requests.splice(0).map(({ range, status }) => `${range ?? 'all'} ${status}`); }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.url === '/client.js') return void response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(this.client);
    if (request.url !== '/model.san') return void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><script type="module" src="/client.js"></script>');
    const fault = this.faults.shift() ?? {};
    const range = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/);
    const partial = range && this.ranges;
    const from = partial ? Number(range[1]) : 0;
    const to = partial && range[2] ? Number(range[2]) + 1 : this.file.length;
    const status = fault.status ?? (from >= this.file.length ? 416 : partial ? 206 : 200);
    this.requests.push({ range: request.headers.range?.replace('bytes=', ''), status });
    if (status >= 400) return void response.writeHead(status, { 'Content-Range': `bytes */${this.file.length}` }).end();
    if (this.etag) response.setHeader('ETag', this.etag);
    if (partial) response.setHeader('Content-Range', `bytes ${from}-${to - 1}/${this.file.length}`);
    if (this.sayLength) response.setHeader('Content-Length', to - from);
    response.writeHead(status).flushHeaders();
    await this.send(response, from, to, fault);
    fault.then?.();
  }

  private async send(response: ServerResponse, from: number, to: number, { breakAfter, silentAfter, flip }: Fault): Promise<void> {
    const body = Buffer.from(this.file.subarray(from, to));
    if (flip !== undefined) body[flip - from]! ^= 1;
    const end = Math.min(body.length, breakAfter ?? Infinity, silentAfter ?? Infinity);
    for (let at = 0; at < end && !response.destroyed; at += 32768) {
      await new Promise((sent) => response.write(body.subarray(at, Math.min(at + 32768, end)), sent));
      if (this.pauseMs) await new Promise((resume) => setTimeout(resume, this.pauseMs));
    }
    if (silentAfter !== undefined) return;
    if (breakAfter === undefined) return void response.end();
    await new Promise((arrived) => setTimeout(arrived, 50));
    response.destroy();
  }
}

let bundled: Promise<{ text: string }> | undefined;
const client = () => (bundled ??= bundle(`${rootDir}/tests/e2e/weights_worker.ts`));

export async function openBrowser(profile?: string): Promise<BrowserContext & { profile: string }> {
  const dir = profile ?? (await mkdtemp(join(tmpdir(), 'thimble-weights-')));
  const context = await chromium.launchPersistentContext(dir, {
    executablePath: '/usr/bin/chromium', headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP thimble.test 127.0.0.1'],
  });
  return Object.assign(context, { profile: dir });
}

export async function closeBrowser(context: BrowserContext & { profile: string }): Promise<void> {
  await context.close();
  await rm(context.profile, { recursive: true, force: true });
}

/** Loads in a worker of its own. With `killAt`, the worker is ended once the consumer has so many bytes. */
export const load = (page: Page, params: Params, killAt?: number): Promise<Outcome> =>
  page.evaluate(({ params, killAt }) => (globalThis as unknown as InPage).loadInWorker(params, killAt), { params, killAt });

/** Loads in the page or frame itself. */
export const loadHere = (page: Page | Frame, params: Params): Promise<Outcome> =>
  page.evaluate((params) => (globalThis as unknown as InPage).loadHere(params), params);

export const smallChunk = 65536;

export interface Small { file: Buffer; hash: string; manifest: Manifest }

/** Five and a half chunks that do not compress, and their manifest. */
export async function smallFile(version = '1', chunks = 5.5): Promise<Small> {
  const file = randomBytes(chunks * smallChunk);
  return { file, hash: sha256(file), manifest: await makeManifest('small', version, new Uint8Array(file), smallChunk) };
}
