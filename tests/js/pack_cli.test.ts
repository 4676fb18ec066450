// The `thimble` command: help, exit codes, and that a failure leaves no file and spoils none.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packModel } from '../../js/pack/pack.ts';

const main = fileURLToPath(new URL('../../js/cli/main.ts', import.meta.url));
const reference = fileURLToPath(new URL('../../../shared/reference/', import.meta.url));
const checkpoint = join(reference, 'needle.pkl');
const tokenizer = join(reference, 'tokenizer.model');
const folder = mkdtempSync(join(tmpdir(), 'thimble-pack-'));
after(() => rmSync(folder, { recursive: true }));

function thimble(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', main, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test('pack writes the bytes of packModel, in place of an older file', async () => {
  const output = join(folder, 'model.san');
  writeFileSync(output, 'older');
  const { code, stdout, stderr } = await thimble('pack', checkpoint, tokenizer, '-o', output);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${output}: 0.2 MB\n`);
  assert.equal(stderr, ''); // progress is for terminals
  const expected = await packModel(readFileSync(checkpoint), readFileSync(tokenizer));
  assert.ok(readFileSync(output).equals(expected));

  await thimble('pack', checkpoint, tokenizer, '--output', output, '--float');
  const floats = await packModel(readFileSync(checkpoint), readFileSync(tokenizer), { float: true });
  assert.ok(readFileSync(output).equals(floats));
  assert.deepEqual(readdirSync(folder), ['model.san']);
});

test('a failure exits with 1, names the cause and leaves the older file alone', async () => {
  const output = join(folder, 'kept.san');
  writeFileSync(output, 'older');
  const bad = await thimble('pack', tokenizer, tokenizer, '-o', output);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /^thimble: the checkpoint is neither/);
  const absent = await thimble('pack', join(folder, 'absent.pkl'), tokenizer, '-o', output);
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /absent\.pkl/);
  const nowhere = await thimble('pack', checkpoint, tokenizer, '-o', join(folder, 'no/such/folder.san'));
  assert.equal(nowhere.code, 1);
  assert.equal(readFileSync(output, 'utf8'), 'older');
  assert.ok(readdirSync(folder).every((name) => name.endsWith('.san')));
});

test('help exits with 0, wrong usage with 2', async () => {
  const help = await thimble('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /pack +make a \.san model file/);
  const packHelp = await thimble('pack', '--help');
  assert.equal(packHelp.code, 0);
  assert.match(packHelp.stdout, /--float/);
  for (const args of [[], ['toString'], ['pack'], ['pack', 'a', 'b'], ['pack', 'a', 'b', 'c', '-o', 'd'], ['pack', 'a', 'b', '-o', 'c', '--fast']]) {
    const { code, stderr } = await thimble(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /^thimble: .*\nthimble --help/);
  }
});
