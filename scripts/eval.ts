// npm run eval -- CASES.jsonl [--model FILE] [--out PREDICTIONS.jsonl] [--limit N] [--grounding free|strict] [--no-grammar]:
// answers every case through the WASM engine in Node and prints the table of the scorer. Cases are in the format of
// ../shared/eval/README.md. `--no-grammar` measures what the grammar is worth: it takes what the model writes by itself.
// Predictions carry `log_probability` and `outcome` for training/calibrate.py.
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../js/cli/percentile.ts';
import { rootDir } from '../tests/run/files.ts';
import { loadModule } from '../tests/run/module.ts';
import { greedy } from '../tests/run/parity.ts';
import { Engine, EngineError, type AnswerOptions } from '../web/engine.ts';

interface Case { id: string; query: string; tools: unknown[] | string }
interface Call { name: unknown; arguments: Record<string, unknown> }
interface Prediction { id: string; calls?: Call[]; text?: string; confidence?: number; log_probability?: number; outcome?: string }

const scorer = join(rootDir, '../shared/eval/score.py');
const maxAnswerTokens = 300;

/** What a page would get: nothing where it has to ask or to complain first. */
function answered(engine: Engine, query: string, options: AnswerOptions): Omit<Prediction, 'id'> {
  engine.begin(query, options);
  while (!engine.advance());
  const { outcome, reason, calls, confidence, logProbability } = engine.answer();
  return {
    calls: outcome === 'none' ? [] : calls.map((call) => ({ name: call.tool, arguments: call.arguments })),
    confidence, log_probability: logProbability, outcome: reason ?? outcome,
  };
}

/** A value without the extra space that starts every string (src/prompt/FORMAT.md). */
function strip(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^ /, '');
  if (Array.isArray(value)) return value.map(strip);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strip(inner)]));
}

/** The same of what the model writes without a grammar. */
function unconstrained(engine: Engine, query: string): Omit<Prediction, 'id'> {
  const text = greedy(engine, query, maxAnswerTokens).replace(/^<tool_call>/, '');
  try {
    const calls = JSON.parse(text) as Call[];
    if (calls.some((call) => Object.values(call.arguments).includes(null))) return { calls: [] };
    return { calls: calls.map(({ name, arguments: values }) => ({ name, arguments: strip(values) as Call['arguments'] })) };
  } catch {
    return { text };  // the scorer counts it as no JSON
  }
}

function predict(engine: Engine, cases: Case[], answer: (query: string) => Omit<Prediction, 'id'>): Prediction[] {
  const milliseconds: number[] = [], unenforced = new Set<string>();
  const predictions = cases.map((c, i) => {
    const tools = typeof c.tools === 'string' ? c.tools : JSON.stringify(c.tools);
    let prediction: Prediction;
    try {
      for (const line of engine.setTools(tools, { allowUnenforced: true })) unenforced.add(line);
      const start = performance.now();
      prediction = { id: c.id, ...answer(c.query) };
      milliseconds.push(performance.now() - start);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      console.error(`${c.id}: ${error.message}`);
      prediction = { id: c.id, text: '', outcome: error.code };
    }
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${i + 1} of ${cases.length}`);
    return prediction;
  });
  console.error(`\n${cases.length} cases, kernels ${engine.kernels}, an answer in ${percentile(milliseconds, 0.5).toFixed(0)} ms (median), ` +
    `${percentile(milliseconds, 0.95).toFixed(0)} ms (95 %); not enforced: ${[...unenforced].join('; ') || 'nothing'}`);
  return predictions;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: join(rootDir, 'model/thimble.san') },
    out: { type: 'string' },
    limit: { type: 'string' },
    grounding: { type: 'string' },
    'no-grammar': { type: 'boolean', default: false },
  },
});
const [casesFile] = positionals;
const { grounding } = values;
if ((grounding !== undefined && grounding !== 'free' && grounding !== 'strict') || !casesFile || positionals.length > 1 || !existsSync(casesFile)) {
  console.error('usage: npm run eval -- CASES.jsonl [--model FILE] [--out PREDICTIONS.jsonl] [--limit N] [--grounding free|strict] [--no-grammar]');
  process.exit(2);
}
const cases = readFileSync(casesFile, 'utf8').split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Case)
  .slice(0, values.limit === undefined ? undefined : Number(values.limit));
const engine = await Engine.load(await loadModule(), createReadStream(resolve(values.model)));
const out = values.out ?? join(mkdtempSync(join(tmpdir(), 'thimble-eval-')), 'predictions.jsonl');
const answer = (query: string) => values['no-grammar'] ? unconstrained(engine, query) : answered(engine, query, { grounding });
writeFileSync(out, predict(engine, cases, answer).map((p) => JSON.stringify(p) + '\n').join(''));
console.error(`predictions: ${out}`);
if (!existsSync(scorer)) {
  console.error('no ../shared/eval/score.py beside this clone: not scored');
} else {
  process.exitCode = spawnSync('python3', [scorer, casesFile, out], { stdio: 'inherit' }).status ?? 1;
}
