// The scorer of the package against the Python one that defines it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isRight, score, type EvalCall, type EvalCase } from '../../js/eval/score.ts';
import { rootDir } from '../run/files.ts';

const evalDir = join(rootDir, '../shared/eval');
const cases = readFileSync(join(evalDir, 'dev.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as EvalCase);

/** The first choice wherever the labels leave one; `flaw` spoils some answers. */
function answerOf(value: unknown, leaveOut: boolean): unknown {
  if (Array.isArray(value)) return value.map((inner) => answerOf(inner, leaveOut));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [key, inner] = entries[0] ?? [];
  if (entries.length === 1 && (key === '$any' || key === '$opt')) return answerOf((inner as unknown[])[0], leaveOut);
  return Object.fromEntries(entries.filter(([, v]) => !(leaveOut && typeof v === 'object' && v !== null && '$opt' in v)).map(([k, v]) => [k, answerOf(v, leaveOut)]));
}

const flaws: ((calls: EvalCall[], i: number) => EvalCall[])[] = [
  (calls) => calls,
  (calls) => [...calls].reverse(),
  (calls, i) => (i % 3 === 0 ? [] : calls),
  (calls, i) => (i % 4 === 0 ? calls.map((call) => ({ ...call, name: `${call.name}_x` })) : calls),
  (calls, i) => calls.map((call) => ({ ...call, arguments: Object.fromEntries(Object.entries(call.arguments).map(([k, v]) =>
    [k, typeof v === 'string' ? [`"${v.toUpperCase()}".`, `the ${v}`, `${v} x`, v][i % 4]! : typeof v === 'number' ? [String(v), v + (i % 2)][i % 2]! : v])) })),
];

for (const [number, flaw] of flaws.entries()) {
  test(`answers of kind ${number} are judged as the Python scorer judges them`, () => {
    const answers = cases.map(({ accept }, i) => flaw(answerOf(accept.at(-1), number % 2 === 1) as EvalCall[], i));
    const dir = mkdtempSync(join(tmpdir(), 'thimble-score-'));
    writeFileSync(join(dir, 'p.jsonl'), answers.map((calls, i) => JSON.stringify({ id: cases[i]!.id, calls }) + '\n').join(''));
    const done = spawnSync('python3', [join(evalDir, 'score.py'), join(evalDir, 'dev.jsonl'), join(dir, 'p.jsonl'), '--json', join(dir, 'out.json')], { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    const line = done.stdout.match(/^overall .*$/m)![0].split(/\s+/);
    const { overall, refusal } = score(cases, answers);
    const shown = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(1));
    assert.deepEqual([shown(overall.exact), shown(refusal.precision), shown(refusal.recall)], [line[2], line[9], line[10]], done.stdout);
  });
}

test('unknown extra arguments and a wrong enum member are wrong', () => {
  const one: EvalCase = {
    id: 'x', query: '', tools: [{ name: 't', parameters: { type: 'object', properties: { a: { type: 'string', enum: ['low', 'high'] } } } }],
    accept: [[{ name: 't', arguments: { a: 'low' } }]],
  };
  assert.equal(isRight([{ name: 't', arguments: { a: 'low' } }], one), true);
  assert.equal(isRight([{ name: 't', arguments: { a: 'Low' } }], one), false);
  assert.equal(isRight([{ name: 't', arguments: { a: 'low', b: 1 } }], one), false);
});
