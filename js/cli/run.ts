import type { Outcome } from '../index.ts';
import { load, parse, print, readTools } from './arguments.ts';
import { UsageError, type Command } from './command.ts';

const HELP = `Usage: thimble run "REQUEST" --tools TOOLS.json [--json] [--model MODEL.san]

Prints the calls that the request asks for; nothing is executed. Exit code 0: calls; 3: none.

  -t, --tools FILE    JSON: a list of tools (any of the forms that registerTool takes), - for standard input
      --json          the whole outcome as JSON: confidence, evidence, reason
      --choice NAME   auto (default), none, required, or the name of the tool to call
      --max-calls N   at most so many calls
      --model FILE    another model than the package's
`;

const noCall = 3;

function readable(outcome: Outcome): string {
  if (outcome.type === 'call') return outcome.calls.map(({ tool, arguments: values }) => `${tool}(${JSON.stringify(values)})`).join('\n');
  return outcome.message;
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parse({
    args, allowPositionals: true,
    options: {
      tools: { type: 'string', short: 't' }, json: { type: 'boolean', default: false }, choice: { type: 'string' }, model: { type: 'string' },
      'max-calls': { type: 'string' },
    },
  });
  const [query, ...rest] = positionals;
  if (query === undefined || rest.length > 0) throw new UsageError('run takes one request; put it in quotes');
  if (values.tools === undefined) throw new UsageError('run needs --tools TOOLS.json');
  const { choice, 'max-calls': most } = values;
  if (most !== undefined && !/^[1-9]\d*$/.test(most)) throw new UsageError('--max-calls takes a number from 1');
  const tools = await readTools(values.tools);
  const thimble = await load(values.model);
  try {
    await thimble.registerTools(tools);
    const outcome = await thimble.call(query, {
      ...(choice !== undefined && { toolChoice: choice === 'auto' || choice === 'none' || choice === 'required' ? choice : { tool: choice } }),
      ...(most !== undefined && { maxCalls: Number(most) }),
    });
    print(values.json ? JSON.stringify(outcome) : readable(outcome));
    if (outcome.type === 'none') process.exitCode = noCall;
  } finally {
    thimble.dispose();
  }
}

export const runCommand: Command = { summary: 'print the calls that a request asks for', help: HELP, run };
