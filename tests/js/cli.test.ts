// The subcommands that use a model, as a shell sees them: output, JSON, exit codes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { rootDir } from '../run/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'thimble-cli-'));
after(() => rmSync(folder, { recursive: true }));

const tools = [{
  name: 'set_light', description: 'Set the brightness of one room',
  parameters: { type: 'object', properties: { room: { type: 'string', enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } }, required: ['room', 'level'] },
}];
const toolsFile = join(folder, 'tools.json'), casesFile = join(folder, 'cases.jsonl');
writeFileSync(toolsFile, JSON.stringify(tools));
const right = [{ name: 'set_light', arguments: { room: 'bedroom', level: 20 } }];
writeFileSync(casesFile, [
  { id: 'a', suite: 'lights', query: 'dim the bedroom to 20', tools, accept: [right] },
  { id: 'b', suite: 'none', query: 'sing me a song', tools, accept: [[]] },
  { id: 'c', suite: 'none', query: 'dim the bedroom to 20', tools, accept: [[]] },
].map((one) => JSON.stringify(one) + '\n').join(''));

function thimble(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', join(rootDir, 'js/cli/main.ts'), ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test('run prints calls; without a call it says why and exits with 3', async () => {
  const call = await thimble('run', 'dim the bedroom to 20', '--tools', toolsFile);
  assert.deepEqual(call, { code: 0, stdout: 'set_light({"room":"bedroom","level":20})\n', stderr: '' });
  const none = await thimble('run', 'sing me a song', '-t', toolsFile, '--json');
  assert.equal(none.code, 3);
  assert.equal((JSON.parse(none.stdout) as { reason: string }).reason, 'irrelevant');
});

test('eval scores, and writes the answers', async () => {
  const out = join(folder, 'answers.jsonl');
  const done = await thimble('eval', casesFile, '--json', '--out', out);
  assert.equal(done.code, 0, done.stderr);
  const { overall, refusal } = JSON.parse(done.stdout) as { overall: { exact: number }; refusal: { precision: number; recall: number } };
  assert.ok(Math.abs(overall.exact - 200 / 3) < 1e-9);
  assert.deepEqual(refusal, { precision: 100, recall: 50 });
  assert.deepEqual(readFileSync(out, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { calls: unknown }).calls), [right, [], right]);
});

test('bench times every case', async () => {
  const done = await thimble('bench', casesFile, '--json', '--kernels', 'simd128');
  assert.equal(done.code, 0, done.stderr);
  const { cases, kernels, warm } = JSON.parse(done.stdout) as { cases: number; kernels: string; warm: { p50: number; p95: number } };
  assert.equal(cases, 3);
  assert.equal(kernels, 'simd128');
  assert.ok(warm.p50 > 0 && warm.p95 >= warm.p50);
});

test('doctor finds what is here, and fails for a browser that is not', async () => {
  const fine = await thimble('doctor', '--json');
  assert.equal(fine.code, 0, fine.stdout);
  const findings = JSON.parse(fine.stdout) as { what: string; ok: boolean }[];
  for (const what of ['Node', 'WebAssembly SIMD', 'model', 'chromium', '  IndexedDB']) assert.equal(findings.find((f) => f.what === what)?.ok, true, what);
  assert.equal((await thimble('doctor', '--browser', '/no/such/browser')).code, 1);
});

test('wrong usage exits with 2 and says what is wrong', async () => {
  for (const [args, complaint] of [
    [['run'], /one request/], [['run', 'x'], /--tools/], [['run', 'x', '--tools', '/no/file'], /cannot be read/], [['run', 'x', '-t', casesFile], /no JSON/],
    [['eval', toolsFile], /line 1/], [['eval', casesFile, '--nonsense'], /nonsense/], [['bench'], /one file/],
  ] as [string[], RegExp][]) {
    const { code, stderr } = await thimble(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, complaint);
  }
});
