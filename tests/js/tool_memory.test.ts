// The budget for encoded tools: the least recently used go, and come back with the same answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Thimble } from '../../js/node.ts';

const budget = 400_000;  // one of these tools, about
const lamps = ['kitchen', 'bedroom', 'hall', 'attic', 'cellar'].map((room) => ({
  name: `${room}_light`, description: `Set how bright the light in the ${room} is.`,
  inputSchema: { type: 'object', required: ['level'], properties: { level: { type: 'integer', minimum: 0, maximum: 100, description: 'percent' } } },
}));

test('tools beyond the budget go, the least recently used first, and answer the same when they come back', async () => {
  const [small, large] = await Promise.all([budget, 64 * 2 ** 20].map((toolMemory) => Thimble.load({ toolMemory })));
  const both = async (query: string, tools: typeof lamps) => {
    const [a, b] = await Promise.all([small!, large!].map((thimble) => thimble.call(query, { tools })));
    assert.deepEqual({ ...a, stats: null }, { ...b, stats: null }, query);
  };
  for (const round of [1, 2]) {
    for (const lamp of lamps) {
      await both(`set the light to ${round * 20}`, [lamp]);
      const { toolCache, tools } = await small!.memory();
      assert.ok(toolCache <= budget || tools.encoded === 1, `${toolCache} bytes, ${tools.encoded} tools`);
    }
  }
  assert.equal((await large!.memory()).tools.encoded, lamps.length);
  await both('the attic light to 5', lamps);  // what a query needs stays, whatever the budget
  await both('set the light to 70', lamps.slice(0, 1));
  assert.equal((await small!.memory()).tools.encoded, 1);
  small!.dispose();
  large!.dispose();
});
