// Evaluation: a file of cases in, accuracy by suite out. The same rules as `npx thimble eval`.
import { html, nothing, type TemplateResult } from 'lit-html';
import { score, type EvalCall, type EvalCase, type Score } from '../js/eval/score.ts';
import type { AnyTool, Thimble } from '../js/index.ts';

export interface Evaluation { name: string; total: number; done: number; score?: Score; report?: string; error?: string }

const line = (text: string, i: number): EvalCase => {
  const one = JSON.parse(text) as EvalCase;
  if (typeof one.query !== 'string' || !Array.isArray(one.accept)) throw new Error(`Line ${i + 1} has no query or no accept.`);
  return one;
};

/** Answers every case with its own tools; `onChange` after each. The tools registered before must be put back by the caller. */
export async function evaluate(file: File, thimble: Thimble, signal: AbortSignal, onChange: (evaluation: Evaluation) => void): Promise<void> {
  const evaluation: Evaluation = { name: file.name, total: 0, done: 0 };
  try {
    const cases = (await file.text()).split('\n').filter((text) => text.trim() !== '').map(line);
    evaluation.total = cases.length;
    const answers: EvalCall[][] = [];
    for (const one of cases) {
      answers.push(await answer(thimble, one, signal));
      signal.throwIfAborted();
      evaluation.done++;
      evaluation.score = score(cases.slice(0, answers.length), answers);
      onChange(evaluation);
    }
    evaluation.report = cases.map(({ id, query }, i) => JSON.stringify({ id, query, calls: answers[i] }) + '\n').join('');
  } catch (error) {
    if (!signal.aborted) evaluation.error = (error as Error).message;
  }
  onChange(evaluation);
}

async function answer(thimble: Thimble, { query, tools }: EvalCase, signal: AbortSignal): Promise<EvalCall[]> {
  const list = (typeof tools === 'string' ? JSON.parse(tools) : tools) as AnyTool[];
  const { unregister } = await thimble.registerTools(list, { signal });
  try {
    const outcome = await thimble.call(query, { signal });
    return outcome.type === 'call' ? outcome.calls.map((call) => ({ name: call.tool, arguments: call.arguments })) : [];
  } finally {
    unregister();
  }
}

const shown = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(1));

export function evaluationView(evaluation: Evaluation | undefined, onReport: () => void): TemplateResult | typeof nothing {
  if (!evaluation) return nothing;
  const { name, total, done, score: result, error, report } = evaluation;
  return html`
    <p>${name}: ${done} of ${total} cases</p>
    <progress max=${total || 1} value=${done} aria-label="Cases answered"></progress>
    ${error ? html`<p class="bad">${error}</p>` : nothing}
    ${result ? html`<table><thead><tr><th>suite</th><th>cases</th><th>exact %</th><th>tool %</th></tr></thead>
      <tbody>${[...result.suites, result.overall].map((s) => html`<tr><td>${s.suite}</td><td>${s.cases}</td><td>${shown(s.exact)}</td><td>${shown(s.tool)}</td></tr>`)}</tbody></table>
      <p class="soft">Refusals: precision ${shown(result.refusal.precision)} %, recall ${shown(result.refusal.recall)} %.</p>` : nothing}
    ${report ? html`<button class="plain" @click=${onReport}>Download the answers</button>` : nothing}`;
}
