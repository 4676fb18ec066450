// The popup's way to the tools of the page: activeTab lets it in, and only after the user has opened the popup there.
import type { AnyTool } from '../../js/index.ts';
import type { PageSide } from './page.ts';

type Answer<T> = { value: T } | { error: string };

/** None on pages that extensions may not enter, like the browser's own. */
export async function toolsOfPage(tabId: number): Promise<AnyTool[]> {
  let listed: AnyTool[];
  try {
    await chrome.scripting.executeScript({ target: { tabId }, world: 'MAIN', files: ['page.js'] });
    listed = await inPage(tabId, 'list');
  } catch {
    return [];
  }
  return listed.map((tool) => ({ ...tool, execute: (values: object) => inPage(tabId, 'call', tool.name!, values) }));
}

async function inPage<K extends keyof PageSide>(tabId: number, method: K, ...args: Parameters<PageSide[K]>): Promise<Awaited<ReturnType<PageSide[K]>>> {
  const [injected] = await chrome.scripting.executeScript({ target: { tabId }, world: 'MAIN', func: run, args: [method, args] });
  const answer = injected?.result as Answer<Awaited<ReturnType<PageSide[K]>>> | undefined;
  if (!answer) throw new Error('The page did not answer.');
  if ('error' in answer) throw new Error(answer.error);
  return answer.value;
}

/** Runs in the page: it may use nothing from outside of it. */
async function run(method: string, args: unknown[]): Promise<Answer<unknown>> {
  const side = (globalThis as unknown as Record<symbol, Record<string, (...args: unknown[]) => Promise<unknown>>>)[Symbol.for('thimble.extension')];
  try {
    return { value: (await side![method]!(...args)) ?? null };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
