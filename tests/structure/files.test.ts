// House rules that a file can be checked for.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rootDir } from '../run/files.ts';

const maxLines = 400;

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: rootDir, encoding: 'utf8' }).split('\0')
  .filter((name) => name !== '' && existsSync(join(rootDir, name)));
const read = (name: string) => readFileSync(join(rootDir, name), 'utf8');

test('source files stay under 400 lines', () => {
  const source = tracked.filter((name) => /\.(cc|h|ts|py)$/.test(name));
  assert.ok(source.length > 0);
  const long = source.map((name) => [name, read(name).split('\n').length - 1] as const)
    .filter(([, lines]) => lines >= maxLines);
  assert.deepEqual(long, []);
});

test('every path that a document names exists', () => {
  const missing: string[] = [];
  for (const document of tracked.filter((name) => name.endsWith('.md'))) {
    for (const [, path] of read(document).matchAll(/`((?:src|web|js|demo|training|tests|scripts|cmake|model)\/[\w./-]*\w)`/g)) {
      if (!existsSync(join(rootDir, path!))) missing.push(`${document}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});
