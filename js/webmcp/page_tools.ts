// The tools of a page, as WebMCP has them: native (document.modelContext) or from a polyfill (also navigator.modelContext).
// https://webmachinelearning.github.io/webmcp
import type { AnyTool, ExecuteContext } from '../tools.ts';

/** A tool as `getTools` lists it. */
interface PageTool {
  name: string;
  title?: string;
  description?: string;
  inputSchema?: object | string;
  annotations?: Record<string, unknown>;
  origin?: string;
}

/** What is used of a model context. */
export interface ModelContext extends EventTarget {
  getTools(): PageTool[] | Promise<PageTool[]>;
  executeTool(tool: PageTool, args: object, options?: { signal?: AbortSignal }): Promise<unknown>;
}

/** The page's model context, if it has one that can be asked for its tools. */
export function modelContext(): ModelContext | undefined {
  for (const owner of [globalThis.document, globalThis.navigator] as { modelContext?: Partial<ModelContext> }[]) {
    const found = owner?.modelContext;
    if (found?.getTools && found.executeTool) return found as ModelContext;
  }
  return undefined;
}

export async function pageTools(context: ModelContext): Promise<AnyTool[]> {
  return (await context.getTools()).map((tool) => toolOf(context, tool));
}

function toolOf(context: ModelContext, tool: PageTool): AnyTool {
  const { name, title, description, inputSchema, annotations } = tool;
  return {
    name, ...(title && { title }), ...(description && { description }), inputSchema: schemaOf(inputSchema),
    annotations: { ...annotations, consequentialHint: isConsequential(annotations) },
    execute: async (values: object, { signal }: ExecuteContext) => {
      // The page may have put another tool in its place since the arguments were checked.
      const now = (await context.getTools()).find((other) => textOf(other) === textOf(tool));
      if (!now) throw new Error(`The page has changed or removed ${name}; ask again.`);
      return context.executeTool(now, bothForms(values), { signal });
    },
  };
}

/** Its window is a cycle. */
const textOf = ({ name, title, description, inputSchema, annotations, origin }: PageTool) => JSON.stringify([name, title, description, inputSchema, annotations, origin]);

function schemaOf(schema: object | string | undefined): unknown {
  if (typeof schema !== 'string') return schema;
  try {
    return JSON.parse(schema);
  } catch {
    return schema;  // refused, with its name, when it is registered
  }
}

/** Where annotations say nothing of consequences (a polyfill leaves that hint out), only what is read-only has none. */
function isConsequential(annotations: Record<string, unknown> | undefined): boolean {
  if (!annotations) return false;
  const { consequentialHint, destructiveHint, readOnlyHint } = annotations;
  return consequentialHint === true || destructiveHint === true || (consequentialHint === undefined && destructiveHint === undefined && readOnlyHint !== true);
}

/** Arguments are an object in some versions of WebMCP and its JSON in others: this is an object whose string is its JSON. */
function bothForms(values: object): object {
  return Object.defineProperty({ ...values }, 'toString', { value: () => JSON.stringify(values), enumerable: false });
}

/** What a tool returned, to be read: a text, JSON, or the texts of an MCP result. */
export function resultText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value) ?? '';
  try {
    const { content } = JSON.parse(text) as { content?: { type?: string; text?: string }[] };
    if (Array.isArray(content)) return content.map((part) => part?.text ?? '').filter((part) => part !== '').join('\n');
  } catch { /* no JSON */ }
  return text === 'null' ? '' : text;
}
