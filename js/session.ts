// A query that is being typed: every text takes the place of the one before, and what it is about so far can be shown.
import { ThimbleError } from '../web/errors.ts';
import type { Outcome } from '../web/protocol.ts';
import type { CallOptions } from './options.ts';

export interface SessionOptions extends Omit<CallOptions, 'signal' | 'onHandoff'> {
  /** Ends the session. */
  signal?: AbortSignal;
  /** Told of every text whose answer came before the next text. */
  onOutcome?: (outcome: Outcome, text: string) => void;
}

type Ask = (query: string, options: CallOptions) => Promise<Outcome>;

/** Answers for one input field. */
export class Session {
  private running: { text: string; stop: AbortController; outcome: Promise<Outcome> } | undefined;
  private last: { text: string; outcome: Outcome } | undefined;
  private lastCall: { text: string; outcome: Extract<Outcome, { type: 'call' }> } | undefined;
  private ended = false;

  constructor(private readonly ask: Ask, private readonly options: SessionOptions) {
    options.signal?.addEventListener('abort', () => this.end(), { once: true });
    if (options.signal?.aborted) this.end();
  }

  /**
   * The text is now this. Cancels the answer to the text before, whose promise then resolves to `none`, `cancelled`. The same
   * text again costs nothing, nor does white space at its ends.
   */
  update(text: string): Promise<Outcome> {
    const query = text.trim();
    if (this.running?.text === query) return this.running.outcome;
    if (!this.running && this.last?.text === query) return Promise.resolve(this.last.outcome);
    this.cancel();
    if (this.ended) throw new ThimbleError('bad_input', 'This session has ended; begin another.');
    if (query === '') {
      this.last = this.lastCall = undefined;
      return Promise.resolve({ type: 'none', reason: 'irrelevant', message: 'There is no text.', calls: [], confidence: 0 });
    }
    const stop = new AbortController(), { onOutcome, signal: _, ...options } = this.options;
    const running = { text: query, stop, outcome: this.ask(query, { ...options, signal: stop.signal }) };
    this.running = running;
    running.outcome = running.outcome.then((outcome) => {
      if (this.running !== running) return outcome;
      this.running = undefined;
      this.last = { text: query, outcome };
      if (outcome.type === 'call') this.lastCall = { text: query, outcome };
      onOutcome?.(outcome, text);
      return outcome;
    }, (error: unknown) => {
      if (this.running === running) this.running = undefined;
      throw error;
    });
    return running.outcome;
  }

  /** The best so far: the last text that was a call, and its calls, while what is typed now still begins with that text. */
  get best(): { text: string; outcome: Extract<Outcome, { type: 'call' }> } | undefined {
    const { lastCall } = this, now = this.running?.text ?? this.last?.text ?? '';
    return lastCall && now.startsWith(lastCall.text) ? lastCall : undefined;
  }

  /** Cancels what runs; later updates throw. */
  end(): void {
    this.cancel();
    this.ended = true;
  }

  private cancel(): void {
    this.running?.stop.abort();
    this.running = undefined;
  }
}
