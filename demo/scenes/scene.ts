// What a scene of the playground is: an app in small, with tools that really change what is seen.
import type { TemplateResult } from 'lit-html';

export interface Tool {
  name: string;
  description: string;
  inputSchema: object;
  annotations?: { destructiveHint?: boolean };
  examples?: string[];
}

type Arguments = Record<string, unknown>;

/** State is plain data: tools change it through `act`, `view` shows it. */
export interface Scene<State = unknown> {
  id: string;
  title: string;
  /** One line above the stage. */
  blurb: string;
  tools: Tool[];
  /** Requests that the embedded model answers rightly (tests/e2e/playground.test.ts). */
  examples: string[];
  initial(): State;
  /** Does a call; the returned sentence says what happened. */
  act(state: State, tool: string, args: Arguments): string;
  view(state: State): TemplateResult;
}

/** Keeps a scene's state type to itself, so that scenes can stand in one list. */
export function defineScene<State>(scene: Scene<State>): Scene<State> {
  return scene;
}

/** Shorthands for the schemas of the scenes. */
export const text = (description: string) => ({ type: 'string', description });
export const choice = (values: readonly string[], description?: string) => ({ type: 'string', enum: values, ...(description && { description }) });
export const integer = (minimum: number, maximum: number, description?: string) =>
  ({ type: 'integer', minimum, maximum, ...(description && { description }) });
export const object = (properties: object, required: string[] = []) => ({ type: 'object', properties, required, additionalProperties: false });
