// demo/pack.html in Chromium: two dropped files become the bytes that Node writes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packModel } from '../../js/pack/pack.ts';
import { bundle, withPage } from '../run/browser.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const checkpoint = path('../../../shared/reference/needle.pkl');
const tokenizer = path('../../../shared/reference/tokenizer.model');

test('the page packs dropped and chosen files to the bytes of Node', async () => {
  const routes = {
    '/pack.html': { file: path('../../demo/pack.html') },
    '/pack.css': { file: path('../../demo/pack.css') },
    '/pack.ts': await bundle(path('../../demo/pack.ts')),
    '/needle.pkl': { file: checkpoint },
  };
  const expected = await packModel(readFileSync(checkpoint), readFileSync(tokenizer));
  await withPage(routes, async (page) => {
    await page.goto(new URL('/pack.html', page.url()).href);
    const status = page.getByRole('status');
    const save = page.locator('.packer-save');
    await page.locator('input[type=file]').setInputFiles(path('pack_browser.test.ts'));
    assert.match(await status.innerText(), /is neither a checkpoint/);

    // Dropping one file, then choosing the other.
    await page.evaluate(async () => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([await (await fetch('/needle.pkl')).blob()], 'needle.pkl'));
      document.querySelector('.packer-drop')!.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    });
    await page.getByText('needle.pkl, 0.3 MB').waitFor();
    assert.equal(await save.isVisible(), false);
    await page.locator('input[type=file]').setInputFiles(tokenizer);
    await save.waitFor();
    assert.equal(await status.innerText(), 'Done.');
    assert.equal(await save.innerText(), 'Save model.san (0.2 MB)');
    const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
    assert.equal(download.suggestedFilename(), 'model.san');
    assert.ok(readFileSync(await download.path()).equals(expected));

    // A file that cannot be packed takes the offer back and says why.
    await page.locator('input[type=file]').setInputFiles({ name: 'x.pkl', mimeType: '', buffer: Buffer.from('\x80\x04cos\nsystem\n', 'latin1') });
    await page.getByText('global os.system is not allowed').waitFor();
    assert.equal(await save.isVisible(), false);
  });
});
