// web/partial_answer.ts: what is complete in an answer, however it is cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartialAnswer } from '../../web/partial_answer.ts';
import type { AnswerEvent } from '../../web/protocol.ts';

const answer = '[{"name":"a","arguments":{"s":" x, \\"y\\" {z} [\\\\","n":-1.5,"list":[" p",{"q":" r"}],"o":{"in":{"er":true}},"nil":null}},' +
  '{"name":"b","arguments":{}},{"name":"c","arguments":{"u":" \\u00e9\\n"}}]';
const tool = (index: number, tool: string) => ({ type: 'tool', index, tool });
const argument = (index: number, tool: string, name: string, value: unknown) => ({ type: 'argument', index, tool, name, value });
const events = [
  tool(0, 'a'), argument(0, 'a', 's', 'x, "y" {z} [\\'), argument(0, 'a', 'n', -1.5), argument(0, 'a', 'list', ['p', { q: 'r' }]),
  argument(0, 'a', 'o', { in: { er: true } }), argument(0, 'a', 'nil', null), tool(1, 'b'), tool(2, 'c'), argument(2, 'c', 'u', 'é\n'),
];

function read(...ends: number[]): AnswerEvent[] {
  const seen: AnswerEvent[] = [];
  const partial = new PartialAnswer((event) => seen.push(event));
  for (const end of ends) partial.read(answer.slice(0, end));
  return seen;
}

test('the events are the same for every cut in two, and for one character at a time', () => {
  for (let cut = 0; cut <= answer.length; ++cut) assert.deepEqual(read(cut, answer.length), events, String(cut));
  assert.deepEqual(read(...Array.from(answer, (_, i) => i + 1)), events);
});

test('an argument is told when its value is complete, and not before', () => {
  const at = answer.indexOf('-1.5') + 4;
  assert.deepEqual(read(at), events.slice(0, 2));
  assert.deepEqual(read(at + 1), events.slice(0, 3));
});

test('format needle has no extra spaces, and its own names', () => {
  const seen: AnswerEvent[] = [];
  const names: Record<string, string> = { set_light: 'setLight' };
  new PartialAnswer((event) => seen.push(event), 'needle', (written) => names[written]!)
    .read('[{"name":"set_light","arguments":{"room":" b\\u00fcro"}}]');
  assert.deepEqual(seen, [tool(0, 'setLight'), argument(0, 'setLight', 'room', ' büro')]);
});

test('an answer without calls has no events', () => {
  const seen: AnswerEvent[] = [];
  new PartialAnswer((event) => seen.push(event)).read('[]');
  assert.deepEqual(seen, []);
});
