// What makes answers fast changes none of them: over the whole dev set, the same tokens and the same probabilities.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { Thimble } from '../../js/node.ts';
import type { AnyTool } from '../../js/tools.ts';
import { Engine, type Answer, type AnswerOptions } from '../../web/engine.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';

interface Case { id: string; query: string; tools: AnyTool[] }

const cases = readFileSync(`${rootDir}/../shared/eval/dev.jsonl`, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case);
let engine: Engine;
before(async () => { engine = await Engine.load(await loadModule(), [readFileSync(`${rootDir}/model/thimble.san`)]); });

function answer(query: string, options: AnswerOptions, plain = false): { text: string; answer: Answer } {
  engine.begin(query, options, plain);
  while (!engine.advance());
  return { text: engine.text(), answer: engine.answer() };
}

/** All but how it was made. */
const substance = ({ text, answer: { tokens: { passes: _, ...tokens }, ...rest } }: { text: string; answer: Answer }) => ({ text, tokens, ...rest });

function encoded(tool: object): number {
  const { id } = engine.addTool(JSON.stringify(tool), { allowUnenforced: true });
  engine.beginTool(id);
  while (!engine.advanceTool(id));
  return id;
}

/** Through bytes, as from the store of a browser. */
function restored(id: number): void {
  const bytes = engine.saveTool(id)!;
  engine.forgetTool(id);
  assert.equal(engine.toolBytes(id), 0);
  assert.ok(engine.restoreTool(id, bytes));
}

test('stored tools, drafts and few logits give the tokens of the plain way, over the dev set', (t) => {
  let plainPasses = 0, passes = 0;
  const groundings = ['free', 'strict'] as const;
  for (const { id, query, tools } of cases) {
    engine.setTools(JSON.stringify(tools), { allowUnenforced: true });
    const want = groundings.map((grounding) => answer(query, { grounding }, true));
    const ids = tools.map(encoded);
    restored(ids[0]!);
    engine.select(ids.toReversed());
    const got = groundings.map((grounding) => answer(query, { grounding }));
    assert.deepEqual(got.map(substance), want.map(substance), `${id}: ${query}`);
    plainPasses += want[0]!.answer.tokens.passes;
    passes += got[0]!.answer.tokens.passes;
    ids.forEach((tool) => engine.dropTool(tool));
  }
  t.diagnostic(`${passes} passes instead of ${plainPasses}`);
  assert.ok(passes < plainPasses / 2);
});

test('the order of the tools changes no answer, over the dev set', () => {
  let state = 11;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const shuffled = (ids: number[]) => ids.map((tool) => ({ tool, key: random(1 << 30) })).sort((a, b) => a.key - b.key).map(({ tool }) => tool);
  for (const { id, query, tools } of cases) {
    const ids = tools.map(encoded);
    const answers = [ids, ...Array.from({ length: 5 }, () => shuffled(ids))].map((order) => {
      engine.select(order);
      return substance(answer(query, {}));
    });
    for (const other of answers.slice(1)) assert.deepEqual(other, answers[0], `${id}: ${query}`);
    ids.forEach((tool) => engine.dropTool(tool));
  }
});

test('random queries, and those that repeat themselves, give the tokens of the plain way', () => {
  const words = [...new Set(cases.flatMap(({ query }) => query.split(' ')))];
  let state = 7;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const tools = [
    { name: 'send_message', parameters: { type: 'object', properties: { to: { type: 'string' }, text: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } }, required: ['to', 'text'] } },
    { name: 'note', parameters: { type: 'object', properties: { text: { type: 'string', pattern: '^[A-Z].*$' }, at: { type: 'number' } }, required: ['text'] } }];
  const ids = tools.map(encoded);
  for (let i = 0; i < 60; ++i) {
    const some = Array.from({ length: 1 + random(12) }, () => words[random(words.length)]!).join(' ');
    const query = [`tell ${some} that ${some}`, some, `note ${some}, ${some}`, `${some} ${some} ${some}`][i % 4]!;
    for (const grounding of ['free', 'strict'] as const) {
      engine.select(ids);
      assert.deepEqual(substance(answer(query, { grounding, toolChoice: 'required' })), substance(answer(query, { grounding, toolChoice: 'required' }, true)), query);
    }
  }
});

test('a session, and retrieval where all tools are shown, give the outcomes of a call over all tools, over the dev set', async (t) => {
  const thimble = await Thimble.load({ allowUnenforced: true });
  const facts = { now: 0, timeZone: 'UTC', locale: 'en' }, cut: string[] = [];
  for (const { id, query, tools } of cases) {
    const options = { tools, facts };
    const all = await thimble.call(query, { ...options, retrieval: false }), found = await thimble.call(query, options);
    const session = thimble.session({ ...options, retrieval: false });
    const cancelled = session.update(query.slice(0, query.length / 2 + 1));
    const typed = await session.update(query);
    assert.equal((await cancelled).type === 'none', true);
    const considered = 'stats' in found ? found.stats?.considered : undefined;
    if (considered) cut.push(id);
    for (const outcome of considered ? [typed] : [found, typed]) assert.deepEqual({ ...outcome, stats: null }, { ...all, stats: null }, `${id}: ${query}`);
  }
  thimble.dispose();
  t.diagnostic(`retrieval showed a part of the tools in ${cut.length} cases`);
  assert.ok(cut.length < cases.length / 10);
});
