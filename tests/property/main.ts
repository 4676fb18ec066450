// npm run test:property -- [--walks N] [--wasm-walks N] [--seed S]: walks.cc, natively and as WASM, and what two
// independent validators say to every answer. The last line is the total; exit code 1 after a fault.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildDir } from '../run/files.ts';
import { AnswerOracle, type Outcome, type Tool } from './oracle.ts';

interface List { tools: Tool[]; maxCalls: number; answers: string[] }
interface Totals { walks: number; givenUp: number; lists: number; refused: Record<string, number> }

const section = `${buildDir}/test-data/tokenizer/thimble.section`;
const greatestShareGivenUp = 0.05;

/** Walks as one program's output, line by line. */
class Judge {
  readonly outcomes: Record<Outcome, number> = { call: 0, missing: 0, none: 0 };
  totals: Totals | undefined;

  line(line: string): void {
    const read = JSON.parse(line) as List | Totals;
    if ('walks' in read) {
      this.totals = read;
      return;
    }
    const oracle = new AnswerOracle(read.tools);
    for (const answer of read.answers) {
      try {
        this.outcomes[oracle.check(answer, read.maxCalls)] += 1;
      } catch (error) {
        throw new Error(`${(error as Error).message}\ntools: ${JSON.stringify(read.tools)}\nanswer: ${answer}`);
      }
    }
  }

  /** Prints what was seen. Throws if it is not all that was asked for. */
  end(name: string, walks: number): void {
    const { call, missing, none } = this.outcomes;
    const { totals } = this;
    if (totals?.walks !== walks) throw new Error(`${name}: ${totals?.walks ?? 'no'} walks instead of ${walks}`);
    if (call + missing + none !== walks - totals.givenUp) throw new Error(`${name}: answers were lost`);
    if (totals.givenUp > walks * greatestShareGivenUp) throw new Error(`${name}: ${totals.givenUp} walks did not end`);
    if (call < walks / 4) throw new Error(`${name}: only ${call} answers are calls`);
    console.log(`${name}: ${walks} walks over ${totals.lists} tool lists; valid under both validators: ${call} with calls only, ` +
      `${missing} with a required argument not said, ${none} without a call; ${totals.givenUp} given up at 4000 bytes`);
    for (const [why, count] of Object.entries(totals.refused)) console.log(`  ${count} lists refused: ${why}`);
  }
}

async function native(walks: number, seed: number): Promise<void> {
  const judge = new Judge();
  const child = spawn(`${buildDir}/native/property_walks`, [`${walks}`, `${seed}`, section], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) judge.line(line);
  if (await ended !== 0) throw new Error('native: the walks ended with a fault');
  judge.end('native', walks);
}

interface WalksModule { FS: { writeFile(path: string, data: Uint8Array): void }; callMain(args: string[]): void }

async function wasm(walks: number, seed: number): Promise<void> {
  const judge = new Judge();
  const glue = `${buildDir}/wasm/property_walks.mjs`;
  let exitCode: number | undefined;
  const module: WalksModule = await (await import(pathToFileURL(glue).href)).default({
    wasmBinary: readFileSync(glue.replace(/mjs$/, 'wasm')),
    print: (line: string) => judge.line(line),
    printErr: (line: string) => console.error(line),
    onExit: (code: number) => { exitCode = code; },
  });
  module.FS.writeFile('/section', readFileSync(section));
  module.callMain([`${walks}`, `${seed}`, '/section']);
  if (exitCode !== 0) throw new Error('WASM: the walks ended with a fault');
  judge.end('WASM', walks);
}

const { values } = parseArgs({
  options: {
    walks: { type: 'string', default: '200000' },
    'wasm-walks': { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
  },
});
await native(Number(values.walks), Number(values.seed));
await wasm(Number(values['wasm-walks']), Number(values.seed) + 1);
console.log('property: all answers valid');
