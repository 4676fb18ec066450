// The package in Node, where the runtime is inline: what each method does, with the model that ships.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { Thimble, ThimbleError, type ArgsOf, type Call, type Confirm, type ThimbleCode } from '../../js/node.ts';
import { rootDir } from '../run/files.ts';

const lightSchema = {
  type: 'object', required: ['room'],
  properties: { room: { type: 'string', enum: ['kitchen', 'bedroom', 'hall'] }, level: { type: 'integer', minimum: 0, maximum: 100 } },
} as const;
const light = { name: 'set_light', description: 'Set the brightness of the lights in one room.', inputSchema: lightSchema };
const timer = { name: 'set_timer', description: 'Start a countdown.', inputSchema: { type: 'object', required: ['minutes'], properties: { minutes: { type: 'number' }, label: { type: 'string' } } } };
const dim = 'dim the bedroom lights to 20', both = 'kitchen lights to 10 and a timer for 12 minutes';

let asked: string[] = [];
let allow: Confirm = () => true;
let thimble: Thimble;
before(async () => {
  thimble = await Thimble.load({ confirm: (call, tool) => { asked.push(call.tool); return allow(call, tool); } });
});
after(() => thimble.dispose());

const rejects = (promise: Promise<unknown>, code: ThimbleCode, message = /./) =>
  assert.rejects(promise, (error) => error instanceof ThimbleError && error.code === code && message.test(error.message));
const calls = async (query: string, options = {}) => {
  const outcome = await thimble.call(query, options);
  return outcome.type === 'call' ? outcome.calls.map((call) => [call.tool, call.arguments]) : outcome.reason;
};

/** Registers for the length of a test. */
async function having(tools: Parameters<Thimble['registerTools']>[0], use: () => Promise<void>): Promise<void> {
  const { unregister } = await thimble.registerTools(tools);
  try {
    await use();
  } finally {
    unregister();
  }
}

test('a call may follow a registration at once, and ends with it', async () => {
  const registering = thimble.registerTool(light);
  assert.deepEqual(await calls(dim), [['set_light', { room: 'bedroom', level: 20 }]]);
  assert.deepEqual(thimble.tools.map(({ name }) => name), ['set_light']);
  await rejects(thimble.registerTool(light), 'bad_tools', /set_light is registered already/);
  const { names, unenforced, unregister } = await registering;
  assert.deepEqual([names, unenforced], [['set_light'], []]);
  unregister();
  assert.deepEqual([await calls(dim), thimble.tools], ['irrelevant', []]);
  unregister();
  await thimble.registerTool(light);
  thimble.unregister('set_light', 'unknown');
  assert.equal(await calls(dim), 'irrelevant');
});

test('a signal unregisters, and cancels a registration that is not done', async () => {
  const controller = new AbortController();
  await thimble.registerTool(light, { signal: controller.signal });
  assert.equal(thimble.tools.length, 1);
  controller.abort();
  assert.deepEqual([thimble.tools, await calls(dim)], [[], 'irrelevant']);
  await rejects(thimble.registerTool(light, { signal: controller.signal }), 'cancelled');
  const second = new AbortController();
  const registering = thimble.registerTool(light, { signal: second.signal });
  second.abort();
  await rejects(registering, 'cancelled');
  assert.deepEqual([thimble.tools, await calls(dim)], [[], 'irrelevant']);
});

test('a tool that is refused does not take others with it, and says where', async () => {
  const bad = (name: string) => ({ name, inputSchema: { type: 'object', properties: { x: { type: 'string', not: {} } } } });
  const results = await Promise.allSettled([bad('a'), light, bad('b'), timer, bad('c')].map((tool) => thimble.registerTool(tool)));
  assert.deepEqual(results.map(({ status }) => status), ['rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected']);
  const [{ reason }] = results as [PromiseRejectedResult];
  assert.deepEqual([reason.code, /tool a\.parameters\.properties\.x\.not: /.test(reason.message)], ['bad_tools', true], reason.message);
  assert.deepEqual(await calls(both), [['set_light', { room: 'kitchen', level: 10 }], ['set_timer', { minutes: 12 }]]);
  thimble.unregister('set_light', 'set_timer');
  await rejects(thimble.registerTools([light, bad('d')]), 'bad_tools');
  assert.deepEqual(thimble.tools, []);
});

