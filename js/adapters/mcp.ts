// `thimble/mcp`: the tools of an MCP server, through a connected client of @modelcontextprotocol/sdk. They are registered like the
// page's own, and followed when the server says that they changed; to execute one is `tools/call`.
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { ToolListChangedNotificationSchema, type CallToolResult, type Tool } from '@modelcontextprotocol/sdk/types.js';
import type { Thimble } from '../thimble.ts';
import type { AnyTool, ExecuteContext } from '../tools.ts';
import { FollowedTools } from './followed_tools.ts';

export interface McpOptions {
  /** After each change that the server announced; with the error, if its tools could not be read. */
  onChange?: (error?: unknown) => void;
}

export interface McpTools {
  readonly names: readonly string[];
  /** Tools that are not registered, and why: a schema that cannot be enforced, a name that is taken. */
  readonly refused: ReadonlyMap<string, string>;
  unregister(): void;
}

/**
 * Registers what `client` lists. The values of `run` are CallToolResults; one with isError is a failure. As MCP says, a tool counts
 * as destructive, and `confirm` is asked, unless its annotations say readOnlyHint: true or destructiveHint: false.
 * Takes the client's one handler of list_changed. Rejects with the client's errors.
 */
export async function registerMcpTools(thimble: Thimble, client: Client, { onChange }: McpOptions = {}): Promise<McpTools> {
  const tools = new FollowedTools(thimble);
  const update = () => tools.update(async () => (await listTools(client)).map((tool) => toolOf(client, tool)));
  const follows = client.getServerCapabilities()?.tools?.listChanged === true;
  if (follows) client.setNotificationHandler(ToolListChangedNotificationSchema, () => update().then(() => onChange?.(), (error: unknown) => onChange?.(error)));
  const unregister = () => {
    if (follows) client.removeNotificationHandler('notifications/tools/list_changed');
    tools.end();
  };
  try {
    await update();
  } catch (error) {
    unregister();
    throw error;
  }
  return { get names() { return tools.names; }, get refused() { return tools.refused; }, unregister };
}

async function listTools(client: Client): Promise<Tool[]> {
  const all: Tool[] = [], seen = new Set<string>();
  for (let cursor: string | undefined; ;) {
    const { tools, nextCursor } = await client.listTools({ ...(cursor !== undefined && { cursor }) });
    all.push(...tools);
    if (nextCursor === undefined) return all;
    if (seen.has(nextCursor)) throw new Error(`The MCP server repeats the page "${nextCursor}" of its tools.`);
    seen.add(cursor = nextCursor);
  }
}

function toolOf(client: Client, { name, title, description, inputSchema, annotations }: Tool): AnyTool {
  return {
    name, ...(title !== undefined && { title }), ...(description !== undefined && { description }), inputSchema,
    annotations: { ...annotations, destructiveHint: annotations?.destructiveHint ?? annotations?.readOnlyHint !== true },
    execute: async (values: Record<string, unknown>, { signal }: ExecuteContext) => {
      const result = await client.callTool({ name, arguments: values }, undefined, { signal }) as CallToolResult;
      if (result.isError) throw new Error(result.content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n') || `${name} failed.`);
      return result;
    },
  };
}
