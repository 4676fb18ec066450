// The browser extension, loaded unpacked: its real popup over real tabs. Screenshots go to build/screenshots.
// A test cannot press the toolbar's button, which is what grants activeTab; the copy under test has host permissions instead.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { actions, webAddress } from '../../demo/extension/actions.ts';
import { buildExtension, extensionDir } from '../../scripts/build_extension.ts';
import { launchChromium } from '../run/browser.ts';
import { buildDir, listTree } from '../run/files.ts';

const screenshots = `${buildDir}/screenshots`, copy = `${buildDir}/extension`;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
interface Manifest { permissions: string[]; host_permissions?: string[]; content_security_policy: { extension_pages: string } }

before(async () => {
  await buildExtension();
  mkdirSync(screenshots, { recursive: true });
  rmSync(copy, { recursive: true, force: true });
  cpSync(extensionDir, copy, { recursive: true });
  const manifest = JSON.parse(readFileSync(`${copy}/manifest.json`, 'utf8')) as Manifest;
  writeFileSync(`${copy}/manifest.json`, JSON.stringify({ ...manifest, host_permissions: ['<all_urls>'] }));
});

const id = [...createHash('sha256').update(copy).digest('hex').slice(0, 32)].map((digit) => String.fromCharCode(97 + parseInt(digit, 16))).join('');
const html = (title: string) => ({ contentType: 'text/html', body: `<!doctype html><title>${title}</title><h1>${title}</h1>` });

interface Visit { context: BrowserContext; page: Page; ask(query: string, answer?: 'Yes' | 'No'): Promise<string>; chrome<T>(code: string): Promise<T> }

/** A browser with the extension and a page; every address answers, none from the network. */
async function visit(use: (visit: Visit) => Promise<void>): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'thimble-extension-'));
  const context = await launchChromium(profile, {
    args: ['--enable-features=WebMCP', `--load-extension=${copy}`, `--disable-extensions-except=${copy}`], ignoreDefaultArgs: ['--disable-extensions'],
  });
  try {
    await context.route(/^https?:/, (route) => route.fulfill(html(new URL(route.request().url()).hostname)));
    const helper = await context.newPage();  // a page of the extension's own, from which the popup can be reached
    await helper.goto(`chrome-extension://${id}/manifest.json`);
    const page = await context.newPage();
    await page.goto('https://plants.test/');
    const chrome = <T>(code: string) => helper.evaluate(code) as Promise<T>;
    // Not waitForFunction: the extension's policy forbids to evaluate text in the page.
    const until = async <T>(code: string): Promise<T> => {
      for (const end = Date.now() + 60_000; ;) {
        const value = await chrome<T>(code);
        if (value) return value;
        if (Date.now() > end) throw new Error(`never true: ${code}; the bar says: ${await chrome(`bar()?.querySelector('dialog').innerText`)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await helper.evaluate(`globalThis.bar = () => chrome.extension.getViews({ type: 'popup' })[0]?.document.querySelector('main > div').shadowRoot`);
    const ask = async (query: string, answer?: 'Yes' | 'No') => {
      await chrome(`chrome.extension.getViews({ type: 'popup' })[0]?.close()`);
      await until('!bar()');
      await page.bringToFront();
      await chrome('chrome.action.openPopup()');
      await until(`bar()?.querySelector('.can').textContent`);
      await chrome(`{ bar().querySelector('input').value = ${JSON.stringify(query)}; bar().querySelector('form').requestSubmit(); }`);
      if (answer) {
        await until(`!bar().querySelector('.question').hidden`);
        await chrome(`[...bar().querySelectorAll('.question button')].find(({ textContent }) => textContent.startsWith('${answer}')).click()`);
      }
      return until<string>(`!bar() ? 'closed' : !bar().querySelector('.answer .soft') && bar().querySelector('.answer').innerText`);
    };
    await use({ context, page, ask, chrome });
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

test('it asks for no more than it uses, and has no code from elsewhere', () => {
  const manifest = JSON.parse(readFileSync(`${extensionDir}/manifest.json`, 'utf8')) as Manifest;
  assert.deepEqual(manifest.permissions, ['activeTab', 'bookmarks', 'offscreen', 'readingList', 'scripting', 'search']);
  assert.equal(manifest.host_permissions, undefined);
  assert.match(manifest.content_security_policy.extension_pages, /^script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; connect-src 'self'$/);
  for (const name of listTree(extensionDir).filter((file) => /\.(js|html)$/.test(file))) {
    assert.doesNotMatch(readFileSync(join(extensionDir, name), 'utf8'), /\beval\(|\bnew Function\b|\bimport\(["'`]https?:|<script[^>]*https?:|unsafe-inline/, name);
  }
});

test('addresses are of the web, or refused', () => {
  for (const [said, url] of [['wikipedia.org', 'https://wikipedia.org'], ['http://a.example/b', 'http://a.example/b'], ['a.example:8080/b?c', 'https://a.example:8080/b?c']]) assert.equal(webAddress(said!), url);
  for (const said of ['javascript:alert(1)', 'file:///etc/passwd', 'chrome://settings', 'data:text/html,x', 'no address', 'x', 'a.b c']) assert.throws(() => webAddress(said), /no web address/, said);
});

