// What a tool may look like when it is registered. js/normalize.ts makes one form of all.
import type { Call } from '../web/protocol.ts';
import type { ArgsOf, Schema } from './schema.ts';

/** Hints about a tool, as in MCP and WebMCP. */
export interface Annotations {
  readOnlyHint?: boolean;
  /** `run` asks `confirm` before it. */
  destructiveHint?: boolean;
  /** `run` asks `confirm` before it. */
  consequentialHint?: boolean;
  [hint: string]: unknown;
}

export interface ExecuteContext {
  call: Call;
  /** Of the `run` that makes the call; never aborted where it has none. */
  signal: AbortSignal;
}

/** A tool of a page (the shape of WebMCP and of MCP). */
export interface Tool<S extends Schema = Schema> {
  name: string;
  title?: string;
  description?: string;
  /** A JSON Schema, a Standard Schema, or the flat map {city: {type: 'string', required: true}}. Default: no arguments. */
  inputSchema?: S;
  /** Requests that mean this tool, in the user's words. They help the model. */
  examples?: readonly string[];
  annotations?: Annotations;
  execute?(args: ArgsOf<S>, context: ExecuteContext): unknown;
}

/**
 * A tool in any form: `Tool`, with `parameters` in place of `inputSchema` (Needle, Vercel AI SDK 4), OpenAI's
 * {type: 'function', function: {...}} and {type: 'function', name, parameters}, and a tool of the Vercel AI SDK.
 */
export interface AnyTool {
  name?: string;
  type?: string;
  title?: string;
  description?: unknown;
  inputSchema?: unknown;
  parameters?: unknown;
  function?: { name: string; description?: string; parameters?: unknown };
  examples?: readonly string[];
  annotations?: Annotations;
  execute?(...args: any[]): unknown;
}
