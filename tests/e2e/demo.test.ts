// The demo as a visitor uses it, built for production, in Chromium.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { build } from 'vite';
import { withPage } from '../run/browser.ts';
import { buildDir, distDir, referenceDir, rootDir } from '../run/files.ts';

const screenshots = `${buildDir}/screenshots`;
const { cases } = JSON.parse(readFileSync(`${referenceDir}/cases.json`, 'utf8')) as
  { cases: { query: string; tools: string; free_text: string }[] };

test('the demo packs a dropped checkpoint, loads it and answers as the original does', async () => {
  mkdirSync(screenshots, { recursive: true });
  await build({ root: `${rootDir}/demo`, logLevel: 'warn' });
  const wanted = cases.find(({ free_text }) => free_text !== '');
  assert.ok(wanted);
  await withPage({ '/demo/': { file: `${distDir}/demo` } }, async (page) => {
    const complaints: string[] = [];
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    await page.goto(new URL('/demo/index.html', page.url()).href);
    await page.screenshot({ path: `${screenshots}/demo-start.png`, fullPage: true });
    assert.equal(await page.isDisabled('#run'), true);

    await page.setInputFiles('.packer input', ['needle.pkl', 'tokenizer.model'].map((name) => `${referenceDir}/${name}`));
    await page.waitForSelector('#run:enabled');
    await page.fill('#tools', wanted.tools);
    await page.fill('#query', wanted.query);
    await page.click('#run');
    await page.waitForFunction(() => document.querySelector('#answer')!.textContent !== '');
    const answer = await page.textContent('#answer');
    await page.screenshot({ path: `${screenshots}/demo-answer.png`, fullPage: true });
    assert.ok(answer!.startsWith(wanted.free_text), `the demo answered ${answer}`);

    await page.fill('#tools', 'not JSON');
    await page.click('#run');
    await page.waitForFunction((before) => document.querySelector('#answer')!.textContent !== before, answer);
    assert.match((await page.textContent('#answer'))!, /^tools: .*\(byte 1\)/);
    await page.waitForSelector('#run:enabled', { timeout: 5000 });
    assert.deepEqual(complaints, []);
  });
});
