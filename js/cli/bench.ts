import type { KernelSet } from '../index.ts';
import { Thimble } from '../node.ts';
import { parse, print, readCases, toolsOf } from './arguments.ts';
import { UsageError, type Command } from './command.ts';
import { percentile } from './percentile.ts';

const HELP = `Usage: thimble bench CASES.jsonl [--json] [--kernels NAME] [--model MODEL.san]

Times every case of a file (see thimble eval; accept is not needed): giving the model the tools, and the answer with the
tools known. Milliseconds, median and 95th percentile, on this machine in Node, one thread.

      --json            the numbers as JSON
      --kernels NAME    best (default), simd128, relaxed or reference
      --model FILE      another model than the package's
`;

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parse({
    args, allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, kernels: { type: 'string', default: 'best' }, model: { type: 'string' } },
  });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new UsageError('bench takes one file of cases');
  const cases = await readCases(file, false);
  if (cases.length === 0) throw new UsageError(`${file} holds no case`);
  const { model } = values, kernels = values.kernels as KernelSet;
  const thimble = await Thimble.load({ kernels, allowUnenforced: true, ...(model !== undefined && { model }) });
  const tools: number[] = [], answer: number[] = [];
  try {
    for (const one of cases) {
      const start = performance.now();
      const { unregister } = await thimble.registerTools(toolsOf(one));
      await thimble.call(one.query);  // whatever the tools still cost is paid here
      tools.push(performance.now() - start);
      const warm = performance.now();
      await thimble.call(one.query);
      answer.push(performance.now() - warm);
      unregister();
    }
  } finally {
    thimble.dispose();
  }
  const of = (ms: number[]) => ({ p50: percentile(ms, 0.5), p95: percentile(ms, 0.95) });
  const result = { cases: cases.length, kernels: thimble.model.kernels, first: of(tools), warm: of(answer) };
  const line = (name: string, { p50, p95 }: { p50: number; p95: number }) => `${name.padEnd(28)}${p50.toFixed(1).padStart(8)}${p95.toFixed(1).padStart(9)}`;
  const table = `${result.cases} cases, ${result.kernels} kernels\n${'milliseconds'.padEnd(28)}     p50      p95\n${line('new tools and first answer', result.first)}\n${line('answer, tools known', result.warm)}`;
  print(values.json ? JSON.stringify(result) : table);
}

export const bench: Command = { summary: 'time answers on this machine', help: HELP, run };
