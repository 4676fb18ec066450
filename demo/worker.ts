// The demo's worker: loads a model, answers requests.
import factory from '../dist/thimble.mjs';
import { Engine } from '../web/engine.ts';

export type Request = { kind: 'load'; model: Blob } | { kind: 'run'; tools: string; query: string };
export type Reply =
  | { kind: 'progress'; text: string }
  | { kind: 'loaded'; text: string }
  | { kind: 'answer'; text: string; toolsMs: number; answerMs: number }
  | { kind: 'error'; during: Request['kind']; text: string };

const maxAnswerTokens = 256;
const reply = (message: Reply) => postMessage(message);
const percent = (done: number, total: number) => `${Math.round((100 * done) / total)} %`;

let engine: Engine | undefined;

async function* chunks(file: Blob): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

async function load(model: Blob): Promise<void> {
  const start = performance.now();
  engine?.dispose();
  engine = undefined;
  engine = await Engine.load(await factory(), chunks(model), {}, (done, total) =>
    reply({ kind: 'progress', text: `Loading: ${percent(done, total)}` }));
  const { total } = engine.memory();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  reply({ kind: 'loaded', text: `Ready in ${seconds} s, ${engine.kernels} kernels, ${(total / 2 ** 20).toFixed(0)} MiB.` });
}

function run(tools: string, query: string): void {
  if (!engine) throw new Error('Load a model first.');
  const start = performance.now();
  engine.setTools(tools);
  const toolsDone = performance.now();
  const text = engine.generate(query, maxAnswerTokens);
  reply({ kind: 'answer', text, toolsMs: toolsDone - start, answerMs: performance.now() - toolsDone });
}

onmessage = async ({ data }: MessageEvent<Request>) => {
  try {
    if (data.kind === 'load') await load(data.model);
    else run(data.tools, data.query);
  } catch (error) {
    reply({ kind: 'error', during: data.kind, text: (error as Error).message });
  }
};
