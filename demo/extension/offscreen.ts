// Hosts the model, loaded once and kept while the browser runs; popups come and go.
import { FollowedTools } from '../../js/adapters/followed_tools.ts';
import { Thimble, type Progress } from '../../js/index.ts';
import type { FromModel, ToModel } from './messages.ts';

let loading: Promise<Thimble> | undefined;
/** Of the popup that was opened last: there is one at a time. */
let current: FollowedTools | undefined;
const listeners = new Set<(progress: Progress) => void>();

/** What the grammar cannot enforce is checked after decoding: no tool of a page is left out for its schema. */
function load(): Promise<Thimble> {
  const thimble = Thimble.load({ allowUnenforced: true, onProgress: (progress) => { for (const listener of listeners) listener(progress); } });
  thimble.catch(() => { loading = undefined; });  // the next popup tries again
  return thimble;
}

chrome.runtime.onConnect.addListener((port) => {
  const send = (message: FromModel) => { if (!closed.signal.aborted) port.postMessage(message); };
  const report = ({ loaded, total }: Progress) => send({ progress: `Loading the model${total ? `: ${Math.floor((100 * loaded) / total)} %` : '…'}` });
  const closed = new AbortController(), calls = new Map<number, AbortController>();
  let tools: FollowedTools | undefined;
  listeners.add(report);
  port.onDisconnect.addListener(() => {
    closed.abort();
    listeners.delete(report);
    tools?.end();
    for (const call of calls.values()) call.abort();
  });

  async function answer(thimble: Thimble, id: number, query: string): Promise<void> {
    const call = new AbortController();
    calls.set(id, call);
    try {
      send({ id, outcome: await thimble.call(query, { signal: call.signal }) });
    } catch (error) {
      send({ id, error: (error as Error).message });
    }
    calls.delete(id);
  }

  port.onMessage.addListener(async (message: ToModel) => {
    if ('cancel' in message) return calls.get(message.cancel)?.abort();
    try {
      const thimble = await (loading ??= load());
      if (closed.signal.aborted) return;
      if ('query' in message) return await answer(thimble, message.id, message.query);
      if (!tools) {
        current?.end();
        current = tools = new FollowedTools(thimble);
      }
      await tools.update(() => message.tools);
      send({ names: tools.names });
    } catch (error) {
      send({ failed: (error as Error).message });
    }
  });
});
