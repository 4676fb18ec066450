// One download of a file at a time among the tabs of an origin, where the browser has Web Locks.
import { cancelled } from '../errors.ts';

/**
 * Waits until no other tab fetches `name`; returns what ends the hold. Without Web Locks (an insecure context, an opaque
 * origin) it does not wait: two tabs then download the same bytes, and the store stays right, because every chunk is
 * checked when it is read. Throws ThimbleError `cancelled`.
 */
export async function acquireLock(name: string, signal: AbortSignal | undefined): Promise<() => void> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (!locks) return () => {};
  return new Promise((resolve, reject) => {
    const options = signal ? { signal } : {};
    locks.request(`thimble-weights:${name}`, options, () => new Promise<void>((release) => resolve(release)))
      .catch(() => (signal?.aborted ? reject(cancelled(signal)) : resolve(() => {})));
  });
}
