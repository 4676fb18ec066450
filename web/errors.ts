// The one error class of Thimble, on the page and in the worker. Every code says what the caller can do about it.

/** Closed set. The first line is what the engine says (web/engine.ts), the second what loading a model says. */
export type ThimbleCode =
  | 'bad_weights' | 'bad_tokenizer' | 'bad_tools' | 'bad_input' | 'overflow' | 'out_of_memory' | 'no_kernels' | 'crashed'
  | 'network' | 'not_stored' | 'cancelled';

/** An expected failure: `message` is one sentence that says what to do; `cause`, where there is one, is what was caught. */
export class ThimbleError extends Error {
  constructor(readonly code: ThimbleCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ThimbleError';
  }
}

/** What an aborted call rejects with; `cause` is the signal's reason. */
export function cancelled(signal: AbortSignal): ThimbleError {
  return new ThimbleError('cancelled', 'The call was aborted.', signal.reason);
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}
