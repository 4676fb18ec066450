// One connection to a runtime: requests out, replies in, matched by number. When the runtime dies, everything that waits
// for it is rejected; nothing hangs.
import type { Calls, Message, Method, Reply } from '../web/protocol.ts';
import { cancelled, ThimbleError } from '../web/errors.ts';

/** The page's end of a channel to a runtime: a Worker, or an inline one. */
export interface Channel {
  postMessage(message: Message): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Reply>) => void) | null;
  onerror?: ((event: ErrorEvent) => void) | null;
}

export interface RequestOptions<M extends Method> {
  signal?: AbortSignal | undefined;
  onEvent?: (event: Calls[M]['event']) => void;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: ThimbleError): void;
  onEvent: ((event: never) => void) | undefined;
}

export class Rpc {
  private readonly pending = new Map<number, Pending>();
  private readonly stopped = new AbortController();
  private ended: ThimbleError | undefined;
  private last = 0;

  /** `onEnd`: the runtime is gone. */
  constructor(private readonly channel: Channel, private readonly onEnd: () => void) {
    channel.onmessage = ({ data }) => this.receive(data);
    channel.onerror = (event) => {
      event.preventDefault();
      this.end(crashed(event.message ?? 'its script cannot be loaded'));
    };
  }

  /** Posts before it returns. Rejects with the runtime's errors, `crashed`, or, once `signal` is aborted, `cancelled`. */
  request<M extends Method>(method: M, params: Calls[M]['params'], { signal, onEvent }: RequestOptions<M> = {}): Promise<Calls[M]['result']> {
    const id = ++this.last;
    return new Promise<unknown>((resolve, reject) => {
      if (this.ended) throw this.ended;
      if (signal?.aborted) throw cancelled(signal);
      this.post({ id, method, params } as Message);
      const abort = () => {
        this.settle(id)?.reject(cancelled(signal!));
        this.channel.postMessage({ cancel: id });
      };
      signal?.addEventListener('abort', abort, { once: true });
      const free = <T>(settle: (value: T) => void) => (value: T) => { signal?.removeEventListener('abort', abort); settle(value); };
      this.pending.set(id, { resolve: free(resolve), reject: free(reject), onEvent });
    }) as Promise<Calls[M]['result']>;
  }

  /** Ends the runtime; what waits for it rejects with `error`. */
  end(error: ThimbleError): void {
    if (this.ended) return;
    this.ended = error;
    this.stopped.abort();
    this.channel.terminate();
    this.onEnd();
    for (const id of [...this.pending.keys()]) this.settle(id)!.reject(error);
  }

  private post(message: Message): void {
    try {
      this.channel.postMessage(message);
    } catch (error) {
      throw new ThimbleError('bad_input', 'Something was given that cannot be sent to a worker; give plain values.', error);
    }
  }

  private settle(id: number): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    return pending;
  }

  private receive(reply: Reply): void {
    if ('alive' in reply) this.watch(reply.alive);
    else if ('crashed' in reply) this.end(crashed(reply.crashed));
    else if ('event' in reply) this.pending.get(reply.id)?.onEvent?.(reply.event as never);
    else if ('error' in reply) this.settle(reply.id)?.reject(new ThimbleError(reply.error.code, reply.error.message));
    else this.settle(reply.id)?.resolve(reply.result);
  }

  /** Whoever gets this lock, its worker is dead. */
  private watch(lock: string): void {
    navigator.locks.request(lock, { signal: this.stopped.signal }, () => this.end(crashed('it was ended'))).catch(() => {});
  }
}

function crashed(why: string): ThimbleError {
  return new ThimbleError('crashed', `Thimble's worker failed: ${why}. The next call starts a new one.`);
}
