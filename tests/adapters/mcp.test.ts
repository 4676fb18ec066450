// A server and a client of the MCP SDK, joined in memory.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { CallToolRequestSchema, ListToolsRequestSchema, type CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { registerMcpTools } from '../../js/adapters/mcp.ts';
import { Thimble } from '../../js/node.ts';

let thimble: Thimble;
const asked: string[] = [];
let answer = true;
before(async () => { thimble = await Thimble.load({ confirm: ({ tool }) => { asked.push(tool); return answer; } }); });
after(() => thimble.dispose());
afterEach(() => { asked.length = 0; answer = true; assert.deepEqual(thimble.tools, []); });

async function connect(server: { connect(transport: InMemoryTransport): Promise<void> }): Promise<Client> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  await Promise.all([server.connect(theirs), client.connect(ours)]);
  return client;
}

const level = z.int().min(0).max(100);
function lights(): { server: McpServer; done: unknown[] } {
  const server = new McpServer({ name: 'lights', version: '1' }), done: unknown[] = [];
  server.registerTool('set_light', {
    description: 'Set the brightness of one room', inputSchema: { room: z.enum(['kitchen', 'bedroom']), level }, annotations: { destructiveHint: false },
  }, (values) => { done.push(values); return { content: [{ type: 'text', text: `${values.room} is at ${values.level}` }] }; });
  server.registerTool('play_music', { description: 'Play music', inputSchema: { what: z.string() } }, () => ({ isError: true, content: [{ type: 'text', text: 'no speaker' }] }));
  return { server, done };
}

test('tools are called through tools/call, and an error result is a failure', async () => {
  const { server, done } = lights();
  const { names, refused, unregister } = await registerMcpTools(thimble, await connect(server));
  assert.deepEqual([[...names], [...refused]], [['set_light', 'play_music'], []]);
  const { results: [light] } = await thimble.run('dim the bedroom to 20');
  assert.equal(light?.status, 'done');
  assert.deepEqual((light as { value: CallToolResult }).value.content, [{ type: 'text', text: 'bedroom is at 20' }]);
  assert.deepEqual([done, asked], [[{ room: 'bedroom', level: 20 }], []]);
  const { results: [music] } = await thimble.run('play some jazz');
  assert.equal(music?.status, 'failed');
  assert.match(String((music as { error: unknown }).error), /no speaker/);
  assert.deepEqual(asked, ['play_music']);  // destructive, as it says nothing else
  answer = false;
  assert.equal((await thimble.run('play some jazz')).results[0]?.status, 'declined');
  unregister();
});

test('changes that the server announces are followed, until unregister', async () => {
  const { server } = lights();
  const changes: unknown[] = [];
  let changed = () => {};
  const client = await connect(server);
  const tools = await registerMcpTools(thimble, client, { onChange: (error) => { changes.push(error); changed(); } });
  const next = () => new Promise<void>((resolve) => { changed = resolve; });
  let change = next();
  const lock = server.registerTool('lock_door', { description: 'Lock the front door', annotations: { readOnlyHint: true } }, () => ({ content: [] }));
  await change;
  assert.deepEqual(tools.names, ['set_light', 'play_music', 'lock_door']);
  assert.equal((await thimble.run('lock the front door')).results[0]?.status, 'done');
  change = next();
  lock.update({ description: 'Lock the garage' });
  await change;
  assert.equal(thimble.tools.find(({ name }) => name === 'lock_door')?.description, 'Lock the garage');
  change = next();
  lock.remove();
  await change;
  assert.deepEqual(tools.names, ['set_light', 'play_music']);
  assert.deepEqual(changes, [undefined, undefined, undefined]);
  tools.unregister();
  server.registerTool('late', {}, () => ({ content: [] }));
  await client.ping();
  assert.deepEqual([tools.names, changes.length], [[], 3]);
});

/** A server whose pages of tools the test writes. */
function paged(pages: Record<string, { tools: object[]; nextCursor?: string }>): Server {
  const server = new Server({ name: 'paged', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => pages[params?.cursor ?? '']! as never);
  server.setRequestHandler(CallToolRequestSchema, () => ({ content: [] }));
  return server;
}
const tool = (name: string, inputSchema: object = { type: 'object' }) => ({ name, inputSchema });

test('all pages are read; what Thimble refuses is named and keeps nothing else out', async () => {
  await thimble.registerTool({ name: 'taken', inputSchema: { type: 'object' } });
  const { names, refused, unregister } = await registerMcpTools(thimble, await connect(paged({
    '': { tools: [tool('a'), tool('odd', { type: 'object', not: { required: ['x'] } })], nextCursor: '2' }, 2: { tools: [tool('taken'), tool('b')], nextCursor: '3' }, 3: { tools: [tool('c')] },
  })));
  assert.deepEqual(names, ['a', 'b', 'c']);
  assert.deepEqual([...refused.keys()].sort(), ['odd', 'taken']);
  assert.match(refused.get('odd')!, /not/);
  assert.match(refused.get('taken')!, /registered already/);
  unregister();
  assert.deepEqual(thimble.tools.map(({ name }) => name), ['taken']);
  thimble.unregister('taken');
});

test('a server that repeats its pages, and one that is gone, are errors', async () => {
  await assert.rejects(registerMcpTools(thimble, await connect(paged({ '': { tools: [tool('a')], nextCursor: 'x' }, x: { tools: [], nextCursor: 'x' } }))), /repeats/);
  const client = await connect(paged({ '': { tools: [tool('a')] } }));
  const { unregister } = await registerMcpTools(thimble, client);
  await client.close();
  answer = true;
  assert.equal((await thimble.run('a', { toolChoice: { tool: 'a' } })).results[0]?.status, 'failed');
  unregister();
});

test('aborting a run cancels the call at the server', async () => {
  const server = new McpServer({ name: 'slow', version: '1' });
  const stop = new AbortController();
  let cancelled: Promise<void> | undefined;
  server.registerTool('wait', { description: 'Wait', annotations: { readOnlyHint: true } }, ({ signal }) => {
    cancelled = new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    stop.abort();
    return new Promise(() => {});
  });
  const { unregister } = await registerMcpTools(thimble, await connect(server));
  const { results } = await thimble.run('wait', { toolChoice: { tool: 'wait' }, signal: stop.signal });
  assert.equal(results[0]?.status, 'failed');
  await cancelled;
  unregister();
});
