// The demo's worker: loads a model, answers requests.
import factory from '../dist/thimble.mjs';
import { Engine } from '../web/engine.ts';

export type Request = { kind: 'load'; model: string | Blob } | { kind: 'run'; tools: string; query: string };
export type Reply =
  | { kind: 'progress'; done: number }
  | { kind: 'loaded'; text: string }
  | { kind: 'answer'; text: string; toolsMs: number; answerMs: number }
  | { kind: 'error'; during: Request['kind']; text: string };

const reply = (message: Reply) => postMessage(message);

let engine: Engine | undefined;

async function open(model: string | Blob): Promise<ReadableStream<Uint8Array>> {
  if (typeof model !== 'string') return model.stream();
  const response = await fetch(model);
  if (!response.ok || !response.body) throw new Error(`The model could not be fetched (HTTP ${response.status}); reload the page.`);
  return response.body;
}

async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

async function load(model: string | Blob): Promise<void> {
  const start = performance.now();
  engine?.dispose();
  engine = undefined;
  reply({ kind: 'progress', done: 0 });
  const stream = await open(model);
  engine = await Engine.load(await factory(), chunks(stream), {}, (loaded, total) => {
    if (total > 0) reply({ kind: 'progress', done: loaded / total });
  });
  const { total } = engine.memory();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  reply({ kind: 'loaded', text: `Ready in ${seconds} s, ${engine.kernels} kernels, ${(total / 2 ** 20).toFixed(0)} MiB.` });
}

function run(tools: string, query: string): void {
  if (!engine) throw new Error('Load a model first.');
  const start = performance.now();
  engine.setTools(tools);
  const toolsDone = performance.now();
  engine.begin(query);
  while (!engine.advance());
  reply({ kind: 'answer', text: engine.text(), toolsMs: toolsDone - start, answerMs: performance.now() - toolsDone });
}

onmessage = async ({ data }: MessageEvent<Request>) => {
  try {
    if (data.kind === 'load') await load(data.model);
    else run(data.tools, data.query);
  } catch (error) {
    reply({ kind: 'error', during: data.kind, text: (error as Error).message });
  }
};
