#!/usr/bin/env node
// The `thimble` command: picks a subcommand, prints help, turns errors into exit codes.
import { UsageError, type Command } from './command.ts';
import { bench } from './bench.ts';
import { doctor } from './doctor.ts';
import { evalCommand } from './eval.ts';
import { pack } from './pack.ts';
import { runCommand } from './run.ts';

const COMMANDS: Record<string, Command> = { run: runCommand, eval: evalCommand, bench, doctor, pack };

const HELP = `Usage: thimble COMMAND ...

Commands:
${Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`).join('\n')}

thimble COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.
`;

async function main([name, ...args]: string[]): Promise<void> {
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return;
  }
  if (name === undefined) throw new UsageError('no command given');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`unknown command ${name}`);
  if (args.includes('--help') || args.includes('-h')) process.stdout.write(command.help);
  else await command.run(args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`thimble: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write('thimble --help shows how it is used\n');
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
