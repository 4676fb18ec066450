// What the tests do in a page, as a page would.
import { Thimble, ThimbleError, type CallOptions, type LoadOptions, type Outcome, type Progress } from '../../js/index.ts';

let thimble: Thimble;
const executed: unknown[] = [];

export interface Failure { code: string; message: string }

/** The result, or the code of the error. Anything but a ThimbleError is a fault of the test or of Thimble. */
async function outcomeOf<T>(promise: Promise<T>): Promise<T | Failure> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof ThimbleError)) throw error;
    return { code: error.code, message: error.message };
  }
}

async function registerHome(): Promise<void> {
  await thimble.registerTools([
    {
      name: 'set_light', description: 'Set the brightness of the lights in one room.',
      inputSchema: {
        type: 'object', required: ['room'],
        properties: { room: { type: 'string', enum: ['kitchen', 'bedroom', 'hall'] }, level: { type: 'integer', minimum: 0, maximum: 100 } },
      },
      execute: (values: unknown) => executed.push(values),
    },
    {
      name: 'remind', description: 'Remind of something at a time.',
      inputSchema: { type: 'object', required: ['what', 'when'], properties: { what: { type: 'string' }, when: { type: 'string', format: 'date-time' } } },
    },
  ]);
}

async function load(options: LoadOptions & { abortAfterMs?: number } = {}): Promise<Failure | Thimble['model']> {
  const { abortAfterMs, ...rest } = options;
  const signal = abortAfterMs === undefined ? {} : { signal: AbortSignal.timeout(abortAfterMs) };
  return outcomeOf(Thimble.load({ ...rest, ...signal }).then((loaded) => {
    thimble = loaded;
    return registerHome().then(() => loaded.model);
  }));
}

/** Loads, registers and calls, and says when each was done, in ms from the start. */
async function timeStart(query: string): Promise<{ loaded: number; registered: number; answered: number; model: Thimble['model']; outcome: Outcome }> {
  const start = performance.now();
  const since = () => performance.now() - start;
  thimble = await Thimble.load();
  const loaded = since();
  const registering = registerHome().then(since);
  const outcome = await thimble.call(query);
  const answered = since();
  const { model } = thimble;
  const registered = await registering;
  thimble.dispose();
  return { loaded, registered, answered, model, outcome };
}

const call = (query: string, options: CallOptions = {}) => outcomeOf(thimble.call(query, options));
const callWithFunction = () => call('dim the hall', { toolChoice: { tool: (() => 'set_light') as unknown as string } });
const run = async (query: string) => ({ outcome: await outcomeOf(thimble.run(query)), executed: executed.splice(0) });
const memory = () => thimble.memory();

/** Many calls at once; those of which `cancels` says so are aborted after so many ms. */
async function callAll(queries: string[], cancels: (number | null)[]): Promise<(Outcome | Failure)[]> {
  return Promise.all(queries.map((query, i) => {
    const after = cancels[i] ?? null;
    return outcomeOf(thimble.call(query, after === null ? {} : { signal: AbortSignal.timeout(after) }));
  }));
}

/** Lets `pending` calls wait, does `what`, and says how each ended. */
async function disposeWhileCalling(pending: number): Promise<(Outcome | Failure)[]> {
  const calls = Array.from({ length: pending }, () => outcomeOf(thimble.call('dim the hall to 5')));
  thimble.dispose();
  return [...(await Promise.all(calls)), await outcomeOf(thimble.call('and now?'))];
}

/** The frames of the page while calls run one after the other: ms between them, and the page's longest task. */
async function framesWhileCalling(query: string, ms: number): Promise<{ intervals: number[]; calls: number; longTasks: number[] }> {
  const intervals: number[] = [], longTasks: number[] = [];
  const observer = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ type: 'longtask' });
  let last: number | undefined, running = true, calls = 0;
  const frame = (now: number) => {
    if (last !== undefined) intervals.push(now - last);
    last = now;
    if (running) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  for (const end = performance.now() + ms; performance.now() < end; ++calls) if (query !== '') await thimble.call(query); else await new Promise((resolve) => setTimeout(resolve, 10));
  running = false;
  observer.disconnect();
  return { intervals, calls, longTasks };
}

async function stream(query: string, stopAfter = Infinity): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of thimble.stream(query)) if (events.push(event) >= stopAfter) break;
  return events;
}

async function loadWithProgress(): Promise<{ phases: Progress['phase'][]; fractions: number[]; model: Thimble['model'] }> {
  const phases = new Set<Progress['phase']>();
  const fractions: number[] = [];
  thimble = await Thimble.load({
    onProgress: ({ phase }) => phases.add(phase),
    monitor: (m) => m.addEventListener('downloadprogress', ({ loaded }) => fractions.push(loaded)),
  });
  return { phases: [...phases], fractions, model: thimble.model };
}

const functions = { load, timeStart, call, callWithFunction, run, memory, callAll, disposeWhileCalling, framesWhileCalling, stream, loadWithProgress };
export type InPage = typeof functions;
Object.assign(globalThis, { thimbleTest: functions });
