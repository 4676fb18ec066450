// The page of npm run bench:calls.
import { Thimble as AnyThimble, type Registration } from '../../js/thimble.ts';
import type { KernelSet } from '../../web/protocol.ts';
import type { AnyTool } from '../../js/tools.ts';

/** Milliseconds of one call: as the page sees it, and in the worker. */
export interface CallTimes { total: number; tools: number; answer: number }

class Thimble extends AnyThimble {}
let thimble: Thimble;
let registration: Registration | undefined;
const longTasks: number[] = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ entryTypes: ['longtask'] });

async function load(kernels: KernelSet): Promise<string> {
  thimble = await Thimble.load({
    model: '/model/thimble.san', name: 'bench', kernels, allowUnenforced: true, wasm: '/web/thimble.wasm',
    worker: () => new Worker('/web/worker.ts', { type: 'module' }),
  });
  return thimble.model.kernels;
}

/** Replaces the tools. -> milliseconds until all are read, and the longest that the page's own thread was busy */
async function register(tools: AnyTool[]): Promise<{ ms: number; longest: number }> {
  registration?.unregister();
  let longest = 0, last = performance.now(), running = true;
  const channel = new MessageChannel();  // ticks as often as the thread is free
  channel.port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) channel.port2.postMessage(null);
  };
  channel.port2.postMessage(null);
  const start = performance.now();
  registration = await thimble.registerTools(tools);
  const ms = performance.now() - start;
  running = false;
  return { ms, longest };
}

async function call(query: string, repeats: number): Promise<CallTimes[]> {
  const times: CallTimes[] = [];
  await thimble.call(query);
  for (let i = 0; i < repeats; ++i) {
    const start = performance.now();
    const outcome = await thimble.call(query);
    const total = performance.now() - start, { tools, answer } = ('stats' in outcome && outcome.stats?.ms) || { tools: 0, answer: 0 };
    times.push({ total, tools, answer });
  }
  return times;
}

const inPage = { load, register, call, memory: () => thimble.memory(), longTasks: () => longTasks };
export type InPage = typeof inPage;
Object.assign(globalThis, { thimbleBench: inPage });
