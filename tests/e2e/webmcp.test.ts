// The WebMCP agent in Chromium, over its own WebMCP and over a polyfill. Screenshots go to build/screenshots.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { withPage, type Routes } from '../run/browser.ts';
import { buildDir } from '../run/files.ts';
import { recordRequests, thimbleRoutes } from './thimble_page.ts';

const screenshots = `${buildDir}/screenshots`;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
let routes: Routes;
before(async () => {
  mkdirSync(screenshots, { recursive: true });
  routes = await thimbleRoutes('', 'webmcp_client');
  const { text } = routes['/'] as { text: string };
  routes['/'] = { type: 'text/html', text: `${text}<html lang="en"><h1>Home</h1><input aria-label="Search" id="own">` };
});

const native = ['--enable-features=WebMCP'];
const visits: [name: string, query: string, args: string[]][] = [['native', '', native], ['polyfill', '?polyfill', []]];

/** Opens the page with these tools and the agent. */
async function visit(query: string, args: string[], tools: string[], use: (page: Page) => Promise<void>): Promise<void> {
  await withPage(routes, async (page) => {
    await page.goto(new URL(`/${query}`, page.url()).href);
    await page.waitForFunction('globalThis.page');
    for (const tool of tools) await page.evaluate(`page.register('${tool}')`);
    await page.evaluate('page.start()');
    await use(page);
  }, args);
}

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Ask this page' });
const done = (page: Page) => page.evaluate('page.done.splice(0)');

/** Types a request and waits for what the bar says. */
async function ask(page: Page, query: string): Promise<string> {
  await page.keyboard.type(query);
  await page.keyboard.press('Enter');
  return answer(page);
}
async function answer(page: Page): Promise<string> {
  const line = dialog(page).locator('.answer p:not(.soft)').first();
  await line.waitFor();
  return dialog(page).locator('.answer').innerText();
}
const again = (page: Page) => dialog(page).locator('input').fill('');

for (const [name, query, args] of visits) {
  test(`${name}: a shortcut opens the bar, and a request calls the page's tool, without a network once the model is there`, async () => {
    await visit(query, args, ['light', 'music'], async (page) => {
      await page.focus('#own');
      await page.keyboard.press('Control+k');
      await dialog(page).waitFor();
      await dialog(page).getByText('Set a light').waitFor();
      const requests = recordRequests(page.context());
      await page.context().setOffline(true);
      assert.equal(await ask(page, 'dim the bedroom to 20'), 'Set a light (room: bedroom, level: 20) The light is set.');
      assert.deepEqual(await done(page), [['set_light', { room: 'bedroom', level: 20 }]]);
      assert.match(await ask(page, 'play some jazz'), /^Play music \(what: .*jazz\) failed: /);
      assert.equal(await ask(page, 'what is the capital of Peru?'), 'No tool fits the query.');
      assert.deepEqual(requests, []);
      await page.context().setOffline(false);
      await page.keyboard.press('Escape');
      await dialog(page).waitFor({ state: 'detached' }).catch(() => dialog(page).waitFor({ state: 'hidden' }));
      assert.equal(await page.evaluate('document.activeElement.id'), 'own');
    });
  });

  test(`${name}: arguments are checked, though the browser does not`, async () => {
    await visit(query, args, ['light'], async (page) => {
      await page.evaluate('page.unchecked(Object.defineProperty({ level: 300 }, "toString", { value: () => \'{"level":300}\', enumerable: false }))');
      assert.deepEqual(await done(page), [['set_light', { level: 300 }]]);
      await page.keyboard.press('Control+k');
      assert.match(await ask(page, 'dim the bedroom to 300'), /set_light: level cannot be 300/);
      await again(page);
      assert.match(await ask(page, 'dim the bedroom'), /set_light needs level/);
      assert.deepEqual(await done(page), []);
    });
  });

  test(`${name}: a consequential tool is asked about; No, Enter and Escape mean no`, async () => {
    await visit(query, args, ['erase'], async (page) => {
      await page.keyboard.press('Control+k');
      const question = dialog(page).getByRole('group');
      const begin = async () => { await again(page); await page.keyboard.type('delete the note groceries'); await page.keyboard.press('Enter'); await question.waitFor(); };
      await begin();
      assert.match(await question.innerText(), /Really do this\? Delete a note \(title: groceries\)/);
      await page.keyboard.press('Enter');
      assert.match(await answer(page), /was not done/);
      await begin();
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      assert.deepEqual(await done(page), []);
      await begin();
      await question.getByRole('button', { name: 'Yes' }).click();
      assert.match(await answer(page), /Gone\./);
      assert.deepEqual(await done(page), [['delete_note', { title: 'groceries' }]]);
    });
  });

  test(`${name}: tools that come and go are followed; dispose takes the bar away`, async () => {
    await visit(query, args, [], async (page) => {
      await page.keyboard.press('Control+k');
      await dialog(page).getByText('Nothing can be done here yet.').waitFor();
      await page.evaluate("page.register('light')");
      await dialog(page).getByText('You can: Set a light').waitFor();
      assert.deepEqual(await page.evaluate('page.names()'), ['set_light']);
      await page.evaluate("page.unregister('light')");
      await dialog(page).getByText('Nothing can be done here yet.').waitFor();
      await page.evaluate('page.dispose()');
      assert.equal(await dialog(page).count(), 0);
      await page.keyboard.press('Control+k');
      assert.equal(await dialog(page).count(), 0);
    });
  });
}

test('it looks right in light and dark and on a phone, and axe finds nothing serious', async () => {
  await visit('', native, ['light', 'erase', 'music'], async (page) => {
    await page.keyboard.press('Control+k');
    await ask(page, 'dim the bedroom to 20');
    for (const [colorScheme, width] of [['light', 1000], ['dark', 1000], ['light', 360]] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 560 });
      await page.screenshot({ path: `${screenshots}/webmcp-${colorScheme}-${width}.png` });
    }
    await again(page);
    await page.keyboard.type('delete the note groceries');
    await page.keyboard.press('Enter');
    await dialog(page).getByRole('group').waitFor();
    await page.setViewportSize({ width: 1000, height: 560 });
    await page.screenshot({ path: `${screenshots}/webmcp-confirm.png` });
    await page.addScriptTag({ path: axe });
    const found = await page.evaluate(`axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + nodes.map(({ html }) => html)))`);
    assert.deepEqual(found, []);
  });
});

test('a shortcut that is none is refused', async () => {
  await visit('', [], [], async (page) => {
    assert.match(String(await page.evaluate("(() => { try { page.start({ shortcut: 'Hyper+K' }) } catch (error) { return error.code + ' ' + error.message } })()")), /^bad_input .*Hyper\+K/);
  });
});
