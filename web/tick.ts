// A turn of the event loop: what has arrived meanwhile is handled before it ends. A message to oneself costs
// microseconds; setTimeout would be held back to 4 ms.

import { throwIfAborted } from './errors.ts';

const waiting: (() => void)[] = [];
let self: MessagePort | undefined;

function post(): void {
  if (!self) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => waiting.shift()!();
    self = port2;
  }
  self.postMessage(null);
}

export const tick = (): Promise<void> => new Promise((resolve) => {
  if (typeof setImmediate === 'function') return void setImmediate(resolve);  // Node: an open port would keep the process alive
  waiting.push(resolve);
  post();
});

/** After so many milliseconds of work the messages that came meanwhile are read. */
const sliceMs = 4;

/** Work in slices: pause() between its pieces lets others in when a slice is over. */
export class Slices {
  private end = performance.now() + sliceMs;

  constructor(private readonly signal?: AbortSignal) {}

  get over(): boolean { return performance.now() >= this.end; }
  /** Throws ThimbleError `cancelled`. */
  async pause(): Promise<void> {
    if (!this.over) return;
    await tick();
    throwIfAborted(this.signal);
    this.end = performance.now() + sliceMs;
  }
}
