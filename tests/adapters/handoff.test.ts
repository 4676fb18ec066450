// Hand-off: when the page's other model is asked, and what its calls must be.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Thimble, ThimbleError, type CallOptions, type HandoffContext } from '../../js/node.ts';

const tools = [{
  name: 'set_light', description: 'Set the brightness of one room',
  inputSchema: { type: 'object', properties: { room: { type: 'string', enum: ['kitchen', 'bedroom'] }, level: { type: 'integer', minimum: 0, maximum: 100 } }, required: ['room', 'level'] },
}, {
  name: 'remind', description: 'Remind of something at a time',
  inputSchema: { type: 'object', properties: { what: { type: 'string' }, when: { type: 'string', format: 'date' } }, required: ['what', 'when'] },
}];
const known = 'dim the bedroom to 20', unknown = 'sing me a song';
const found = [{ tool: 'set_light', arguments: { room: 'kitchen', level: 7 } }];

let thimble: Thimble;
before(async () => {
  thimble = await Thimble.load();
  await thimble.registerTools(tools);
});
after(() => thimble.dispose());

/** The outcome, and what the handler was told. */
async function ask(query: string, options: CallOptions) {
  const contexts: HandoffContext[] = [];
  const { onHandoff } = options;
  const outcome = await thimble.call(query, { ...options, onHandoff: (context) => { contexts.push(context); return onHandoff?.(context); } });
  return { outcome, contexts };
}

test('an outcome without a call is handed off, with the query, the tools and what was found', async () => {
  const { outcome, contexts: [context] } = await ask(unknown, { onHandoff: () => found });
  assert.deepEqual([context?.query, context?.outcome.type, context?.tools.map(({ name }) => name)], [unknown, 'none', ['set_light', 'remind']]);
  assert.ok(outcome.type === 'call');
  assert.deepEqual(outcome.calls, [{ ...found[0], confidence: 1, evidence: [] }]);
  assert.deepEqual([outcome.handedOff, outcome.stats], [true, context?.outcome.stats]);
});

test('a sure call is not handed off, an unsure one is, by handoffBelow', async () => {
  const sure = await ask(known, { onHandoff: () => found });
  assert.deepEqual(sure.contexts, []);
  assert.ok(sure.outcome.type === 'call' && !sure.outcome.handedOff);
  const unsure = await ask(known, { onHandoff: () => found, handoffBelow: sure.outcome.confidence + 1e-6 });
  assert.ok(unsure.outcome.type === 'call' && unsure.outcome.handedOff);
  assert.equal(unsure.contexts[0]?.outcome.type, 'call');
});

test('only chosen reasons are handed off; toolChoice none never is; nothing returned leaves the outcome', async () => {
  for (const options of [{ handoffReasons: ['missing'] }, { toolChoice: 'none' }] as CallOptions[]) {
    const { contexts } = await ask(unknown, { onHandoff: () => found, ...options });
    assert.deepEqual(contexts, [], JSON.stringify(options));
  }
  const { outcome, contexts } = await ask(unknown, { handoffReasons: ['irrelevant'] });
  assert.equal(contexts[0]?.outcome, outcome);
});

test('what comes back is checked: values, missing ones, unknown tools, dates in words', async () => {
  const check = async (tool: string, values: Record<string, unknown>) => (await ask(unknown, { onHandoff: async () => [{ tool, arguments: values }], facts: { now: Date.UTC(2026, 10, 28), timeZone: 'UTC' } })).outcome;
  const summary = async (tool: string, values: Record<string, unknown>) => { const outcome = await check(tool, values); return outcome.type === 'none' ? [outcome.reason, outcome.message] : outcome.calls[0]!.arguments; };
  assert.deepEqual(await summary('set_light', { room: 'kitchen' }), ['missing', 'onHandoff: set_light needs level.']);
  assert.match(String(await summary('set_light', { room: 'kitchen', level: 101 })), /^invalid,onHandoff: set_light: level cannot be 101/);
  assert.match(String(await summary('sing', { song: 'x' })), /^invalid,onHandoff: sing: .*no such tool/);
  assert.deepEqual(await summary('remind', { what: 'tea', when: 'tomorrow' }), { what: 'tea', when: '2026-11-29' });
  const none = (await ask(unknown, { onHandoff: () => [] })).outcome;
  assert.ok(none.type === 'none' && none.reason === 'irrelevant');
});

test('rubbish and errors of the handler reject', async () => {
  const cycle: { tool: string; arguments: Record<string, unknown> } = { tool: 'set_light', arguments: {} };
  cycle.arguments.self = cycle;
  for (const rubbish of ['x', { calls: [] }, [{ tool: 'set_light' }], [null], [{ tool: 'set_light', arguments: [] }], [cycle], null]) {
    await assert.rejects(ask(unknown, { onHandoff: () => rubbish as never }), (error) => error instanceof ThimbleError && error.code === 'bad_input');
  }
  await assert.rejects(ask(unknown, { onHandoff: () => { throw new Error('no net'); } }), /no net/);
});

test('an abort ends the wait for a handler that never answers', async () => {
  const stop = new AbortController();
  const { outcome, contexts } = await ask(unknown, { signal: stop.signal, onHandoff: () => { setTimeout(() => stop.abort(), 20); return new Promise(() => {}); } });
  assert.ok(outcome.type === 'none' && outcome.reason === 'cancelled');
  assert.equal(contexts[0]?.signal, stop.signal);
});

test('load sets it for every call; run executes what comes back, stream ends with it', async () => {
  const executed: unknown[] = [];
  const other = await Thimble.load({ onHandoff: () => found });
  try {
    await other.registerTools(tools.map((tool) => ({ ...tool, execute: (values: unknown) => executed.push(values) })));
    const { results } = await other.run(unknown);
    assert.deepEqual([results.map(({ status }) => status), executed], [['done'], [found[0]!.arguments]]);
    const types: string[] = [];
    for await (const event of other.stream(unknown)) types.push(event.type);
    assert.deepEqual(types, ['call', 'done']);
  } finally {
    other.dispose();
  }
});

test('tools of one call are all there is for it, in any form, and run executes them', async () => {
  const plant = { type: 'function', function: { name: 'water', description: 'Water a plant', parameters: { type: 'object', properties: { plant: { type: 'string' } }, required: ['plant'] } }, execute: ({ plant }: { plant: string }) => plant };
  const { results } = await thimble.run('water the ficus', { tools: [plant], toolChoice: 'required' });
  assert.deepEqual(results.map((result) => result.status === 'done' && result.value), ['ficus']);
  const [other, own, none] = await Promise.all([thimble.call(known, { tools: [plant] }), thimble.call(known), thimble.call(known, { tools: [] })]);
  assert.equal(other.type === 'call' && other.calls[0]!.tool === 'set_light', false);
  assert.ok(own.type === 'call' && own.calls[0]!.tool === 'set_light');
  assert.equal(none.type, 'none');
  await assert.rejects(thimble.call(known, { tools: [plant, plant] }), { code: 'bad_tools' });
});
