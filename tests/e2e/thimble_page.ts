// The package's page side and its worker, built as for production, on a local server that counts requests.
import { join } from 'node:path';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import type { Routes } from '../run/browser.ts';
import { distDir, rootDir } from '../run/files.ts';
import type { InPage } from './thimble_client.ts';

/** Bundles entries with their chunks: name of the file -> text. */
export async function buildScripts(...entries: string[]): Promise<Map<string, string>> {
  const { outputFiles } = await build({
    entryPoints: entries.map((entry) => join(rootDir, entry)), bundle: true, format: 'esm', target: 'es2022', minify: true, splitting: true,
    outdir: '/', write: false, legalComments: 'none',
  });
  return new Map(outputFiles.map(({ path, text }) => [path.slice(1), text]));
}

const script = (text: string) => ({ text, type: 'text/javascript' });

/** Everything where js/thimble.ts looks for it. `prelude` runs in the worker before it; `client` is the page's script. */
export async function thimbleRoutes(prelude = '', client = 'thimble_client'): Promise<Routes> {
  const [page, worker] = await Promise.all([buildScripts(`tests/e2e/${client}.ts`), buildScripts('web/worker.ts')]);
  const chunks = [...worker].filter(([name]) => name !== 'worker.js').map(([name, text]) => [`/web/${name}`, script(text)] as const);
  return {
    '/': { text: '<!doctype html><title>test</title><link rel="icon" href="data:,"><script type="module" src="/js/client.js"></script>', type: 'text/html' },
    '/js/client.js': script(page.get(`${client}.js`)!),
    ...Object.fromEntries([...page].filter(([name]) => name !== `${client}.js`).map(([name, text]) => [`/js/${name}`, script(text)])),
    '/web/worker.ts': script(prelude + worker.get('worker.js')!),
    ...Object.fromEntries(chunks),
    '/web/thimble.wasm': { file: `${distDir}/thimble.wasm` },
    '/model/thimble.san': { file: `${rootDir}/model/thimble.san` },
  };
}

/** Runs a function of tests/e2e/thimble_client.ts in the page. */
export function inPage<K extends keyof InPage>(page: Page, name: K, ...args: Parameters<InPage[K]>): Promise<Awaited<ReturnType<InPage[K]>>> {
  return page.evaluate(async ({ name, args }) => {
    while (!('thimbleTest' in globalThis)) await new Promise((resolve) => setTimeout(resolve, 5));  // the page is loading its script
    const functions = (globalThis as unknown as { thimbleTest: Record<string, (...args: unknown[]) => unknown> }).thimbleTest;
    return functions[name]!(...args);
  }, { name, args: args as unknown[] }) as Promise<Awaited<ReturnType<InPage[K]>>>;
}

/** Waits until the page has so many workers: Chromium tells of an end a little later. */
export async function haveWorkers(page: Page, count: number): Promise<void> {
  for (let tries = 0; page.workers().length !== count; ++tries) {
    if (tries > 100) throw new Error(`${page.workers().length} workers instead of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The requests of all pages and workers from now on. */
export function recordRequests(context: BrowserContext): string[] {
  const requests: string[] = [];
  context.on('request', (request) => { if (!request.url().startsWith('data:')) requests.push(new URL(request.url()).pathname); });
  return requests;
}
