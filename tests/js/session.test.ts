// A query that is being typed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Thimble, ThimbleError, type Outcome } from '../../js/node.ts';

const light = {
  name: 'set_light', description: 'Set the brightness of one room.',
  inputSchema: { type: 'object', required: ['room'], properties: { room: { enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } } },
};
let thimble: Thimble;
before(async () => {
  thimble = await Thimble.load();
  await thimble.registerTool(light);
});
after(() => thimble.dispose());

const query = 'dim the bedroom to 20';

test('every text takes the place of the one before; the last one is answered as a call would be', async () => {
  const told: string[] = [];
  const session = thimble.session({ onOutcome: (_, text) => told.push(text) });
  const outcomes = await Promise.all(Array.from(query, (_, i) => session.update(query.slice(0, i + 1))));
  const last = outcomes.pop()!;
  assert.ok(outcomes.filter((outcome) => outcome.type === 'none' && outcome.reason === 'cancelled').length >= outcomes.length - 2);
  assert.deepEqual({ ...last, stats: null }, { ...await thimble.call(query), stats: null });
  assert.equal(told.at(-1), query);
  assert.deepEqual(session.best, { text: query, outcome: last });
});

test('the same text is not asked again, and white space at its ends is no other text', async () => {
  let told = 0;
  const session = thimble.session({ onOutcome: () => { ++told; } });
  const first = session.update(query);
  assert.equal(session.update(`${query} `), first);
  assert.equal(await session.update(query), await first);
  assert.equal(told, 1);
});

test('the best call stays while its text is being continued, and goes with another text', async () => {
  const session = thimble.session();
  const { type } = await session.update(query);
  assert.equal(type, 'call');
  const typing = session.update(`${query} and`);
  assert.equal(session.best?.text, query);
  await typing;
  void session.update('who');
  assert.equal(session.best, undefined);
  assert.equal((await session.update('  ')).type, 'none');
  assert.equal(session.best, undefined);
});

test('a session that has ended cancels and refuses', async () => {
  const stop = new AbortController();
  const session = thimble.session({ signal: stop.signal });
  const running: Promise<Outcome> = session.update(query);
  stop.abort();
  const outcome = await running;
  assert.equal(outcome.type === 'none' && outcome.reason, 'cancelled');
  assert.throws(() => session.update('dim'), (error) => error instanceof ThimbleError && error.code === 'bad_input');
});
