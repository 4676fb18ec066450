// The entry of the worker: the runtime on the worker's own messages, with what lies beside it.
import { browserHost } from './host.ts';
import { serve, type Port } from './runtime.ts';

const scope = globalThis as unknown as DedicatedWorkerGlobalScope & Port;

// A worker that dies says nothing. It holds this lock until then, and the page waits for it.
const alive = `thimble-worker:${Math.random()}`;
navigator.locks?.request(alive, () => {
  scope.postMessage({ alive });
  return new Promise(() => {});
}).catch(() => {});  // forbidden here (an opaque origin)

serve(scope, browserHost);