test('requests do what they say with tabs, bookmarks, the reading list, search and sound', async () => {
  await visit(async ({ context, page, ask, chrome }) => {
    const tab = (key: string) => chrome(`chrome.tabs.query({ currentWindow: true }).then((tabs) => tabs[2].${key})`);
    assert.match(await ask('mute this tab'), /^Mute or unmute this tab/);
    assert.deepEqual(await tab('mutedInfo.muted'), true);
    assert.match(await ask('zoom to 150 percent'), /^Zoom \(percent: 150\)/);
    assert.equal(await chrome('chrome.tabs.query({ currentWindow: true }).then((tabs) => chrome.tabs.getZoom(tabs[2].id))'), 1.5);
    assert.match(await ask('bookmark this page'), /^Bookmark this page/);
    assert.deepEqual(await chrome(`chrome.bookmarks.search('plants').then((all) => all.map(({ url }) => url))`), ['https://plants.test/']);
    assert.match(await ask('add this page to my reading list'), /^Read later/);
    assert.deepEqual(await chrome('chrome.readingList.query({}).then((all) => all.map(({ url }) => url))'), ['https://plants.test/']);

    const opened = async (query: string) => {
      const [next] = await Promise.all([context.waitForEvent('page'), ask(query)]);
      await next.waitForURL((url) => url.protocol.startsWith('http'));
      return next.url();
    };
    assert.match(await opened('open wikipedia.org'), /^https:\/\/wikipedia\.org\/?$/);
    assert.match(await opened('search the web for cheap flights to Lisbon'), /cheap(\+|%20)flights(\+|%20)to(\+|%20)Lisbon/);
    assert.equal(await opened('open my bookmark about plants'), 'https://plants.test/');

    assert.match(await ask('take a screenshot'), /Saved as screenshot /);
    const tabs = () => chrome('chrome.tabs.query({ currentWindow: true }).then((tabs) => tabs.length)');
    assert.match(await ask('close all other tabs', 'No'), /was not done/);
    assert.equal(await tabs(), 6);
    const closing = page.waitForEvent('close');
    await Promise.race([ask('close this tab').catch(() => {}), closing]);
    await closing;
    assert.equal(await tabs(), 5);
  });
});

test("the page's own tools are called, asked about, and do not stand in for the browser's", async () => {
  await visit(async ({ page, ask }) => {
    await page.evaluate(`(async () => {
      globalThis.done = [];
      const register = (name, title, property, annotations) => document.modelContext.registerTool({ name, title, description: title, annotations,
        inputSchema: { type: 'object', properties: { [property]: { type: 'string' } }, required: [property] }, execute: (values) => { done.push([name, values]); return { content: [{ type: 'text', text: 'Done so.' }] }; } });
      await register('water_plant', 'Water a plant', 'plant');
      await register('remove_plant', 'Remove a plant', 'plant', { consequentialHint: true });
      await register('mute_tab', 'Mute the tab', 'action');
    })()`);
    const done = () => page.evaluate('done.splice(0)');
    assert.equal(await ask('water my ficus please'), 'Water a plant (plant: ficus) Done so.');
    assert.deepEqual(await done(), [['water_plant', { plant: 'ficus' }]]);
    assert.match(await ask('remove the ficus', 'No'), /^Remove a plant \(plant: ficus\) was not done/);
    assert.deepEqual(await done(), []);
    assert.match(await ask('remove the ficus', 'Yes'), /Done so/);
    assert.deepEqual(await done(), [['remove_plant', { plant: 'ficus' }]]);
    assert.match(await ask('mute this tab'), /^Mute or unmute this tab/);
    assert.deepEqual(await done(), []);
  });
});

test('the model is loaded once, in the offscreen document, and the popup looks right', async () => {
  await visit(async ({ context, ask, chrome }) => {
    await ask('mute this tab');
    await ask('unmute this tab');
    assert.deepEqual(await chrome(`chrome.runtime.getContexts({ contextTypes: ['OFFSCREEN_DOCUMENT'] }).then((all) => all.length)`), 1);
    const popup = await context.newPage();
    await popup.setViewportSize({ width: 608, height: 352 });
    await popup.goto(`chrome-extension://${id}/popup.html`);
    const input = popup.getByRole('dialog').locator('input');
    await popup.getByText('You can:').waitFor();
    await input.fill('zoom to 125 percent');
    await input.press('Enter');
    await popup.getByText('Zoom (percent: 125)').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await popup.emulateMedia({ colorScheme });
      await popup.screenshot({ path: `${screenshots}/extension-${colorScheme}.png` });
    }
    await popup.evaluate(readFileSync(axe, 'utf8'));
    const found = await popup.evaluate(`axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id))`);
    assert.deepEqual(found, []);
  });
});

test('every action has a title, a description, and a schema of its own', () => {
  const all = actions({ id: 1, windowId: 1, index: 0 } as chrome.tabs.Tab);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  for (const { name, title, description, inputSchema } of all) assert.ok(name && title && description && inputSchema, name);
});
