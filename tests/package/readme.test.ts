// The README's snippets, run as a reader would run them. A block marked "js page" is a module script of a page, one marked
// "js node" a module in Node; what a console.log line prints is in the comment at its end.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect, promisify } from 'node:util';
import { runInNewContext } from 'node:vm';
import { withPage, type Routes } from '../run/browser.ts';
import { rootDir } from '../run/files.ts';
import { appsDir, installedDir } from './install.ts';

const readme = readFileSync(join(rootDir, 'README.md'), 'utf8');
const snippets = (mark: string) => [...readme.matchAll(new RegExp(`^\`\`\`js ${mark}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code!);

/** The values that a snippet says it prints. */
function promised(code: string): unknown[] {
  const lines = code.split('\n').filter((line) => line.includes('console.log('));
  assert.ok(lines.length > 0, 'a snippet must print something');
  return lines.map((line) => structuredClone(runInNewContext(`(${line.split(/;\s*\/\/ /)[1]})`)));
}

const routes = (code: string): Routes => ({
  '/thimble/': { file: join(installedDir, 'dist') },
  '/snippet.js': { text: `${code}\nglobalThis.done = true;`, type: 'text/javascript' },
  '/page.html': {
    text: `<!doctype html><title>README</title><link rel="icon" href="data:,">
      <script type="importmap">{ "imports": { "thimble": "/thimble/index.js" } }</script><script type="module" src="/snippet.js"></script>`,
    type: 'text/html',
  },
});

for (const [i, code] of snippets('page').entries()) {
  test(`snippet ${i + 1} for a page does what it says`, async () => {
    await withPage(routes(code), async (page) => {
      const printed: Promise<unknown>[] = [];
      page.on('console', (message) => printed.push(...message.args().map((value) => value.jsonValue())));
      await page.goto(new URL('/page.html', page.url()).href);
      await page.waitForFunction(() => 'done' in globalThis, undefined, { timeout: 60_000 });
      assert.deepEqual(await Promise.all(printed), promised(code));
    });
  });
}

for (const [i, code] of snippets('node').entries()) {
  test(`snippet ${i + 1} for Node does what it says`, async () => {
    writeFileSync(join(appsDir, 'snippet.js'), code);
    const { stdout } = await promisify(execFile)('node', ['snippet.js'], { cwd: appsDir });
    assert.equal(stdout, promised(code).map((value) => `${typeof value === 'string' ? value : inspect(value)}\n`).join(''));
  });
}

test('there are snippets for both', () => {
  assert.ok(snippets('page').length > 0 && snippets('node').length > 0);
});
