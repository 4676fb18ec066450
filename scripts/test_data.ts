// Collects what the core tests read (tests/core/test_data.h) in build/test-data:
//   reference/   ../shared/reference as it is, and the models packed from it
//   golden/      tests/golden
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir, testDataDir } from '../tests/run/files.ts';

export const referenceDir = join(rootDir, '../shared/reference');

/** A parity folder (laid out like ../shared/reference) and the models packed from it, as `into`/reference. */
export async function collectReference(dir: string, into: string): Promise<void> {
  for (const name of ['needle.pkl', 'tokenizer.model', 'cases.json', 'arrays.json']) {
    if (!existsSync(join(dir, name))) throw new Error(`${join(dir, name)} is missing`);
  }
  const reference = join(into, 'reference');
  mkdirSync(reference, { recursive: true });
  cpSync(dir, reference, { recursive: true });
}

export async function collectTestData(): Promise<void> {
  if (!existsSync(referenceDir)) {
    console.error('The folder ../shared/reference (the parity oracle, see README.md) is not beside this clone. ' +
      'The tests compare with it: put it there and run again.');
    process.exit(1);
  }
  rmSync(testDataDir, { recursive: true, force: true });
  await collectReference(referenceDir, testDataDir);
  cpSync(join(rootDir, 'tests/golden'), join(testDataDir, 'golden'), { recursive: true });
}
