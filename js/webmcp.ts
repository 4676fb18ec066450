// `thimble/webmcp`: an offline command bar over the WebMCP tools of a page, its own or those of its forms and frames. Thimble
// checks every argument against the tool's schema, which browsers do not; consequential tools are asked about first.
import { FollowedTools } from './adapters/followed_tools.ts';
import { ThimbleError } from './errors.ts';
import type { Thimble } from './thimble.ts';
import { Bar } from './webmcp/bar.ts';
import { modelContext, pageTools, type ModelContext } from './webmcp/page_tools.ts';

export interface WebmcpOptions {
  /** Its own registered tools can be asked for too. Default: the package's model, loaded when the bar is first opened. */
  thimble?: Thimble | PromiseLike<Thimble>;
  /** Where the bar's element goes. Default: the body. */
  root?: Node;
  /** Keys that open the bar, joined by +: Alt, Control, Meta, Shift, Mod (Meta on a Mac, else Control) and one key. Default: "Mod+K". */
  shortcut?: string;
}

export interface WebmcpAgent {
  open(): void;
  close(): void;
  /** Names of the page's tools that can be asked for; known once the model is loaded. */
  readonly names: readonly string[];
  /** The others, and why. */
  readonly refused: ReadonlyMap<string, string>;
  /** Removes the bar. A model that it loaded is freed, one that it was given is not. */
  dispose(): void;
}

/** Throws ThimbleError `bad_input` for a shortcut that is none. */
export function webmcpAgent({ thimble, root = document.body, shortcut = 'Mod+K' }: WebmcpOptions = {}): WebmcpAgent {
  const isShortcut = parseShortcut(shortcut), stop = new AbortController();
  let ready: Promise<Ready> | undefined, state: Ready | undefined;

  const prepare = async (say: (text: string) => void) => {
    ready ??= load(thimble, stop.signal, say, () => bar.refresh());
    try {
      state = await ready;
    } catch (error) {
      ready = undefined;  // the next opening tries again
      throw error;
    }
    await state.follow();
  };
  const bar = new Bar({
    root, label: 'Ask this page', prepare,
    actions: () => state?.thimble.tools.map(({ name }) => titleOf(state, name)) ?? [],
    titleOf: (tool) => titleOf(state, tool),
    run: (query, options) => state!.thimble.run(query, options),
  });
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || !isShortcut(event)) return;
    event.preventDefault();
    bar.open();
  }, { signal: stop.signal });

  return {
    open: () => bar.open(),
    close: () => bar.close(),
    get names() { return state?.tools.names ?? []; },
    get refused() { return state?.tools.refused ?? new Map<string, string>(); },
    dispose() {
      stop.abort();
      bar.remove();
      state?.tools.end();
      if (!thimble) void ready?.then((own) => own.thimble.dispose(), () => {});
    },
  };
}

interface Ready {
  thimble: Thimble;
  tools: FollowedTools;
  titles: Map<string, string>;
  /** Looks for the page's model context, which a polyfill may bring late, and follows its tools. */
  follow(): Promise<void>;
}

async function load(given: WebmcpOptions['thimble'], signal: AbortSignal, say: (text: string) => void, onChange: () => void): Promise<Ready> {
  const thimble = given ? await given : await loadOwn(say);
  const tools = new FollowedTools(thimble), titles = new Map<string, string>();
  let followed: ModelContext | undefined, latest: Promise<void> | undefined;
  const update = () => tools.update(async () => {
    const list = await pageTools(followed!);
    for (const { name, title } of list) titles.set(name!, title ?? '');
    return list;
  });
  const onToolChange = () => { latest = update().finally(onChange); latest.catch(() => {}); };  // `follow` rejects with it
  const follow = async () => {
    const context = modelContext();
    if (context && context !== followed) {
      followed = context;
      context.addEventListener('toolchange', onToolChange, { signal });
      latest = update();
    }
    try {
      await latest;
    } catch (error) {
      [followed, latest] = [undefined, undefined];
      throw error;
    }
  };
  return { thimble, tools, titles, follow };
}

async function loadOwn(say: (text: string) => void): Promise<Thimble> {
  const { Thimble } = await import('./index.ts');
  // What the grammar cannot enforce is checked after decoding: no tool of a page is left out for its schema.
  return Thimble.load({ allowUnenforced: true, onProgress: ({ loaded, total }) => say(`Loading the model${total ? `: ${Math.floor((100 * loaded) / total)} %` : '…'}`) });
}

const titleOf = (state: Ready | undefined, name: string) => state?.titles.get(name) || name.replaceAll(/[_-]+/g, ' ');

function parseShortcut(shortcut: string): (event: KeyboardEvent) => boolean {
  const parts = shortcut.split('+'), key = parts.pop()!.toLowerCase();
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  const wanted = new Set(parts.map((part) => (part === 'Mod' ? (isMac ? 'Meta' : 'Control') : part)));
  if (key === '' || [...wanted].some((name) => !['Alt', 'Control', 'Meta', 'Shift'].includes(name))) {
    throw new ThimbleError('bad_input', `"${shortcut}" is no shortcut; write one like "Mod+K" or "Alt+Shift+P".`);
  }
  return (event) => (event.key.toLowerCase() === key || event.code === `Key${key.toUpperCase()}`)
    && event.altKey === wanted.has('Alt') && event.ctrlKey === wanted.has('Control') && event.metaKey === wanted.has('Meta') && event.shiftKey === wanted.has('Shift');
}
