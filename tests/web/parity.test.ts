// The shipped module against the original implementation. (The native and WASM core tests make the same comparison
// below Embind.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referenceDir } from '../run/files.ts';
import { compareWithOriginal } from '../run/parity.ts';

test('the module that ships reproduces the original in all cases of ../shared/reference', async () => {
  let cases = 0;
  const result = await compareWithOriginal(referenceDir, (_, of) => { cases = of; });
  assert.equal(cases, 36);
  assert.equal(result.length, 7);
  assert.deepEqual(result.filter(({ ok }) => !ok), []);
});
