// A page with WebMCP tools, native or from a polyfill (?polyfill), and the agent.
import { initializeWebMCPPolyfill } from '@mcp-b/webmcp-polyfill';
import { webmcpAgent, type WebmcpOptions } from '../../js/webmcp.ts';

interface Tool { name: string; title?: string; description: string; inputSchema?: object; annotations?: object; execute(values: never): unknown }
interface Context { registerTool(tool: Tool, options?: { signal?: AbortSignal }): Promise<void>; getTools(): Promise<{ name: string }[]>; executeTool(tool: { name: string }, values: object): Promise<string> }

if (new URL(location.href).searchParams.has('polyfill')) initializeWebMCPPolyfill();
const context = (document as unknown as { modelContext: Context }).modelContext;
const done: unknown[] = [];
const registrations = new Map<string, AbortController>();
const record = (name: string, text: string) => (values: unknown) => { done.push([name, values]); return { content: [{ type: 'text', text }] }; };

const tools: Record<string, Tool> = {
  light: {
    name: 'set_light', title: 'Set a light', description: 'Set the brightness of one room',
    inputSchema: { type: 'object', properties: { room: { type: 'string', enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } }, required: ['room', 'level'] },
    execute: record('set_light', 'The light is set.'),
  },
  erase: {
    name: 'delete_note', title: 'Delete a note', description: 'Delete one note', annotations: { consequentialHint: true },
    inputSchema: { type: 'object', properties: { title: { type: 'string', description: 'title of the note' } }, required: ['title'] }, execute: record('delete_note', 'Gone.'),
  },
  music: { name: 'play_music', title: 'Play music', description: 'Play music', inputSchema: { type: 'object', properties: { what: { type: 'string' } }, required: ['what'] }, execute: () => { throw new Error('no speaker'); } },
};

let agent: ReturnType<typeof webmcpAgent> | undefined;
Object.assign(globalThis, { page: {
  done,
  async register(name: string) {
    const stop = new AbortController();
    registrations.set(name, stop);
    await context.registerTool(tools[name]!, { signal: stop.signal });
  },
  unregister: (name: string) => registrations.get(name)!.abort(),
  start: (options?: WebmcpOptions) => { agent = webmcpAgent(options); },
  names: () => agent!.names,
  dispose: () => agent!.dispose(),
  async unchecked(values: object) { return context.executeTool((await context.getTools()).find(({ name }) => name === 'set_light')!, values); },
} });
