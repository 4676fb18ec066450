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
    try {
      for (let ahead = true; ahead || this.queue.length > 0;) {
        const job = this.queue.shift();
        if (!job) ahead = await this.workAhead();
        else if (isAddTools(job)) await this.addTools(job);
        else await this.answer(job, () => this.perform(job));
        if (job) ahead = true;
      }
    } catch (error) {
      return this.crash(error);
    }
    this.busy = false;
  }

  /** Something that no request waits for, then a look at the messages; false if there was nothing to do. */
  private async workAhead(): Promise<boolean> {
    const worked = (await this.answers?.workAhead()) ?? false;
    await tick();
    return worked;
  }

  private answer(job: Job, work: () => Promise<Calls[Method]['result']>): Promise<boolean> {
    return this.attempt(job, async () => this.reply(job, await work()));
  }

  private reply({ request: { id } }: Job, result: Calls[Method]['result']): void {
    this.jobs.delete(id);
    this.port.postMessage({ id, result });
  }

  /** Sends what `work` throws. What is no expected failure is a crash: nobody knows what state it left. */
  private async attempt(job: Job, work: () => Promise<void>): Promise<boolean> {
    const { id } = job.request;
    try {
      throwIfAborted(job.controller.signal);
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof ThimbleError || error instanceof EngineError)) throw error;
      this.jobs.delete(id);
      this.port.postMessage({ id, error: { code: error.code, message: error.message } });
      return false;
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
      case 'memory': return this.loaded.memory();
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
    this.answers = new Answers(engine, params);
    return {
      metadata: readMetadata(engine.metadata), kernels: engine.kernels, stored, ...(reason && { notStored: reason }),
      downloaded, ms: { module: moduleMs, weights: performance.now() - start },
    };
  }

  /** Compiles the tools, so that every later request has them; the reply comes when they are encoded, and nothing waits for it. */
  private async addTools(job: AddToolsJob): Promise<void> {
    let encoded: Promise<unknown> = Promise.resolve(), unenforced: string[] = [];
    const compiled = await this.attempt(job, async () => { ({ encoded, unenforced } = await this.loaded.add(job.request.params.tools)); });
    if (compiled) void encoded.then(() => this.attempt(job, async () => this.reply(job, unenforced))).catch((error: unknown) => this.crash(error));
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
