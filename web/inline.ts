// A runtime on the caller's own thread, behind the channel that a worker has. In Node, and where workers are forbidden.
import type { Message, Reply } from './protocol.ts';
import { serve, type Host, type Port } from './runtime.ts';

/** Both ends share their objects: nobody changes what was sent. */
export function inlineChannel(host: Host) {
  const channel = {
    onmessage: null as ((event: MessageEvent<Reply>) => void) | null,
    postMessage: (data: Message) => queueMicrotask(() => port.onmessage?.({ data } as MessageEvent<Message>)),
    terminate: () => port.close(),
  };
  const port: Port = {
    onmessage: null,
    postMessage: (data) => queueMicrotask(() => channel.onmessage?.({ data } as MessageEvent<Reply>)),
    close: () => { port.onmessage = null; },
  };
  serve(port, host);
  return channel;
}
