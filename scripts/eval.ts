// npm run eval -- CASES.jsonl [--model FILE] [--out PREDICTIONS.jsonl] [--limit N]: answers every case through the WASM
// engine in Node and prints the table of the scorer. Cases are in the format of ../shared/eval/README.md.
import { spawnSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { strip } from '../demo/answer.ts';
import { rootDir } from '../tests/run/files.ts';
import { loadModule } from '../tests/run/module.ts';
import { Engine } from '../web/engine.ts';

interface Case { id: string; query: string; tools: unknown[] | string }
interface Prediction { id: string; text: string }

const scorer = join(rootDir, '../shared/eval/score.py');
const maxAnswerTokens = 300;

/**
 * The calls that a page would get: without the extra space that starts every string value (src/prompt/FORMAT.md), and
 * none where the model writes null for a required value that was not said, since the page then has to ask.
 */
function callsOf(answer: string): string {
  try {
    const calls = JSON.parse(answer) as { name: unknown; arguments: Record<string, unknown> }[];
    if (calls.some((call) => Object.values(call.arguments).includes(null))) return '[]';
    return JSON.stringify(calls.map(({ name, arguments: values }) => ({ name, arguments: strip(values) })));
  } catch {
    return answer;  // the scorer counts it as no JSON
  }
}

async function predict(engine: Engine, cases: Case[]): Promise<Prediction[]> {
  const start = performance.now();
  const predictions = cases.map((c, i) => {
    engine.setTools(typeof c.tools === 'string' ? c.tools : JSON.stringify(c.tools));
    const text = callsOf(engine.generate(c.query, maxAnswerTokens));
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${i + 1} of ${cases.length}`);
    return { id: c.id, text };
  });
  const seconds = (performance.now() - start) / 1000;
  console.error(`\n${cases.length} cases in ${seconds.toFixed(1)} s, kernels ${engine.kernels}`);
  return predictions;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: join(rootDir, 'model/thimble.san') },
    out: { type: 'string' },
    limit: { type: 'string' },
  },
});
const [casesFile] = positionals;
if (!casesFile || positionals.length > 1 || !existsSync(casesFile)) {
  console.error('usage: npm run eval -- CASES.jsonl [--model FILE] [--out PREDICTIONS.jsonl] [--limit N]');
  process.exit(2);
}
const cases = readFileSync(casesFile, 'utf8').split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Case)
  .slice(0, values.limit === undefined ? undefined : Number(values.limit));
const engine = await Engine.load(await loadModule(), createReadStream(resolve(values.model)));
const out = values.out ?? join(mkdtempSync(join(tmpdir(), 'thimble-eval-')), 'predictions.jsonl');
writeFileSync(out, (await predict(engine, cases)).map((p) => JSON.stringify(p) + '\n').join(''));
console.error(`predictions: ${out}`);
if (!existsSync(scorer)) {
  console.error('no ../shared/eval/score.py beside this clone: not scored');
} else {
  process.exitCode = spawnSync('python3', [scorer, casesFile, out], { stdio: 'inherit' }).status ?? 1;
}
