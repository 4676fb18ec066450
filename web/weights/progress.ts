// Progress of a load, for progress bars.

export interface Progress {
  /** `download`: arrived from the source; `verify`: hash checked; `store`: committed to IndexedDB; `read`: read back from there. */
  phase: 'download' | 'verify' | 'store' | 'read';
  /** Position in the file, bytes; never decreases within a phase. */
  loaded: number;
  /** Length of the file, bytes; undefined while unknown (a stream, or a server that does not say). */
  total: number | undefined;
  /** Mean rate of this phase since its first byte; 0 at its start. */
  bytesPerSecond: number;
}

const minIntervalMs = 50;

/** Turns positions into events, at most one in 50 ms for bytes in the middle of a chunk. */
export class Meter {
  private readonly phases = new Map<Progress['phase'], { start: number; bytes: number; loaded: number; last: number }>();

  constructor(private readonly onProgress: ((progress: Progress) => void) | undefined) {}

  /** `bytes` more have passed `phase`, which now stands at `loaded`. */
  add(phase: Progress['phase'], bytes: number, loaded: number, total: number | undefined, midChunk = false): void {
    const now = performance.now();
    const state = this.phases.get(phase) ?? { start: now, bytes: 0, loaded: 0, last: -Infinity };
    this.phases.set(phase, state);
    state.bytes += bytes;
    state.loaded = Math.max(state.loaded, loaded);
    if (!this.onProgress || (midChunk && now - state.last < minIntervalMs)) return;
    state.last = now;
    const seconds = (now - state.start) / 1000;
    try {
      this.onProgress({ phase, loaded: state.loaded, total, bytesPerSecond: seconds > 0 ? state.bytes / seconds : 0 });
    } catch (error) {
      globalThis.reportError?.(error);  // as with event listeners: not the load's failure
    }
  }
}