test('run executes calls in their order with what the schema says', async () => {
  const seen: unknown[] = [];
  const execute = (values: unknown, { call, signal }: { call: Call; signal: AbortSignal }) => { seen.push([call.tool, values, signal.aborted]); return seen.length; };
  await having([{ ...light, execute }, { ...timer, execute }], async () => {
    const { results } = await thimble.run(both);
    assert.deepEqual(seen, [['set_light', { room: 'kitchen', level: 10 }, false], ['set_timer', { minutes: 12 }, false]]);
    assert.deepEqual(results.map((result) => result.status === 'done' && result.value), [1, 2]);
    assert.deepEqual((await thimble.run('who wrote Hamlet?')).results, []);
  });
});

test('run asks before what has consequences; no is declined, and what follows is skipped', async () => {
  const executed: string[] = [];
  const execute = (_: unknown, { call }: { call: Call }) => executed.push(call.tool);
  const tools = [{ ...light, execute, annotations: { destructiveHint: true } }, { ...timer, execute }];
  const states = async () => (await thimble.run(both)).results.map(({ status }) => status);
  await having(tools, async () => {
    asked = [];
    assert.deepEqual([await states(), asked, executed], [['done', 'done'], ['set_light'], ['set_light', 'set_timer']]);
    executed.length = 0;
    allow = async () => false;
    assert.deepEqual([await states(), executed], [['declined', 'skipped'], []]);
    allow = () => { throw new Error('closed'); };
    assert.deepEqual([await states(), executed], [['failed', 'skipped'], []]);
    allow = () => true;
  });
  const silent = await Thimble.load();
  await silent.registerTools(tools);
  assert.deepEqual((await silent.run(dim)).results.map(({ status }) => status), ['declined']);
  silent.dispose();
});

test('a tool that fails, has no execute, or is aborted ends the run there', async () => {
  const failing = { ...light, execute: () => { throw new RangeError('broken'); } };
  await having([failing, timer], async () => {
    const { results } = await thimble.run(both);
    assert.deepEqual(results.map(({ status }) => status), ['failed', 'skipped']);
    const [broken] = results;
    assert.ok(broken?.status === 'failed' && broken.error instanceof RangeError);
    const [only] = (await thimble.run('set a timer for 5 minutes')).results;
    assert.ok(only?.status === 'failed' && only.error instanceof ThimbleError && only.error.code === 'bad_input');
  });
  const controller = new AbortController();
  await having([{ ...light, execute: () => controller.abort() }, { ...timer, execute: () => 1 }], async () => {
    assert.deepEqual((await thimble.run(both, { signal: controller.signal })).results.map(({ status }) => status), ['done', 'skipped']);
  });
});

test('a Standard Schema validates again, and makes the values that execute gets', async () => {
  const seen: unknown[] = [];
  const inputSchema = z.object({ room: z.enum(['kitchen', 'bedroom']).transform((room) => room.toUpperCase()), level: z.int().min(0).max(100).refine((n) => n !== 13, 'unlucky').default(50) });
  await having([{ ...light, inputSchema, execute: (values: unknown) => seen.push(values) }], async () => {
    await thimble.run('bedroom lights to 20');
    assert.deepEqual(seen, [{ room: 'BEDROOM', level: 20 }]);
    const outcome = await thimble.run('bedroom lights to 13');
    assert.ok(outcome.type === 'none' && outcome.reason === 'invalid');
    assert.deepEqual([outcome.calls[0]!.invalid, outcome.message, seen.length], [[{ path: ['level'], value: 13, message: 'unlucky' }], 'set_light: unlucky', 1]);
  });
});

