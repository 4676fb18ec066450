// Put into the page, in its own world, where polyfills of WebMCP are: lists its tools and executes them.
import { modelContext, pageTools } from '../../js/webmcp/page_tools.ts';
import type { AnyTool, Call } from '../../js/index.ts';

const pageSide = {
  async list(): Promise<AnyTool[]> {
    const context = modelContext();
    return context ? (await pageTools(context)).map(({ execute: _, ...tool }) => tool) : [];
  },
  async call(name: string, values: object): Promise<unknown> {
    const context = modelContext();
    const tool = context && (await pageTools(context)).find((one) => one.name === name);
    if (!tool) throw new Error(`The page has no tool ${name} any more.`);
    return tool.execute!(values, { call: { tool: name } as Call, signal: new AbortController().signal });
  },
};
export type PageSide = typeof pageSide;

(globalThis as unknown as Record<symbol, PageSide>)[Symbol.for('thimble.extension')] = pageSide;
