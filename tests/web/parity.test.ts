// The shipped module against the original implementation. (The native and WASM core tests make the same comparison
// below Embind.)
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { referenceDir } from '../run/files.ts';
import { compareWithOriginal, parityFiles } from '../run/parity.ts';

test('the module that ships reproduces the original in all cases of ../shared/reference', async () => {
  let cases = 0;
  const result = await compareWithOriginal(referenceDir, (_, of) => { cases = of; });
  assert.equal(cases, 36);
  assert.equal(result.length, 7);
  assert.deepEqual(result.filter(({ ok }) => !ok), []);
});

test('one number off in a case is a miss of its own line', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'thimble-parity-'));
  try {
    for (const name of parityFiles) if (name !== 'cases.json') cpSync(join(referenceDir, name), join(dir, name));
    const file = JSON.parse(readFileSync(join(referenceDir, 'cases.json'), 'utf8'));
    file.cases[7].encoder_last[0] += 2e-4;
    file.cases[7].logits_argmax[0] += 1;
    file.cases[7].free_text += '.';
    writeFileSync(join(dir, 'cases.json'), JSON.stringify(file));
    const missed = (await compareWithOriginal(dir)).filter(({ ok }) => !ok).map(({ name }) => name);
    assert.deepEqual(missed, ['encoder values', 'argmax that differ', 'free texts that differ']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