test('none says why: irrelevant, missing, invalid, overflow, cancelled', async () => {
  await having([light, timer], async () => {
    assert.equal(await calls('who wrote Hamlet?'), 'irrelevant');
    const missing = await thimble.call('set a timer');
    assert.ok(missing.type === 'none' && missing.reason === 'missing');
    assert.deepEqual([missing.calls[0]!.tool, missing.calls[0]!.missing, missing.message], ['set_timer', ['minutes'], 'set_timer needs minutes.']);
    const invalid = await thimble.call('set the hall to 900');
    assert.ok(invalid.type === 'none' && invalid.reason === 'invalid');
    assert.deepEqual([invalid.calls[0]!.arguments, invalid.calls[0]!.invalid], [{ room: 'hall' }, [{ path: ['level'], value: 900 }]]);
    const overflow = await thimble.call('dim the hall and '.repeat(300));
    assert.ok(overflow.type === 'none' && overflow.reason === 'overflow');
    assert.match(overflow.message, /\d+ tokens/);
    assert.equal(await calls(dim, { signal: AbortSignal.abort() }), 'cancelled');
    const controller = new AbortController();
    const calling = calls(dim, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    assert.equal(await calling, 'cancelled');
    assert.equal(await calls(dim, { signal: AbortSignal.timeout(60_000) }).then((found) => found.length), 1);
  });
});

test('toolChoice and maxCalls hold', async () => {
  await having([light, timer], async () => {
    assert.equal(await calls(dim, { toolChoice: 'none' }), 'irrelevant');
    assert.deepEqual((await calls(both, { maxCalls: 1 })).length, 1);
    const forced = await thimble.call('who wrote Hamlet?', { toolChoice: 'required' });
    assert.ok(forced.calls.length > 0);
    const named = await thimble.call(dim, { toolChoice: { tool: 'set_timer' } });
    assert.deepEqual(named.calls.map(({ tool }) => tool), ['set_timer']);
    await rejects(thimble.call(dim, { toolChoice: { tool: 'unknown' } }), 'bad_input', /unknown/);
    await rejects(thimble.call(dim, { maxCalls: 0 }), 'bad_input', /maxCalls/);
  });
});

test('dates in words become values relative to the facts, and what is none is invalid with its words', async () => {
  const facts = { now: Date.UTC(2026, 10, 28, 10), timeZone: 'America/New_York', locale: 'en-US' };
  const when = (schema: object) => ({ name: 'remind', description: 'Remind of something at a time.', inputSchema: { type: 'object', required: ['what', 'when'], properties: { what: { type: 'string' }, when: schema } } });
  const found = async (schema: object, query: string) => {
    let outcome;
    await having([when(schema)], async () => { outcome = await thimble.call(query, { facts }); });
    return outcome!;
  };
  const query = 'remind me to call mom tomorrow at half past six';
  const value = async (schema: object, query: string) => {
    const outcome = await found(schema, query) as Awaited<ReturnType<Thimble['call']>>;
    return outcome.type === 'call' ? outcome.calls[0]!.arguments.when : outcome;
  };
  assert.equal(await value({ type: 'string', format: 'date-time' }, query), '2026-11-29T06:30:00-05:00');
  assert.equal(await value({ type: 'string', format: 'date' }, 'remind me to call mom next friday'), '2026-12-04');
  assert.equal(await value(z.iso.datetime().toJSONSchema(), query), '2026-11-29T11:30:00Z');  // zod's pattern wants UTC
  const none = await value({ type: 'string', format: 'date-time' }, 'remind me to call mom next friday');
  assert.ok(typeof none === 'object');
  const { reason, calls: [call] } = none as { reason: string; calls: { arguments: object; invalid: object[] }[] };
  assert.deepEqual([reason, call!.arguments, call!.invalid], ['invalid', { what: 'call mom' }, [{ path: ['when'], value: 'next friday', message: 'not a date-time' }]]);
  await rejects(thimble.call(query, { facts: { timeZone: 'Nowhere' } }), 'bad_input', /time zone/i);
  await rejects(thimble.call(query, { facts: { now: NaN } }), 'bad_input');
});

test('what the grammar cannot enforce is refused, or checked afterwards if the page says so', async () => {
  const odd = { name: 'pick', description: 'Pick a number.', inputSchema: { type: 'object', required: ['n'], properties: { n: { type: 'integer', not: { const: 13 } } } } };
  await rejects(thimble.registerTool(odd), 'bad_tools', /tool pick\.parameters\.properties\.n\.not/);
  const open = await Thimble.load({ allowUnenforced: true });
  const [{ unenforced }, other] = await Promise.all([open.registerTool(odd), open.registerTool(timer)]);
  assert.deepEqual([unenforced.length, other.unenforced], [1, []]);
  assert.match(unenforced[0]!, /n.*not/);
  const good = await open.call('pick number 12'), bad = await open.call('pick number 13');
  assert.deepEqual(good.type === 'call' && good.calls[0]!.arguments, { n: 12 });
  assert.ok(bad.type === 'none' && bad.reason === 'invalid');
  assert.deepEqual([bad.calls[0]!.invalid[0]!.path, bad.calls[0]!.invalid[0]!.value], [['n'], 13]);
  open.dispose();
});

test('extract finds values of a schema, and leaves the tools alone', async () => {
  await having([light], async () => {
    const schema = { type: 'object', required: ['name'], properties: { name: { type: 'string' }, age: { type: 'integer' } } } as const;
    const found = await thimble.extract('My name is Ann Smith and I am 34 years old', schema);
    assert.ok(found.type === 'value');
    const { name, age }: { name: string; age?: number } = found.value;
    assert.deepEqual([name, age], ['Ann Smith', 34]);
    const person = z.object({ name: z.string(), age: z.int().transform((n) => n * 12) });
    const months = await thimble.extract('My name is Ann Smith and I am 34 years old', person);
    assert.deepEqual(months.type === 'value' && months.value, { name: 'Ann Smith', age: 34 * 12 });
    const none = await thimble.extract('hello there', schema);
    assert.ok(none.type === 'none' && none.reason === 'missing');
    await rejects(thimble.extract('x', { type: 'object', properties: { x: { not: {} } } }), 'bad_tools');
    assert.deepEqual(await calls(dim), [['set_light', { room: 'bedroom', level: 20 }]]);
  });
});

test('examples reach the model', async () => {
  const examples = Array.from({ length: 20 }, (_, i) => `make the lights in the hall darker by ${i} percent`);
  const cacheOf = async (tool: object) => {
    let bytes = 0;
    await having([tool], async () => { bytes = (await thimble.memory()).toolCache; });
    return bytes;
  };
  assert.ok(await cacheOf({ ...light, examples }) > 2 * await cacheOf(light));  // it is longer by more than itself
});

test('a model may be a path, a file URL or bytes; what is none is refused', async () => {
  const path = `${rootDir}/model/thimble.san`;
  for (const model of [path, new URL(`file://${path}`)]) {
    const loaded = await Thimble.load({ model });
    assert.equal(loaded.model.downloaded, thimble.model.downloaded);
    loaded.dispose();
  }
  await rejects(Thimble.load({ model: '/nowhere.san' }), 'bad_input', /nowhere/);
  await rejects(Thimble.load({ model: new Uint8Array(100) }), 'bad_weights');
  await rejects(Thimble.load({ model: new Response('', { status: 404 }) }), 'network', /404/);
  await rejects(Thimble.load({ name: 'mine' }), 'not_stored');
  await rejects(Thimble.load({ signal: AbortSignal.abort() }), 'cancelled');
  await rejects(Thimble.load({ kernels: 'fast' as 'best' }), 'no_kernels');
  await rejects(Thimble.load({ wasm: new ArrayBuffer(8) }), 'network', /WASM/);
});

test('a query that is no text and a Thimble that is gone are refused', async () => {
  await rejects(thimble.call(7 as unknown as string), 'bad_input', /text/);
  const gone = await Thimble.load();
  const waiting = gone.call(dim);
  gone.dispose();
  gone.dispose();
  assert.equal((await waiting).type, 'none');
  await rejects(gone.call(dim), 'bad_input', /disposed/);
  await rejects(gone.registerTool(light), 'bad_input', /disposed/);
  await rejects(gone.memory(), 'bad_input', /disposed/);
});

// Types: these lines are the test, and `npm run typecheck` runs it.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

test('argument types come from the schema', () => {
  same<ArgsOf<typeof lightSchema>, { room: 'kitchen' | 'bedroom' | 'hall'; level?: number }>(true);
  same<ArgsOf<{ type: 'object'; properties: { a: { type: 'array'; items: { type: 'string' } }; b: { anyOf: [{ type: 'null' }, { const: 5 }] } }; required: ['b'] }>, { b: 5 | null; a?: string[] }>(true);
  same<ArgsOf<{ type: 'object'; properties: { p: { type: 'array'; prefixItems: [{ type: 'string' }, { type: 'number' }] }; o: { type: 'object'; properties: { x: { type: ['string', 'boolean'] } } } } }>, { p?: [string, number]; o?: { x?: string | boolean } }>(true);
  same<ArgsOf<Record<string, unknown>>, Record<string, unknown>>(true);
  const schema = z.object({ room: z.string(), when: z.string().transform((text) => new Date(text)) });
  same<ArgsOf<typeof schema>, { room: string; when: Date }>(true);
  const types = () => {
    void thimble.registerTool({
      name: 'a', inputSchema: { type: 'object', required: ['room'], properties: { room: { type: 'string', enum: ['x', 'y'] }, level: { type: 'integer' } } },
      execute: ({ room, level = 100 }) => { same<typeof room, 'x' | 'y'>(true); same<typeof level, number>(true); },
    });
    void thimble.registerTool({ name: 'b', inputSchema: schema, execute: ({ when }) => when.getTime() });
    // @ts-expect-error: there is no such argument
    void thimble.registerTool({ name: 'c', inputSchema: lightSchema, execute: ({ rom }) => rom });
  };
  assert.equal(typeof types, 'function');
});
