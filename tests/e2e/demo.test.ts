// The demo as a visitor uses it, built for production, in Chromium.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { exampleRequests } from '../../demo/examples.ts';
import { withPage } from '../run/browser.ts';
import { buildDir, distDir, referenceDir, rootDir } from '../run/files.ts';

const screenshots = `${buildDir}/screenshots`;
const { cases } = JSON.parse(readFileSync(`${referenceDir}/cases.json`, 'utf8')) as
  { cases: { query: string; tools: string; free_text: string }[] };

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  await build({ root: `${rootDir}/demo`, logLevel: 'warn' });
});

/** Opens the demo, waits for its model, runs `use`; an error on the console fails. */
async function withDemo(use: (page: Page) => Promise<void>): Promise<void> {
  await withPage({ '/demo/': { file: `${distDir}/demo` } }, async (page) => {
    const complaints: string[] = [];
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    await page.goto(new URL('/demo/index.html', page.url()).href);
    await page.waitForSelector('#run:enabled');
    await use(page);
    assert.deepEqual(complaints, []);
  });
}

/** Presses what `selector` names and waits for an answer other than the one that is there. */
async function answerAfter(page: Page, selector: string): Promise<string> {
  const earlier = await page.textContent('#answer');
  await page.click(selector);
  await page.waitForFunction((before) => document.querySelector('#answer')!.textContent !== before, earlier);
  return (await page.textContent('#answer'))!;
}

const isWiderThanScreen = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

test('the demo loads its own model and answers every example', async () => {
  const answers = [
    'set_light(room: "bedroom", level: 20)',
    'get_weather(city: "Lisbon", day: "tomorrow")',
    'set_light(room: "kitchen", level: 100)\nset_timer(minutes: 12, label: "pasta")',
    'set_timer(minutes: ?)',
    'No tool fits this request.',
  ];
  assert.equal(answers.length, exampleRequests.length);
  await withDemo(async (page) => {
    for (const [i, want] of answers.entries()) {
      assert.equal(await answerAfter(page, `#examples button >> nth=${i}`), want, exampleRequests[i]);
    }
    await answerAfter(page, '#examples button >> nth=2');
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 360]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.setViewportSize({ width, height: 800 });
        await page.screenshot({ path: `${screenshots}/demo-${scheme}-${width}.png`, fullPage: true });
        assert.equal(await isWiderThanScreen(page), false, `${scheme} ${width}`);
      }
    }
  });
});

test('the demo packs a dropped checkpoint, loads it and answers as the original does', async () => {
  const wanted = cases.find(({ free_text }) => free_text !== '');
  assert.ok(wanted);
  await withDemo(async (page) => {
    await page.click('summary');
    await page.setInputFiles('.packer input', ['needle.pkl', 'tokenizer.model'].map((name) => `${referenceDir}/${name}`));
    await page.waitForSelector('.packer-save:visible');
    await page.waitForSelector('#run:enabled');
    await page.fill('#tools', wanted.tools);
    await page.fill('#query', wanted.query);
    const written = await answerAfter(page, '#run');
    await page.screenshot({ path: `${screenshots}/demo-packed.png`, fullPage: true });
    assert.ok(written.startsWith(wanted.free_text), `the demo answered ${written}`);

    await page.fill('#tools', 'not JSON');
    assert.match(await answerAfter(page, '#run'), /^tools: .*\(byte 1\)/);
    await page.waitForSelector('#run:enabled', { timeout: 5000 });
  });
});
