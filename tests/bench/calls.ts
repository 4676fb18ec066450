// npm run bench:calls [-- --json] [--quick]: warm calls of the dev set's queries over 1 to 1,000 registered tools, one thread,
// in headless Chromium, with the model that ships; registration, cold and from IndexedDB; memory. Beside it, the peer's
// way: every tool encoded anew for every query, a pass and all logits for each token.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { percentile } from '../../js/cli/percentile.ts';
import { buildScripts } from '../e2e/thimble_page.ts';
import { bundle, withPage, type Routes } from '../run/browser.ts';
import { distDir, rootDir } from '../run/files.ts';
import type { KernelSet } from '../../web/engine.ts';
import type { CallTimes, InPage } from './calls_client.ts';
import type { Parts, PartsJob } from './calls_worker.ts';

interface Tool { name: string }
interface Case { query: string; tools: Tool[]; accept: { name: string }[][] }

const { values: { json, quick } } = parseArgs({ options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } } });
const sizes = [1, 5, 10, 30, 100, 1000];
const partSizes = [1, 5, 10, 30];
const queryCount = quick ? 8 : 40, repeats = quick ? 2 : 5;

const read = (path: string) => readFileSync(`${rootDir}/${path}`, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case);
const dev = read('../shared/eval/dev.jsonl');
const called = dev.filter(({ accept }) => (accept[0]?.length ?? 0) > 0);
const cases = called.filter((_, i) => i % Math.ceil(called.length / queryCount) === 0);
const others = [...dev, ...read('training/eval/unseen.jsonl')].flatMap(({ tools }) => tools);

/** `size` tools of different names: `first`, then any. */
function toolsFor(first: Tool[], size: number): Tool[] {
  const byName = new Map<string, Tool>();
  for (const tool of [...first, ...others]) if (byName.size < size && !byName.has(tool.name)) byName.set(tool.name, tool);
  return [...byName.values()];
}
const asked = ({ tools, accept }: Case) => tools.filter(({ name }) => accept[0]!.some((call) => call.name === name));
const toolsOf = (one: Case, size: number) => toolsFor([...asked(one), ...one.tools], size);

const inPage = <K extends keyof InPage>(page: Page, name: K, ...args: Parameters<InPage[K]>) => page.evaluate(async ([name, args]) => {
  while (!('thimbleBench' in globalThis)) await new Promise((resolve) => setTimeout(resolve, 5));
  return (globalThis as unknown as { thimbleBench: Record<string, (...args: unknown[]) => unknown> }).thimbleBench[name as string]!(...args as unknown[]);
}, [name, args] as const) as Promise<Awaited<ReturnType<InPage[K]>>>;

const spread = (values: number[]) => ({ p50: percentile(values, 0.5), p95: percentile(values, 0.95) });

/** Warm calls. Up to 30 tools, every query has a set of its own; beyond, one set holds the tools of all. */
async function calls(page: Page, size: number): Promise<CallTimes[]> {
  const times: CallTimes[] = [];
  if (size > 30) await inPage(page, 'register', toolsFor(cases.flatMap(asked), size));
  for (const one of cases) {
    if (size <= 30) await inPage(page, 'register', toolsOf(one, size));
    times.push(...await inPage(page, 'call', one.query, repeats));
  }
  return times;
}

function partsOf(page: Page, job: PartsJob): Promise<Parts[]> {
  return page.evaluate((job) => new Promise<Parts[]>((resolve, reject) => {
    const worker = new Worker('/parts.js', { type: 'module' });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<{ parts: Parts[] } | { error: string }>) => {
      worker.terminate();
      if ('parts' in data) resolve(data.parts);
      else reject(new Error(data.error));
    };
    worker.postMessage(job);
  }), job);
}

