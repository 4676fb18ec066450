// What answers a page's messages, in a worker or inline: one engine, one request at a time, in the order of arrival. A
// request runs in pieces of a few milliseconds; between them the messages that came meanwhile are read, so that a call
// can be cancelled while it runs.
import { Answers } from './answers.ts';
import { EngineError, Engine, type ThimbleModule } from './engine.ts';
import { ThimbleError, throwIfAborted } from './errors.ts';
import type { Calls, LoadParams, Message, Method, ModelInfo, Reply, Request } from './protocol.ts';
import { tick } from './tick.ts';
import { loadWeights } from './weights.ts';

/** The end of a channel that the runtime holds. */
export interface Port {
  postMessage(reply: Reply): void;
  onmessage: ((event: MessageEvent<Message>) => void) | null;
  close(): void;
}

/** What differs between places where a runtime lives. */
export interface Host {
  createModule(wasm: LoadParams['wasm']): Promise<ThimbleModule>;
}

interface Job { request: Request; arrived: number; controller: AbortController }

/** Answers the messages of `port` until it is closed. */
export function serve(port: Port, host: Host): void { new Runtime(port, host); }

class Runtime {
  private readonly queue: Job[] = [];
  private readonly jobs = new Map<number, Job>();
  private busy = false;
  private answers: Answers | undefined;

  constructor(private readonly port: Port, private readonly host: Host) {
    port.onmessage = ({ data }) => this.receive(data);
  }

  private receive(message: Message): void {
    if ('cancel' in message) return this.jobs.get(message.cancel)?.controller.abort();
    const job = { request: message, arrived: performance.now(), controller: new AbortController() };
    this.jobs.set(message.id, job);
    this.queue.push(job);
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    await tick();  // what was sent together is read together
    for (let job = this.queue.shift(); job; job = this.queue.shift()) {
      try {
        if (isAddTools(job)) await this.addTools([job, ...this.takeAddTools()]);
        else await this.answer(job, () => this.perform(job!));
      } catch (error) {
        return this.crash(error);
      }
    }
    this.busy = false;
  }

  /** Sends what `work` returns or throws. What is no expected failure is a crash: nobody knows what state it left. */
  private async answer(job: Job, work: () => Promise<Calls[Method]['result']>): Promise<void> {
    const { id } = job.request;
    try {
      throwIfAborted(job.controller.signal);
      this.port.postMessage({ id, result: await work() });
    } catch (error) {
      if (!(error instanceof ThimbleError || error instanceof EngineError)) throw error;
      this.port.postMessage({ id, error: { code: error.code, message: error.message } });
    } finally {
      this.jobs.delete(id);
    }
  }

  private crash(error: unknown): void {
    this.port.onmessage = null;
    this.port.postMessage({ crashed: String(error) });
    this.port.close();
  }

  private async perform({ request, arrived, controller: { signal } }: Job): Promise<Calls[Method]['result']> {
    const { id } = request;
    switch (request.method) {
      case 'load': return this.load(request.params, signal, (event) => this.port.postMessage({ id, event }));
      case 'addTools': throw new Error('addTools goes through its own method');
      case 'removeTools': return this.loaded.remove(request.params.names);
      case 'answer': return this.loaded.answer(request.params, arrived, signal, (event) => this.port.postMessage({ id, event }));
      case 'check': return this.loaded.check(request.params, arrived);
      case 'memory': return this.loaded.engine.memory();
      default: return assertNever(request);
    }
  }

  private get loaded(): Answers {
    if (!this.answers) throw new ThimbleError('bad_input', 'No model is loaded; load one first.');
    return this.answers;
  }

  private async load(
    params: LoadParams, signal: AbortSignal, onProgress: (event: Calls['load']['event']) => void,
  ): Promise<ModelInfo> {
    const start = performance.now();
    const creating = this.host.createModule(params.wasm);
    creating.catch(() => {});  // it is awaited below, but the weights may fail first
    let moduleMs = 0;
    const open = async (chunks: AsyncIterable<Uint8Array>) => {
      const module = await creating;
      moduleMs ||= performance.now() - start;
      return Engine.load(module, chunks, { verified, ...(kernels && { kernels }) });
    };
    const { model, manifest, name, kernels } = params;
    const verified = manifest !== undefined && globalThis.crypto?.subtle !== undefined;  // then web/weights.ts checks every chunk
    const options = { ...(manifest && { manifest }), ...(name !== undefined && { name }), signal, onProgress };
    const { value: engine, stored, reason, downloaded } = await loadWeights(model, open, options);
    this.answers = new Answers(engine, params.allowUnenforced);
    return {
      metadata: readMetadata(engine.metadata), kernels: engine.kernels, stored, ...(reason && { notStored: reason }),
      downloaded, ms: { module: moduleMs, weights: performance.now() - start },
    };
  }

  /** All registrations that wait at the head of the queue, to be compiled at once. */
  private takeAddTools(): AddToolsJob[] {
    const taken: AddToolsJob[] = [];
    for (let [job] = this.queue; job && isAddTools(job); [job] = this.queue) {
      taken.push(job);
      this.queue.shift();
    }
    return taken;
  }

  private async addTools(jobs: AddToolsJob[]): Promise<void> {
    const live = jobs.filter(({ controller }) => !controller.signal.aborted);
    const results = await this.answers?.add(live.map(({ request }) => request.params.tools));
    for (const job of jobs) {
      await this.answer(job, async () => {
        const result = this.loaded && results![live.indexOf(job)]!;
        if (result instanceof Error) throw result;
        return result;
      });
    }
  }
}

type AddToolsJob = Job & { request: { method: 'addTools' } };
const isAddTools = (job: Job): job is AddToolsJob => job.request.method === 'addTools';

function readMetadata(text: string): ModelInfo['metadata'] {
  try {
    return Object(JSON.parse(text)) as ModelInfo['metadata'];
  } catch {
    return {};  // a model may have none
  }
}

function assertNever(request: never): never {
  throw new Error(`no such method: ${JSON.stringify(request)}`);
}
