// A checkpoint of the original, packed, in the module that ships: random weights, so what is checked is what no weights
// may break.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { packModel } from '../../js/pack/pack.ts';
import { Answers } from '../../web/answers.ts';
import { Engine, EngineError } from '../../web/engine.ts';
import type { AnswerEvent, ToolSpec } from '../../web/protocol.ts';
import { referenceDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

let engine: Engine;
before(async () => {
  const [checkpoint, tokenizer] = ['needle.pkl', 'tokenizer.model'].map((name) => readFileSync(`${referenceDir}/${name}`));
  engine = await Engine.load(await loadModule(), [await packModel(checkpoint!, tokenizer!)]);
});

const tools: ToolSpec[] = [
  { name: 'setLight', description: 'Set a light', parameters: { type: 'object', properties: { room: { type: 'string', enum: ['büro', 'kitchen'] }, level: { type: 'integer', maximum: 100 } }, required: ['room'] } },
  { name: 'wake-me', description: 'Set an alarm', parameters: { type: 'object', properties: { day: { type: 'string', enum: ['today', 'tomorrow'] } } } },
];

test('the engine writes a call of the only tool there is, with names as the page has them', () => {
  assert.equal(engine.textFormat, 'needle');
  engine.setTools(JSON.stringify(tools));
  for (const tool of ['setLight', 'wake-me']) {
    engine.begin('light in the kitchen', { toolChoice: { tool }, maxCalls: 1 });
    while (!engine.advance());
    const answer = engine.answer();
    assert.deepEqual(answer.calls.map(({ tool }) => tool), [tool]);
    const { name, arguments: values } = (JSON.parse(engine.text()) as [{ name: string; arguments: object }])[0];
    assert.equal(engine.toolName(name), tool);
    assert.match(name, /^[a-z_]+$/);
    if (answer.outcome === 'call') assert.deepEqual(answer.calls[0]!.arguments, values);
  }
});

test('names that are one in snake_case, and lists without room for a query, are refused', () => {
  const is = (code: string) => (error: unknown) => error instanceof EngineError && error.code === code;
  assert.throws(() => engine.setTools('[{"name":"getTime"},{"name":"get_time"}]'), is('bad_tools'));
  assert.throws(() => engine.setTools(JSON.stringify(Array.from({ length: 80 }, (_, i) => ({ name: `tool${i}`, description: 'Does something with what was said' })))), is('overflow'));
});

test('the runtime makes an outcome of it, and tells of its parts', async () => {
  const answers = new Answers(engine, { allowUnenforced: false, toolMemory: 2 ** 20 });
  await answers.add(tools);
  const seen: AnswerEvent[] = [];
  const outcome = await answers.answer({
    query: 'light in the kitchen', options: { toolChoice: { tool: 'setLight' }, maxCalls: 1, grounding: 'free' },
    facts: { now: 0 }, events: true, retrieval: true,
  }, 0, new AbortController().signal, (event) => seen.push(event));
  assert.deepEqual(seen[0], { type: 'tool', index: 0, tool: 'setLight' });
  if (outcome.type === 'call') assert.equal(outcome.calls[0]!.tool, 'setLight');
  else assert.match(outcome.reason, /^(missing|invalid)$/);
});
