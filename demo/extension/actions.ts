// What the command bar can do with the browser itself. `tab` is the one that the popup was opened over.
import type { AnyTool } from '../../js/index.ts';

type Tab = chrome.tabs.Tab;

const none = { type: 'object', properties: {} };
const object = (properties: Record<string, object>) => ({ type: 'object', properties, required: Object.keys(properties) });
const text = (description: string) => ({ type: 'string', description });
const choice = (...values: string[]) => ({ type: 'string', enum: values });

export function actions(tab: Tab): AnyTool[] {
  const id = tab.id!;
  const page = () => {
    if (!tab.url || !/^https?:/.test(tab.url)) throw new Error('This page has no address of the web.');
    return { title: tab.title || tab.url, url: tab.url };
  };
  return [
    {
      name: 'search_web', title: 'Search the web', description: 'Search the web for something', inputSchema: object({ query: text('what to search for') }),
      examples: ['search for cheap flights', 'look up banana bread'], execute: ({ query }: { query: string }) => chrome.search.query({ text: query, disposition: 'NEW_TAB' }),
    },
    {
      name: 'open_site', title: 'Open a site', description: 'Open a web address in a new tab', inputSchema: object({ address: text('web address or domain, e.g. example.org') }),
      examples: ['open wikipedia.org', 'go to news.example.com'], execute: async ({ address }: { address: string }) => { await chrome.tabs.create({ url: webAddress(address) }); },
    },
    { name: 'new_tab', title: 'New tab', description: 'Open an empty new tab', inputSchema: none, examples: ['new tab'], execute: async () => { await chrome.tabs.create({}); } },
    { name: 'close_tab', title: 'Close this tab', description: 'Close the current tab', inputSchema: none, examples: ['close this tab'], execute: () => chrome.tabs.remove(id) },
    {
      name: 'close_other_tabs', title: 'Close the other tabs', description: 'Close all tabs other than the current one', inputSchema: none, annotations: { consequentialHint: true },
      examples: ['close all other tabs', 'keep only this tab'], execute: () => closeOthers(tab),
    },
    { name: 'duplicate_tab', title: 'Duplicate this tab', description: 'Duplicate the current tab', inputSchema: none, execute: async () => { await chrome.tabs.duplicate(id); } },
    {
      name: 'switch_tab', title: 'Switch tabs', description: 'Go to the next or the previous tab', inputSchema: object({ direction: choice('next', 'previous') }),
      examples: ['next tab', 'go to the previous tab'], execute: ({ direction }: { direction: string }) => switchTab(tab, direction === 'next' ? 1 : -1),
    },
    {
      name: 'pin_tab', title: 'Pin or unpin this tab', description: 'Pin or unpin the current tab', inputSchema: object({ action: choice('pin', 'unpin') }),
      execute: async ({ action }: { action: string }) => { await chrome.tabs.update(id, { pinned: action === 'pin' }); },
    },
    {
      name: 'mute_tab', title: 'Mute or unmute this tab', description: 'Turn the sound of the current tab off or on', inputSchema: object({ action: choice('mute', 'unmute') }),
      examples: ['mute this tab', 'unmute'], execute: async ({ action }: { action: string }) => { await chrome.tabs.update(id, { muted: action === 'mute' }); },
    },
    { name: 'reload_page', title: 'Reload', description: 'Reload the current page', inputSchema: none, execute: () => chrome.tabs.reload(id) },
    { name: 'go_back', title: 'Go back', description: 'Go back to the page before', inputSchema: none, execute: () => chrome.tabs.goBack(id) },
    {
      name: 'zoom_page', title: 'Zoom', description: 'Set the zoom of the current page', inputSchema: object({ percent: { type: 'integer', minimum: 25, maximum: 500 } }),
      examples: ['zoom to 150 percent'], execute: ({ percent }: { percent: number }) => chrome.tabs.setZoom(id, percent / 100),
    },
    { name: 'add_bookmark', title: 'Bookmark this page', description: 'Bookmark the current page', inputSchema: none, examples: ['bookmark this page'], execute: async () => { await chrome.bookmarks.create(page()); } },
    {
      name: 'open_bookmark', title: 'Open a bookmark', description: 'Find one of the saved bookmarks by its words and open it', inputSchema: object({ words: text('words in the title or address of the bookmark') }),
      examples: ['open my bookmark about pasta'], execute: ({ words }: { words: string }) => openBookmark(words),
    },
    {
      name: 'read_later', title: 'Read later', description: 'Save the current page on the reading list, to read it later', inputSchema: none,
      examples: ['save this for later', 'add this page to my reading list'], execute: () => chrome.readingList.addEntry({ ...page(), hasBeenRead: false }),
    },
    { name: 'take_screenshot', title: 'Take a screenshot', description: 'Take a screenshot of the current page and save it', inputSchema: none, examples: ['take a screenshot'], execute: () => saveScreenshot(tab) },
  ];
}

/** Throws for what is no address of the web: javascript: and file: must not be opened by words. */
export function webAddress(said: string): string {
  const words = said.trim();
  const url = /^https?:\/\/\S+$/.test(words) ? words : /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+(:\d+)?(\/\S*)?$/u.test(words) ? `https://${words}` : undefined;
  if (url === undefined || !URL.canParse(url)) throw new Error(`"${said}" is no web address.`);
  return url;
}

async function closeOthers({ windowId, id }: Tab): Promise<string> {
  const others = (await chrome.tabs.query({ windowId, pinned: false })).filter((tab) => tab.id !== id);
  await chrome.tabs.remove(others.map((tab) => tab.id!));
  return `${others.length} closed.`;
}

async function switchTab({ windowId, index }: Tab, step: number): Promise<void> {
  const tabs = await chrome.tabs.query({ windowId });
  await chrome.tabs.update(tabs[(index + step + tabs.length) % tabs.length]!.id!, { active: true });
}

async function openBookmark(words: string): Promise<string> {
  const [found] = (await chrome.bookmarks.search(words)).filter(({ url }) => url !== undefined && /^https?:/.test(url));
  if (!found) throw new Error(`no bookmark has "${words}" in it`);
  await chrome.tabs.create({ url: found.url! });
  return found.title;
}

async function saveScreenshot({ windowId }: Tab): Promise<string> {
  const link = document.createElement('a');
  link.href = await chrome.tabs.captureVisibleTab(windowId, { format: 'png' });
  link.download = `screenshot ${new Date().toISOString().slice(0, 19).replaceAll(':', '.')}.png`;
  link.click();
  return `Saved as ${link.download}`;
}
