// Child processes for the scripts: one line that says what runs, then its own output.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rootDir } from '../tests/run/files.ts';

/** The value of a KEY=VALUE line in emsdk.env. */
export function pin(key: string): string {
  const line = readFileSync(`${rootDir}/emsdk.env`, 'utf8').match(new RegExp(`^${key}="?([^"\n]*)"?$`, 'm'));
  if (!line) throw new Error(`emsdk.env has no ${key}`);
  return line[1]!;
}

export interface Finished { code: number; output: string }

/** Runs a command in the repository root, shows its output as it comes, and returns it with the exit code. */
export function run(command: string[], env: Record<string, string> = {}): Promise<Finished> {
  console.log(`$ ${command.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: rootDir,
      env: { ...process.env, NODE_PATH: pin('EMSCRIPTEN_NODE_PATH'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]] as const) {
      from.setEncoding('utf8').on('data', (text: string) => { output += text; to.write(text); });
    }
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal) output += `\nkilled by ${signal}\n`;
      resolve({ code: code ?? 1, output });
    });
  });
}

/** As run, but throws when the command fails. */
export async function must(command: string[]): Promise<void> {
  const { code } = await run(command);
  if (code !== 0) throw new Error(`exit code ${code}: ${command.join(' ')}`);
}
