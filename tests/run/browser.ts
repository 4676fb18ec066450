// Headless Chromium (Debian's, no download) with a page served from a local static server.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type BrowserContext, type LaunchOptions, type Page } from 'playwright-core';

const chromiumPath = '/usr/bin/chromium';

const mimeTypes: Record<string, string> = {
  '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.mjs': 'text/javascript',
  '.wasm': 'application/wasm', '.json': 'application/json',
};

/** What the server answers: URL path -> a file's path or content. A key that ends in / serves a folder. */
export type Routes = Record<string, { file: string } | { bytes: Uint8Array } | { text: string; type: string }>;

/** Bundles a TypeScript entry for the browser. */
export async function bundle(entry: string): Promise<{ text: string; type: string }> {
  const result = await build({ entryPoints: [entry], bundle: true, format: 'esm', target: 'chrome120', write: false });
  return { text: result.outputFiles[0]!.text, type: 'text/javascript' };
}

async function answer(routes: Routes, path: string): Promise<{ body: Uint8Array | string; type: string } | undefined> {
  const exact = routes[path];
  if (exact && 'bytes' in exact) return { body: exact.bytes, type: 'application/octet-stream' };
  if (exact && 'text' in exact) return { body: exact.text, type: exact.type };
  let file = exact?.file;
  if (!file) {
    const folder = Object.keys(routes).find((key) => key.length > 1 && key.endsWith('/') && path.startsWith(key));
    const route = folder === undefined ? undefined : routes[folder];
    if (!route || !('file' in route) || path.includes('..')) return undefined;
    file = join(route.file, path.slice(folder!.length));
  }
  if (!existsSync(file)) return undefined;
  return { body: await readFile(file), type: mimeTypes[extname(file)] ?? 'application/octet-stream' };
}

async function serve(routes: Routes) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://localhost').pathname);
    answer(routes, path).then((found) => {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      response.setHeader('Access-Control-Allow-Origin', '*');
      if (!found) return response.writeHead(404).end();
      const cache = found.type === 'application/wasm' ? { 'Cache-Control': 'max-age=3600' } : {};  // the browser then keeps the compiled code
      return response.writeHead(200, { 'Content-Type': found.type, ...cache }).end(found.body);
    }, (error) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export function launchChromium(profile: string, { args = [], ...options }: LaunchOptions = {}): Promise<BrowserContext> {
  if (!existsSync(chromiumPath)) throw new Error(`${chromiumPath} is missing; run scripts/setup.sh test`);
  return chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath, headless: true, args: ['--no-sandbox', '--disable-gpu', ...args], ...options,
  });
}

/**
 * Opens an empty page of Chromium on the given routes, runs `use`, and closes everything. An error that the page does
 * not catch rejects. `args`: more of Chromium's switches.
 */
export async function withPage<T>(routes: Routes, use: (page: Page) => Promise<T>, args: string[] = []): Promise<T> {
  const empty = { text: '<!doctype html><title>test</title><link rel="icon" href="data:,">', type: 'text/html' };
  const { server, url } = await serve({ '/': empty, ...routes });
  const profile = await mkdtemp(join(tmpdir(), 'thimble-chromium-'));
  const context = await launchChromium(profile, { args });
  try {
    const page = await context.newPage();
    const crashed = new Promise<never>((_, reject) => {
      page.on('pageerror', reject);
      page.on('crash', () => reject(new Error('the page crashed')));
    });
    await page.goto(`${url}/`);
    return await Promise.race([use(page), crashed]);
  } finally {
    await context.close();
    server.close();
    await rm(profile, { recursive: true, force: true });
  }
}
