// Where things lie, for the scripts and the test runners.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const rootDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const buildDir = join(rootDir, 'build');
export const distDir = join(rootDir, 'dist');
export const testDataDir = join(buildDir, 'test-data');
/** The parity oracle, a sibling of the clone. */
export const referenceDir = join(rootDir, '../shared/reference');

/** Paths of all files below `dir`, relative to it, sorted; [] if there is no such folder. */
export function listTree(dir: string): string[] {
  let entries;
  try {
    entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries.filter((e) => e.isFile()).map((e) => relative(dir, join(e.parentPath, e.name))).sort();
}

/** Relative path -> content of every file below `dir`. */
export function readTree(dir: string): Map<string, Uint8Array> {
  return new Map(listTree(dir).map((name) => [name, new Uint8Array(readFileSync(join(dir, name)))]));
}
