// Hand-off: where Thimble finds no call, or is not sure, the page may ask someone else, e.g. a larger model on a server. What
// that one says is checked as Thimble's own answers are. Off until a page sets `onHandoff`.
import type { GivenCall, Outcome } from '../web/protocol.ts';
import { ThimbleError } from './errors.ts';
import type { RegisteredTool } from './thimble.ts';

export type HandoffReason = Exclude<Extract<Outcome, { type: 'none' }>['reason'], 'cancelled'>;

export interface HandoffContext {
  query: string;
  /** What may be called. */
  tools: readonly RegisteredTool[];
  /** What Thimble found. */
  outcome: Outcome;
  /** Of the call; never aborted where it has none. */
  signal: AbortSignal;
}

export interface HandoffOptions {
  /** Asked instead of giving up: its calls (an empty list: there are none) are the answer once they are valid; undefined: what Thimble found stays. */
  onHandoff?: (context: HandoffContext) => readonly GivenCall[] | undefined | void | Promise<readonly GivenCall[] | undefined | void>;
  /** Calls that are less confident, 0 to 1, are handed off too. Default: 0, none. */
  handoffBelow?: number;
  /** Which outcomes without a call are handed off. Default: all. */
  handoffReasons?: readonly HandoffReason[];
}

/** What `handOff` needs of a Thimble. */
export interface Asked {
  query: string;
  tools: readonly RegisteredTool[];
  signal: AbortSignal | undefined;
  check(calls: GivenCall[]): Promise<Outcome>;
}

/** The outcome, or the one that `onHandoff` makes of it. Throws what `onHandoff` throws, and ThimbleError `bad_input`. */
export async function handOff(outcome: Outcome, { onHandoff, handoffBelow = 0, handoffReasons }: HandoffOptions, asked: Asked): Promise<Outcome> {
  if (!onHandoff || !isDue(outcome, handoffBelow, handoffReasons)) return outcome;
  const { query, tools, signal = new AbortController().signal } = asked;
  const given = await orAborted(Promise.resolve(onHandoff({ query, tools, outcome, signal })), signal);
  if (given === undefined) return signal.aborted ? { type: 'none', reason: 'cancelled', message: 'The call was aborted.', calls: [], confidence: 0 } : outcome;
  const checked = await asked.check(plainCalls(given));
  if (checked.type === 'none') return { ...checked, message: `onHandoff: ${checked.message}`, ...(outcome.stats && { stats: outcome.stats }) };
  return { ...checked, stats: outcome.stats ?? checked.stats, handedOff: true };
}

function isDue(outcome: Outcome, below: number, reasons: readonly HandoffReason[] | undefined): boolean {
  if (outcome.type === 'call') return outcome.confidence < below;
  return outcome.reason !== 'cancelled' && (reasons?.includes(outcome.reason) ?? true);
}

/** Undefined as soon as the signal is aborted, whatever `promise` does. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve(undefined);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, (error) => (signal.aborted ? abort() : reject(error as Error))).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A copy that is JSON. */
function plainCalls(given: unknown): GivenCall[] {
  let calls: unknown;
  try {
    calls = JSON.parse(JSON.stringify(given));
  } catch (error) {
    throw new ThimbleError('bad_input', 'onHandoff returned what is not JSON.', error);
  }
  const isCall = (call: Partial<GivenCall> | null) => typeof call?.tool === 'string' && typeof call.arguments === 'object' && call.arguments !== null && !Array.isArray(call.arguments);
  if (!Array.isArray(calls) || !calls.every(isCall)) throw new ThimbleError('bad_input', 'onHandoff must return a list of {tool, arguments}, or nothing.');
  return (calls as GivenCall[]).map(({ tool, arguments: values, confidence }) => ({ tool, arguments: values, ...(typeof confidence === 'number' && { confidence }) }));
}
