// Executes calls: asks before what has consequences, one call after the other, and no further than the first that fails.
import type { Call, Outcome } from '../web/protocol.ts';
import { ThimbleError } from './errors.ts';
import type { NormalTool } from './normalize.ts';
import type { StandardSchema } from './schema.ts';
import type { AnyTool } from './tools.ts';

/** Whether the call may be executed. */
export type Confirm = (call: Call, tool: AnyTool) => boolean | Promise<boolean>;

export type RunResult =
  | { status: 'done'; call: Call; value: unknown }
  | { status: 'failed'; call: Call; error: unknown }
  /** `declined`: by `confirm`, or there is none. `skipped`: a call before it was not done, or the run was aborted. */
  | { status: 'declined' | 'skipped'; call: Call };

/** An outcome, and for each of its calls what became of it. */
export type RunOutcome = Outcome & { results: RunResult[] };

interface Ready { call: Call; tool: NormalTool; values: unknown }

export async function runCalls(
  outcome: Outcome, toolOf: (name: string) => NormalTool | undefined, confirm: Confirm | undefined, signal: AbortSignal,
): Promise<RunOutcome> {
  if (outcome.type === 'none') return { ...outcome, results: [] };
  const ready: Ready[] = [];
  for (const call of outcome.calls) {
    const tool = toolOf(call.tool);
    if (!tool) throw new ThimbleError('bad_input', `The tool ${call.tool} was unregistered while it was asked for.`);
    const checked = await validate(tool.standard, call.arguments);
    if ('issue' in checked) return { ...refused(outcome, call, checked), results: [] };
    ready.push({ call, tool, values: checked.value });
  }
  const results: RunResult[] = [];
  for (const one of ready) {
    const stop = signal.aborted || results.some(({ status }) => status !== 'done');
    results.push(stop ? { status: 'skipped', call: one.call } : await runCall(one, confirm, signal));
  }
  return { ...outcome, results };
}

async function runCall({ call, tool, values }: Ready, confirm: Confirm | undefined, signal: AbortSignal): Promise<RunResult> {
  try {
    if (tool.consequential && !(await confirm?.(call, tool.tool))) return { status: 'declined', call };
    if (signal.aborted) return { status: 'skipped', call };
    if (!tool.tool.execute) throw new ThimbleError('bad_input', `The tool ${call.tool} has no execute.`);
    return { status: 'done', call, value: await tool.tool.execute(values, { call, signal }) };
  } catch (error) {
    return { status: 'failed', call, error };
  }
}

/** What a Standard Schema makes of values that the JSON Schema allows. */
export async function validate(schema: StandardSchema | undefined, value: unknown): Promise<{ value: unknown } | { path: (string | number)[]; issue: string }> {
  if (!schema) return { value };
  const result = await schema['~standard'].validate(value);
  const issue = result.issues?.[0];
  if (!issue) return { value: (result as { value: unknown }).value };
  const path = (issue.path ?? []).map((step) => (typeof step === 'object' ? step.key : step)) as (string | number)[];
  return { path, issue: issue.message };
}

/** A call whose arguments the tool's own schema refuses. */
export function refused(outcome: Extract<Outcome, { type: 'call' }>, call: Call, { path, issue }: { path: (string | number)[]; issue: string }): Outcome {
  const value = path.reduce<unknown>((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], call.arguments);
  const calls = outcome.calls.map((other) => ({ ...other, missing: [], invalid: other === call ? [{ path, value, message: issue }] : [] }));
  const { confidence, stats } = outcome;
  return { type: 'none', reason: 'invalid', message: `${call.tool}: ${issue}`, calls, confidence, stats };
}
