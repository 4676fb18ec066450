// The parts of an answer, and the peer's way, on the engine itself, in a worker of npm run bench:calls.
import factory from '../../dist/thimble.mjs';
import { Engine, type KernelSet } from '../../web/engine.ts';

export interface PartsJob { kernels: KernelSet; cases: { query: string; tools: object[] }[] }
/** Milliseconds. `mask`: masks and choices. `peer`: the whole call with every tool encoded anew; null where they do not fit. */
export interface Parts { tokenize: number; encode: number; decode: number; mask: number; answer: number; peer: number | null }

const best = (times: number, work: () => void): number => Math.min(...Array.from({ length: times }, () => {
  const start = performance.now();
  work();
  return performance.now() - start;
}));

function answer(engine: Engine, query: string): void {
  engine.begin(query);
  while (!engine.advance());
}

function parts(engine: Engine, { query, tools }: PartsJob['cases'][number]): Parts {
  const ids = tools.map((tool) => engine.addTool(JSON.stringify(tool), { allowUnenforced: true }).id);
  for (const id of ids) for (engine.beginTool(id); !engine.advanceTool(id););
  engine.select(ids);
  answer(engine, query);
  const text = engine.text(), { passes } = engine.answer().tokens;
  const whole = best(3, () => answer(engine, query));
  const tokenize = best(3, () => engine.tokenize(query));
  const encode = best(3, () => engine.encode(query)) - tokenize;
  const written = engine.tokenize(text), each = Math.ceil(written.length / passes);
  const encodeAndDecode = best(3, () => {
    engine.encode(query);
    for (let at = 0; at < written.length; at += each) engine.step(written.slice(at, at + each));
  });
  const decode = encodeAndDecode - encode - tokenize;
  for (const id of ids) engine.dropTool(id);
  const list = JSON.stringify(tools);
  let peer: number | null = null;
  try {
    peer = best(1, () => {
      engine.setTools('[]');
      engine.setTools(list, { allowUnenforced: true });
      engine.begin(query, {}, true);
      while (!engine.advance());
    });
  } catch { /* more tools than fit at once */ }
  engine.setTools('[]');
  return { tokenize, encode, decode, mask: Math.max(0, whole - tokenize - encode - decode), answer: whole, peer };
}

onmessage = async ({ data: { kernels, cases } }: MessageEvent<PartsJob>) => {
  try {
    const module = await factory({ locateFile: () => '/web/thimble.wasm' });
    const engine = await Engine.load(module, [new Uint8Array(await (await fetch('/model/thimble.san')).arrayBuffer())], { kernels });
    postMessage({ parts: cases.map((one) => parts(engine, one)) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
