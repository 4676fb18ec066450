// From `Thimble.load()` with the model in IndexedDB to the first answer: how long, and where it goes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile } from '../../js/cli/percentile.ts';
import { withPage } from '../run/browser.ts';
import { inPage, thimbleRoutes } from './thimble_page.ts';

const starts = Number(process.env.THIMBLE_WARM_STARTS ?? 7);
const median = (values: number[]) => Math.round(percentile(values, 0.5));

test('a warm start answers from IndexedDB', async (t) => {
  await withPage(await thimbleRoutes(), async (page) => {
    const start = async () => {
      const timed = await inPage(page, 'timeStart', 'dim the bedroom lights to 20');
      assert.equal(timed.outcome.type, 'call');
      await page.reload();
      return timed;
    };
    const cold = await start();
    assert.equal(cold.model.stored, true);
    const warm: (typeof cold)[] = [];
    for (let i = 0; i < starts; ++i) warm.push(await start());
    assert.ok(warm.every(({ model }) => model.downloaded === 0));
    const parts = {
      'module': ({ model }: typeof cold) => model.ms.module,
      'weights': ({ model }: typeof cold) => model.ms.weights,
      'load': ({ loaded }: typeof cold) => loaded,
      'tools': ({ registered, loaded }: typeof cold) => registered - loaded,
      'answer': ({ answered, registered }: typeof cold) => answered - registered,
      'total': ({ answered }: typeof cold) => answered,
    };
    t.diagnostic(`warm start p50 of ${starts}, ms: ${Object.entries(parts).map(([name, of]) => `${name} ${median(warm.map(of))}`).join(', ')}; least ${Math.round(Math.min(...warm.map((w) => w.answered)))}; cold ${Math.round(cold.answered)}`);
  });
});