async function measure(routes: Routes, kernels: KernelSet) {
  return withPage(routes, async (page) => {
    const found = await inPage(page, 'load', kernels);
    const hundred = toolsFor(cases.flatMap(asked), 100);
    const cold = await inPage(page, 'register', hundred);
    await inPage(page, 'call', cases[0]!.query, 1);
    const memory = await inPage(page, 'memory');
    await page.waitForTimeout(1500);  // the store is written behind the replies
    await page.reload();
    await inPage(page, 'load', kernels);
    const stored = await inPage(page, 'register', hundred);
    const bySize: Record<number, object> = {};
    for (const size of sizes) {
      console.error(`${found}: ${size} tools`);
      const times = await calls(page, size);
      const parts = partSizes.includes(size) ? await partsOf(page, { kernels, cases: cases.map((one) => ({ query: one.query, tools: toolsOf(one, size) })) }) : [];
      const median = (key: keyof Parts) => percentile(parts.flatMap((part) => part[key] ?? []), 0.5);
      bySize[size] = {
        call: spread(times.map(({ total }) => total)), find: spread(times.map(({ tools }) => tools)), answer: spread(times.map(({ answer }) => answer)),
        messaging: spread(times.map(({ total, tools, answer }) => total - tools - answer)),
        ...(parts.length > 0 && {
          parts: { tokenize: median('tokenize'), encode: median('encode'), decode: median('decode'), mask: median('mask') },
          peer: spread(parts.flatMap(({ peer }) => peer ?? [])),
        }),
      };
    }
    return { kernels: found, bySize, registration: { cold, stored }, memory, longTasks: await inPage(page, 'longTasks') };
  });
}

const [client, worker] = await Promise.all([buildScripts('tests/bench/calls_client.ts'), buildScripts('web/worker.ts')]);
const script = (text: string) => ({ text, type: 'text/javascript' });
const routes: Routes = {
  '/': { text: '<!doctype html><title>bench</title><link rel="icon" href="data:,"><script type="module" src="/js/calls_client.js"></script>', type: 'text/html' },
  ...Object.fromEntries([...client].map(([name, text]) => [`/js/${name}`, script(text)])),
  ...Object.fromEntries([...worker].map(([name, text]) => [`/web/${name === 'worker.js' ? 'worker.ts' : name}`, script(text)])),
  '/parts.js': await bundle(`${rootDir}/tests/bench/calls_worker.ts`),
  '/web/thimble.wasm': { file: `${distDir}/thimble.wasm` },
  '/model/thimble.san': { file: `${rootDir}/model/thimble.san` },
};
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const kernels of ['best', 'simd128'] as const) {
  if (results[0]?.kernels !== kernels) results.push(await measure(routes, kernels));  // where the best is simd128, once
}

if (json) {
  console.log(JSON.stringify({ processor: cpus()[0]?.model, queries: cases.length, repeats, results }, null, 1));
} else {
  const ms = (value: number) => value.toFixed(2).padStart(9);
  console.log(`${cpus()[0]?.model}; ${cases.length} queries of the dev set, ${repeats} warm calls each; milliseconds, p50 / p95`);
  for (const { kernels, bySize, registration, memory, longTasks } of results) {
    console.log(`\n${kernels}\n${'tools'.padEnd(7)}${['call', '', 'find', '', 'answer', '', 'message', '', 'tokenize', 'encode', 'decode', 'mask', 'peer', ''].map((title) => title.padStart(9)).join('')}`);
    for (const [size, row] of Object.entries(bySize) as [string, Record<string, { p50: number; p95: number }> & { parts?: Record<string, number> }][]) {
      const pairs = ['call', 'find', 'answer', 'messaging'].flatMap((key) => [row[key]!.p50, row[key]!.p95]);
      const parts = row.parts ? [...Object.values(row.parts), row.peer!.p50, row.peer!.p95] : [];
      console.log(size.padEnd(7) + [...pairs, ...parts].map(ms).join(''));
    }
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    console.log(`100 tools: registered in ${registration.cold.ms.toFixed(0)} ms cold, ${registration.stored.ms.toFixed(0)} ms from the store; the page's thread busy for at most ` +
      `${registration.cold.longest.toFixed(1)} and ${registration.stored.longest.toFixed(1)} ms; ${mib(memory.total)} in all, ${mib(memory.toolCache)} of it encoded tools; long tasks ${longTasks.length}`);
  }
}
