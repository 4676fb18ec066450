// npm run eval:retrieval [-- CASES.jsonl]: how often all tools that a query asks for are among the first 8 (and those that
// fit into the context) of 100 tools, for the contrastive head alone and together with the words (src/tools/tool_search.h).
// Cases: training/eval/unseen.jsonl, tools that no training card has. To the tools of a case come others of the file.
import { createReadStream, readFileSync } from 'node:fs';
import { rootDir } from '../tests/run/files.ts';
import { loadModule } from '../tests/run/module.ts';
import { Engine, EngineError } from '../web/engine.ts';

interface Case { query: string; tools: { name: string }[]; accept: { name: string }[][] }
interface Tool { id: number; name: string; vector: Float32Array }

const poolSize = 100, contextTokens = 1024, ranks = [1, 4, 8, 16];
const file = process.argv[2] ?? `${rootDir}/training/eval/unseen.jsonl`;
const cases = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Case);
const engine = await Engine.load(await loadModule(), createReadStream(`${rootDir}/model/thimble.san`));

const tools = new Map<string, Tool>();
for (const tool of cases.flatMap((one) => one.tools)) {
  const json = JSON.stringify(tool);
  if (tools.has(json)) continue;
  try {
    const { id } = engine.addTool(json, { allowUnenforced: true });
    engine.beginTool(id);
    while (!engine.advanceTool(id));
    tools.set(json, { id, name: tool.name, vector: engine.toolEmbedding(id) });
    engine.forgetTool(id);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    console.error(`left out: ${error.message}`);
  }
}
const all = [...tools.values()];

/** The case's own tools, then others of different names, the same in every run. */
function poolOf(one: Case, random: (below: number) => number): Tool[] {
  const pool = new Map<string, Tool>();
  for (const tool of one.tools) {
    const known = tools.get(JSON.stringify(tool));
    if (known) pool.set(known.name, known);
  }
  while (pool.size < poolSize) {
    const other = all[random(all.length)]!;
    if (!pool.has(other.name)) pool.set(other.name, other);
  }
  return [...pool.values()];
}

let state = 1;
const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const hits = { head: ranks.map(() => 0), both: ranks.map(() => 0) };
let asked = 0, inContext = 0, shown = 0;
for (const one of cases) {
  const wanted = new Set((one.accept[0] ?? []).map(({ name }) => name));
  const pool = poolOf(one, random), names = new Map(pool.map(({ id, name }) => [id, name]));
  if (wanted.size === 0 || ![...wanted].every((name) => pool.some((tool) => tool.name === name))) continue;
  ++asked;
  engine.beginSearch(one.query);
  while (!engine.advanceSearch());
  const query = engine.queryEmbedding();
  const head = pool.map((tool) => ({ name: tool.name, score: dot(query, tool.vector) })).sort((a, b) => b.score - a.score).map(({ name }) => name);
  const both = engine.found([...names.keys()], 2 ** 30).map((id) => names.get(id)!);
  const last = (order: string[]) => Math.max(...[...wanted].map((name) => order.indexOf(name)).map((at) => (at < 0 ? Infinity : at)));
  ranks.forEach((rank, i) => {
    if (last(head) < rank) ++hits.head[i]!;
    if (last(both) < rank) ++hits.both[i]!;
  });
  const context = engine.found([...names.keys()], contextTokens).length;
  shown += context;
  if (last(both) < context) ++inContext;
}
const percent = (count: number) => `${(100 * count / asked).toFixed(1)} %`;
console.log(`${asked} queries, ${poolSize} tools each, ${all.length} different ones; all tools asked for are among the first`);
for (const [name, counts] of Object.entries(hits)) console.log(`${name.padEnd(6)}${ranks.map((rank, i) => `${rank}: ${percent(counts[i]!)}`).join('   ')}`);
console.log(`both, in the ${contextTokens} tokens that are shown to the model (${(shown / asked).toFixed(1)} tools on average): ${percent(inContext)}`);
