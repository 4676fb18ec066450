// npm run parity -- DIR: compares the module with the original implementation's numbers in DIR, a folder laid out like
// ../shared/reference, and prints the largest differences. Exit code 1 on a miss, 2 if DIR cannot be used.
import { resolve } from 'node:path';
import { compareWithOriginal, parityFiles } from '../tests/run/parity.ts';

const [dir, ...rest] = process.argv.slice(2);
if (!dir || rest.length > 0) {
  console.error(`usage: npm run parity -- DIR, a folder that holds ${parityFiles.join(', ')}`);
  process.exit(2);
}

const progress = (done: number, of: number) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[Kcase ${done} of ${of}${done === of ? '\n' : ''}`);
};
let results;
try {
  results = await compareWithOriginal(resolve(dir), progress);
} catch (error) {
  console.error(`parity: ${(error as Error).message}`);
  process.exit(2);
}
for (const { name, compared, worst, limit, ok } of results) {
  const value = Number.isInteger(worst) ? String(worst) : worst.toExponential(2);
  console.log(`${ok ? 'ok  ' : 'MISS'} ${name.padEnd(46)} ${value.padStart(9)} (at most ${limit}) in ${compared}`);
}
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;
