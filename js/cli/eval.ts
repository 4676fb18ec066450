import { writeFile } from 'node:fs/promises';
import { score, type EvalCall, type Score } from '../eval/score.ts';
import { load, parse, print, readCases, toolsOf } from './arguments.ts';
import { UsageError, type Command } from './command.ts';

const HELP = `Usage: thimble eval CASES.jsonl [--json] [--out ANSWERS.jsonl] [--model MODEL.san]

Answers every case and prints the accuracy of each suite. One case a line:
  {"id", "suite", "query", "tools": [...], "accept": [[{"name", "arguments"}], ...]}
An empty list in accept: nothing may be called. A value may be {"$any": [...]} or {"$opt": [...]}.

      --json          the table as JSON
      --out FILE      the answers, one JSON object a line
      --model FILE    another model than the package's
`;

const shown = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(1)).padStart(8);

function table({ suites, overall, refusal }: Score): string {
  const rows = [...suites, overall].map(({ suite, cases, exact, tool }) => `${suite.padEnd(24)}${String(cases).padStart(6)}${shown(exact)}${shown(tool)}`);
  return [`${''.padEnd(24)} cases   exact    tool`, ...rows, `refusals: precision ${shown(refusal.precision).trim()}, recall ${shown(refusal.recall).trim()}`].join('\n');
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parse({
    args, allowPositionals: true, options: { json: { type: 'boolean', default: false }, out: { type: 'string' }, model: { type: 'string' } },
  });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new UsageError('eval takes one file of cases');
  const cases = await readCases(file, true);
  const thimble = await load(values.model);
  const answers: EvalCall[][] = [];
  try {
    for (const one of cases) {
      const { unregister } = await thimble.registerTools(toolsOf(one));
      const outcome = await thimble.call(one.query);
      unregister();
      answers.push(outcome.type === 'call' ? outcome.calls.map((call) => ({ name: call.tool, arguments: call.arguments })) : []);
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${answers.length} of ${cases.length}`);
    }
  } finally {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    thimble.dispose();
  }
  if (values.out !== undefined) await writeFile(values.out, cases.map(({ id }, i) => JSON.stringify({ id, calls: answers[i] }) + '\n').join(''));
  const result = score(cases, answers);
  print(values.json ? JSON.stringify(result) : table(result));
}

export const evalCommand: Command = { summary: 'accuracy on a file of cases', help: HELP, run };
