// What the model understood: the request with the words that each argument came from, the calls, how sure it is, and where
// the time went.
import { html, nothing, type TemplateResult } from 'lit-html';
import type { Call, Outcome, PartialCall, Stats } from '../js/index.ts';

/** A call while it is written, or one that is done. */
export type ShownCall = Pick<Call, 'tool' | 'arguments'> & Partial<Pick<PartialCall, 'confidence' | 'evidence' | 'missing' | 'invalid'>>;

export interface Trace { query: string; calls: ShownCall[]; outcome?: Outcome; ms?: number }

const hues = ['#2f9e6e', '#3b82d6', '#c77700', '#9a54d6', '#d1477a', '#0f9aa8'];
const percent = (value: number) => `${Math.round(100 * value)} %`;

interface Span { from: number; to: number; hue: string }

function spansOf(calls: ShownCall[]): Span[] {
  const spans = calls.flatMap(({ evidence = [] }) => evidence).flatMap(({ span }) => (span ? [span] : []))
    .map(([from, to], i) => ({ from, to, hue: hues[i % hues.length]! }));
  const sorted = spans.sort((a, b) => a.from - b.from || b.to - a.to);
  return sorted.filter((span, i) => i === 0 || span.from >= sorted[i - 1]!.to);
}

function queryView(query: string, spans: Span[]): TemplateResult {
  const parts: unknown[] = [];
  let at = 0;
  for (const { from, to, hue } of spans) {
    parts.push(query.slice(at, from), html`<mark style="--hue:${hue}">${query.slice(from, to)}</mark>`);
    at = to;
  }
  return html`<p class="query">${parts}${query.slice(at)}</p>`;
}

function hueOf(spans: Span[], call: ShownCall, key: string): string {
  const span = call.evidence?.find(({ path }) => path[0] === key && path.length === 1)?.span;
  return spans.find(({ from, to }) => span && from === span[0] && to === span[1])?.hue ?? 'transparent';
}

function callView(call: ShownCall, spans: Span[]): TemplateResult {
  const sureOf = (key: string) => call.evidence?.find(({ path }) => path[0] === key)?.confidence;
  const rows = Object.entries(call.arguments).map(([key, value]) => html`
    <dt>${key}</dt><dd><b style="--hue:${hueOf(spans, call, key)}">${JSON.stringify(value)}</b></dd>
    <dd class="sure">${sureOf(key) === undefined ? nothing : percent(sureOf(key)!)}</dd>`);
  const unsaid = (call.missing ?? []).map((key) => html`<dt>${key}</dt><dd class="unsaid">not said</dd><dd></dd>`);
  const wrong = (call.invalid ?? []).map(({ path, value, message }) => html`
    <dt>${path.join('.')}</dt><dd class="unsaid">${JSON.stringify(value)} ${message ?? 'is not allowed here'}</dd><dd></dd>`);
  return html`<div class="call"><h3><b>${call.tool}</b><span>${call.confidence === undefined ? nothing : `${percent(call.confidence)} sure`}</span></h3>
    <dl>${rows}${unsaid}${wrong}</dl></div>`;
}

const phases = [['queued', 'waiting'], ['tools', 'reading tools'], ['answer', 'answer']] as const;

function timeView({ ms, tokens }: Stats, total: number | undefined): TemplateResult {
  const sum = phases.reduce((all, [key]) => all + ms[key], 0) || 1;
  const text = phases.filter(([key]) => ms[key] >= 0.05).map(([key, name]) => `${name} ${ms[key].toFixed(1)} ms`).join(', ');
  return html`<div class="phases"><div aria-hidden="true">${phases.map(([key]) => html`<i style="width:${(100 * ms[key]) / sum}%"></i>`)}</div>
    <p>${total === undefined ? nothing : html`<b>${total.toFixed(0)} ms</b>: `}${text}; ${tokens.query} tokens read, ${tokens.answer} written in ${tokens.passes} passes, no network.</p></div>`;
}

const advice: Record<string, string> = {
  irrelevant: 'No tool fits this request, so nothing is called.', missing: 'The tool is clear, but something was not said:',
  invalid: 'Something was said that the tool does not allow:', overflow: 'Tools and request do not fit into the model.', cancelled: 'Cancelled.',
};

export function traceView(trace: Trace | undefined): TemplateResult {
  if (!trace) return html`<p class="soft">Ask for something: the call will form here, with the words it came from.</p>`;
  const { query, calls, outcome, ms } = trace, spans = spansOf(calls);
  return html`
    ${queryView(query, spans)}
    ${outcome?.type === 'none' ? html`<p class="none">${advice[outcome.reason]}${outcome.confidence > 0 ? html` <span class="soft">${percent(outcome.confidence)} sure</span>` : nothing}</p>` : nothing}
    ${calls.map((call) => callView(call, spans))}
    ${outcome?.stats ? timeView(outcome.stats, ms) : nothing}`;
}
