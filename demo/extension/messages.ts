/// <reference types="chrome" />
// What the popup and the offscreen document say to each other, over one port a popup.
import type { AnyTool, Outcome } from '../../js/index.ts';

/** `tools`: what can be done from now on. Tools are JSON here: the popup keeps their `execute`. */
export type ToModel = { tools: AnyTool[] } | { id: number; query: string } | { cancel: number };

export type FromModel =
  | { progress: string }
  | { failed: string }
  /** The answer to `tools`: those that can be asked for. */
  | { names: readonly string[] }
  | { id: number; outcome: Outcome }
  | { id: number; error: string };
