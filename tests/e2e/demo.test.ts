// The playground as a visitor uses it, built for production, in Chromium. Screenshots go to build/screenshots.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { scenes } from '../../demo/scenes/index.ts';
import { withPage } from '../run/browser.ts';
import { buildDir, distDir, referenceDir, rootDir } from '../run/files.ts';

const screenshots = `${buildDir}/screenshots`;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

before(async () => {
  mkdirSync(screenshots, { recursive: true });
  await build({ root: `${rootDir}/demo`, logLevel: 'warn' });
});

interface Visit { page: Page; address: string }

/** Opens the playground, waits for its model, runs `use`; an error on the console or a shift of the layout fails. */
async function visit(use: (visit: Visit) => Promise<void>, fragment = ''): Promise<void> {
  await withPage({ '/demo/': { file: `${distDir}/demo` } }, async (page) => {
    const complaints: string[] = [];
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    await page.addInitScript(() => {
      const shifts: number[] = (globalThis as { shifts?: number[] }).shifts = [];
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { hadRecentInput: boolean; value: number })[]) if (!entry.hadRecentInput) shifts.push(entry.value);
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.setViewportSize({ width: 1280, height: 900 });
    const address = new URL(`/demo/index.html${fragment}`, page.url()).href;
    await page.goto(address);
    await ready(page);
    await use({ page, address });
    assert.deepEqual(complaints, []);
  });
}

const ready = (page: Page) => page.waitForSelector('.go:enabled');
const openScene = (page: Page, title: string) => page.click(`[aria-label=Scenes] button:text-is("${title}")`);

/** Asks and waits until the answer is there. */
async function ask(page: Page, query: string): Promise<string> {
  await page.fill('.bar input', query);
  await page.click('.go');
  await page.waitForFunction((text) => document.querySelector('.trace[aria-busy=false] .query')?.textContent === text, query);
  return (await page.textContent('.said'))!;
}

const callText = (page: Page) => page.$$eval('.call', (calls) => calls.map((call) => {
  const keys = [...call.querySelectorAll('dt')].map((e) => e.textContent), values = [...call.querySelectorAll('dt + dd')].map((e) => e.textContent!.trim());
  return `${call.querySelector('h3 b')!.textContent}(${keys.map((key, i) => `${key}: ${values[i]}`).join(', ')})`;
}));

/** What each example request of the page must do; none: nothing is called. */
const expected: Record<string, string[][]> = {
  home: [['set_light(room: "bedroom", level: 20)'], ['set_light_colour(room: "kitchen", colour: "blue")'], ['set_blinds(room: "living room", state: "closed")'],
    ['play_music(what: "Miles Davis")'], ['set_timer(minutes: 12, label: "pasta")'], ['set_heating(degrees: 21)', 'lock_door(locked: true)'], []],
  shop: [['filter_products(category: "shoes", colour: "red")'], ['filter_products(category: "jackets", max_price: 100)'], ['sort_products(order: "price_asc")'],
    ['add_to_cart(product: "wool beanies", quantity: 2)'], ['apply_coupon(code: "SPRING15")'], ['clear_filters()'], []],
  travel: [['search_flights(from: "Vienna", to: "Lisbon", date: DATE)'], ['set_cabin(cabin: "business")'], ['choose_seat(position: "window")'],
    ['book_hotel(city: "Porto", nights: 3)'], ['add_bags(count: 2)'], ['start_over()'], []],
  mail: [['star_message(message: "Priya Raman")'], ['move_message(message: "the lotto mail", folder: "spam")'], ['search_mail(query: "climbing")'], ['mark_all_read()'],
    ['compose(to: "Jonas", body: "I am in for Sunday")'], ['open_folder(folder: "archive")'], []],
  map: [['find_places(kind: "cafe")'], ['drop_pin(place: "the Museum of Glass")'], ['get_directions(from: "Central Station", to: "Lindt Park", by: "bike")'],
    ['zoom_map(direction: "in", steps: 2)'], ['set_map_style(style: "satellite")'], ['clear_map()'], []],
  editor: [['bold_paragraph(paragraph: 2)'], ['align_text(alignment: "center")'], ['replace_text(find: "silk", replace: "linen")'], ['set_font(font: "mono")'],
    ['highlight(phrase: "buttons")'], ['append_paragraph(text: "Nobody knew his name.")'], []],
};

test('every example request of every scene does what it says, and looks right', async () => {
  await visit(async ({ page }) => {
    for (const { id, title, examples } of scenes) {
      await openScene(page, title);
      const picture = (name: string) => page.screenshot({ path: `${screenshots}/demo-${id}${name}.png`, fullPage: true });
      for (const [i, query] of examples.entries()) {
        const asking = ask(page, query);
        if (query.includes('lock the door')) await page.click('.confirm button:text-is("Yes")');
        const said = await asking;
        const calls = (await callText(page)).map((text) => text.replace(/"\d{4}-\d\d-\d\d"/, 'DATE'));
        assert.deepEqual(calls, expected[id]![i], `${id}: ${query}`);
        assert.equal(said === '', calls.length === 0, said);
        assert.equal(await page.$('.said.bad'), null, said);
        if (i === 0) await picture('');
      }
    }
  });
});

