// The command bar over the current tab: asks the model in the offscreen document, and does what the calls say.
import type { AnyTool, Outcome } from '../../js/index.ts';
import { normalizeTool } from '../../js/normalize.ts';
import { runCalls } from '../../js/run.ts';
import { Bar } from '../../js/webmcp/bar.ts';
import { actions } from './actions.ts';
import type { FromModel, ToModel } from './messages.ts';
import { toolsOfPage } from './page_access.ts';

/** The model, at the other end of a port. */
class Model {
  private readonly calls = new Map<number, PromiseWithResolvers>();
  private last = 0;
  private asked: { resolve(names: readonly string[]): void; reject(error: Error): void; say(text: string): void } | undefined;

  private constructor(private readonly port: chrome.runtime.Port) {
    port.onMessage.addListener((message: FromModel) => this.receive(message));
  }

  static async connect(): Promise<Model> {
    const contexts = await chrome.runtime.getContexts({ contextTypes: [chrome.runtime.ContextType.OFFSCREEN_DOCUMENT] });
    if (contexts.length === 0) {
      await chrome.offscreen.createDocument({
        url: 'offscreen.html', reasons: [chrome.offscreen.Reason.WORKERS], justification: 'The language model runs in a worker and stays loaded between requests.',
      });
    }
    return new Model(chrome.runtime.connect());
  }

  /** Resolves to the names of those that can be asked for. */
  setTools(tools: AnyTool[], say: (text: string) => void): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.asked = { resolve, reject, say };
      this.send({ tools: tools.map(({ execute: _, ...tool }) => tool) });
    });
  }

  ask(query: string, signal: AbortSignal): Promise<Outcome> {
    const id = ++this.last;
    signal.addEventListener('abort', () => this.send({ cancel: id }), { once: true });
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.send({ id, query });
    });
  }

  private send(message: ToModel): void { this.port.postMessage(message); }

  private receive(message: FromModel): void {
    if ('progress' in message) return this.asked?.say(message.progress);
    if ('failed' in message) return this.asked?.reject(new Error(message.failed));
    if ('names' in message) return this.asked?.resolve(message.names);
    const call = this.calls.get(message.id);
    this.calls.delete(message.id);
    if ('outcome' in message) call?.resolve(message.outcome);
    else call?.reject(new Error(message.error));
  }
}

interface PromiseWithResolvers { resolve(outcome: Outcome): void; reject(error: Error): void }

/** The tab that the popup stands over. */
async function currentTab(): Promise<chrome.tabs.Tab> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  if (tab?.id === undefined) throw new Error('There is no tab here.');
  return tab;
}

let model: Promise<Model> | undefined;
let tools = new Map<string, AnyTool>(), names: readonly string[] = [];

const bar = new Bar({
  root: document.querySelector('main')!,
  label: 'Say what to do with this tab or on this page',
  actions: () => names.map(titleOf),
  titleOf,
  async prepare(say) {
    const tab = await currentTab(), own = actions(tab);
    const taken = new Set(own.map(({ name }) => name));
    // A page must not put its own tool in place of one of the browser's.
    const ofPage = (await toolsOfPage(tab.id!)).filter(({ name }) => !taken.has(name));
    tools = new Map([...ofPage, ...own].map((tool) => [tool.name!, tool]));
    names = await (await (model ??= Model.connect())).setTools([...tools.values()], say);
  },
  async run(query, { signal, confirm }) {
    const known = new Map(tools);
    return runCalls(await (await model!).ask(query, signal), (name) => { const tool = known.get(name); return tool && normalizeTool(tool); }, confirm, signal);
  },
  onClose: () => window.close(),
});

function titleOf(name: string): string { return tools.get(name)?.title || name.replaceAll(/[_-]+/g, ' '); }

bar.open();