test('light, dark, desktop and phone; nothing is wider than the screen, nothing moves, and axe finds nothing serious', async () => {
  await visit(async ({ page }) => {
    await ask(page, 'dim the bedroom to 20');
    const shift = await page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts.reduce((a, b) => a + b, 0));
    assert.ok(shift < 0.02, `layout shift ${shift}`);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 820, 360]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.screenshot({ path: `${screenshots}/demo-${colorScheme}-${width}.png`, fullPage: true });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${colorScheme} ${width}`);
      }
      await page.addScriptTag({ path: axe });
      const found = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe.run();
        return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      });
      assert.deepEqual(found, []);
    }
  });
});

test('a destructive tool asks first, and No means no', async () => {
  await visit(async ({ page }) => {
    const asking = ask(page, 'lock the front door');
    await page.click('.confirm button:text-is("No")');
    assert.equal(await asking, 'lock_door was not done.');
    assert.match((await page.textContent('.flat'))!, /door unlocked/);
  });
});

test('the keyboard alone is enough', async () => {
  await visit(async ({ page }) => {
    await page.focus('[aria-label=Scenes] button[aria-selected=true]');
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.textContent('[aria-label=Scenes] button[aria-selected=true]'), 'Shop');
    await page.keyboard.press('Tab');
    await page.keyboard.type('cheapest first');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.phases');
    assert.deepEqual(await callText(page), ['sort_products(order: "price_asc")']);
  });
});

test('tools that a visitor edits are checked, used, and shared by URL', async () => {
  let link = '';
  await visit(async ({ page }) => {
    await page.fill('#tools', 'not JSON');
    await page.waitForSelector('#panel .bad');
    await page.fill('#tools', JSON.stringify([{ name: 'feed', description: 'Feed the cat', inputSchema: { type: 'object', properties: { food: { type: 'string', enum: ['fish', 'chicken'] } }, required: ['food'] } }]));
    await page.waitForSelector('#panel [role=status].soft');
    await page.evaluate(() => {  // typed faster than the model reads
      const editor = document.querySelector<HTMLTextAreaElement>('#tools')!, text = editor.value;
      for (const value of [`${text} `, `${text}  `, text]) {
        editor.value = value;
        editor.dispatchEvent(new Event('input'));
      }
    });
    await ask(page, 'give the cat some fish');
    assert.equal(await page.$('#panel .bad'), null);
    assert.deepEqual(await callText(page), ['feed(food: "fish")']);
    await page.click('button:text-is("Share this setup")');
    await page.waitForFunction(() => location.hash.startsWith('#s='));
    link = new URL(page.url()).hash;
  });
  await visit(async ({ page }) => {
    await page.waitForSelector('.phases');
    assert.deepEqual(await callText(page), ['feed(food: "fish")']);
  }, link);
});

test('hand-off is off until it is turned on, and then shows what would be sent', async () => {
  await visit(async ({ page }) => {
    const sent = () => page.textContent('#panel pre');
    await page.click('button:text-is("Hand-off")');
    await ask(page, 'what is the capital of Peru?');
    assert.match((await sent())!, /^Turn it on/);
    await page.check('#panel input[type=checkbox]');
    await ask(page, 'what is the capital of Chile?');
    const body = JSON.parse((await sent())!) as { messages: { content: string }[]; tools: unknown[] };
    assert.equal(body.messages[0]!.content, 'what is the capital of Chile?');
    assert.equal(body.tools.length, scenes[0]!.tools.length);
    await page.screenshot({ path: `${screenshots}/demo-handoff.png`, fullPage: true });
    await ask(page, 'dim the bedroom to 20');  // sure enough: not handed off
    assert.match((await sent())!, /Chile/);
  });
});

test('a file of cases is answered and scored', async () => {
  await visit(async ({ page }) => {
    const { tools } = scenes[0]!;
    const lines = [
      { id: 'a', suite: 'lights', query: 'dim the bedroom to 20', tools, accept: [[{ name: 'set_light', arguments: { room: 'bedroom', level: 20 } }]] },
      { id: 'b', suite: 'none', query: 'what is the capital of Peru?', tools, accept: [[]] },
      { id: 'c', suite: 'lights', query: 'dim the bedroom to 20', tools, accept: [[]] },
    ].map((one) => JSON.stringify(one));
    await page.click('button:text-is("Evaluate")');
    await page.setInputFiles('#panel input[type=file]', { name: 'cases.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(lines.join('\n')) });
    await page.waitForSelector('button:text-is("Download the answers")');
    const rows = await page.$$eval('#panel tbody tr', (all) => all.map((row) => row.textContent));
    assert.deepEqual(rows, ['lights250.050.0', 'none1100.0100.0', 'overall366.766.7']);
    await page.screenshot({ path: `${screenshots}/demo-evaluate.png`, fullPage: true });
  });
});

test('a dropped checkpoint is packed, loaded, and asked: its weights are random, so any outcome will do but no error', async () => {
  await visit(async ({ page }) => {
    await page.click('button:text-is("Model")');
    await page.setInputFiles('.packer input', ['needle.pkl', 'tokenizer.model'].map((name) => `${referenceDir}/${name}`));
    await page.waitForSelector('.packer-save:visible');
    await ready(page);
    const said = await ask(page, 'dim the bedroom to 20');
    assert.equal(await page.$('.said.bad'), null, said);
    assert.ok((await callText(page)).length > 0 || (await page.$('.trace .none')) !== null, 'neither a call nor a reason');
    await page.screenshot({ path: `${screenshots}/demo-packed.png`, fullPage: true });
    await page.click('button:text-is("Back to the model of this page")');
    await page.waitForSelector('.status .dot');
    await ready(page);
    await ask(page, 'dim the bedroom to 20');
    assert.deepEqual(await callText(page), ['set_light(room: "bedroom", level: 20)']);
  });
});

test('after one visit the page works without a network', async () => {
  await visit(async ({ page, address }) => {
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.goto(address);  // now through the service worker
    await ready(page);
    await page.context().setOffline(true);
    await page.goto(address);
    await ready(page);
    await ask(page, 'make the kitchen light blue');
    assert.deepEqual(await callText(page), ['set_light_colour(room: "kitchen", colour: "blue")']);
    await page.context().setOffline(false);
  });
});
