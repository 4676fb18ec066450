/// <reference types="vite/client" />
// The page: hands model, tools and requests to the worker and shows what comes back.
import modelUrl from '../model/thimble.san?url';
import { readable } from './answer.ts';
import { exampleRequests, exampleTools } from './examples.ts';
import { createPacker } from './packer.ts';
import type { Reply, Request } from './worker.ts';

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = element('status'), progress = element<HTMLProgressElement>('progress');
const answer = element<HTMLOutputElement>('answer'), written = element('written'), times = element('times');
const form = element<HTMLFormElement>('form'), run = element<HTMLButtonElement>('run');
const tools = element<HTMLTextAreaElement>('tools'), query = element<HTMLInputElement>('query');

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (request: Request) => worker.postMessage(request);

function load(model: string | Blob): void {
  run.disabled = true;
  send({ kind: 'load', model });
}

function showAnswer(text: string, raw = '', took = ''): void {
  answer.textContent = text;
  written.textContent = raw === text ? '' : raw;
  times.textContent = took;
  run.disabled = false;
}

function showLoading(text: string, done?: number): void {
  status.textContent = text;
  progress.hidden = done === undefined;
  progress.value = done ?? 0;
}

worker.onmessage = ({ data }: MessageEvent<Reply>) => {
  switch (data.kind) {
    case 'progress': return showLoading('Loading the model…', data.done);
    case 'loaded':
      run.disabled = false;
      return showLoading(data.text);
    case 'answer':
      return showAnswer(readable(data.text), data.text, `tools ${data.toolsMs.toFixed(0)} ms, answer ${data.answerMs.toFixed(0)} ms`);
    case 'error': return data.during === 'load' ? showLoading(data.text) : showAnswer(data.text);
  }
};
worker.onerror = (event) => showLoading(`The worker failed: ${event.message}. Reload the page.`);

element<HTMLInputElement>('san').addEventListener('change', ({ target }) => {
  const file = (target as HTMLInputElement).files?.[0];
  if (file) load(file);
});
element('packer').replaceWith(createPacker((file) => load(new Blob([file as BlobPart]))));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (run.disabled) return;
  run.disabled = true;
  send({ kind: 'run', tools: tools.value, query: query.value });
});

function exampleButton(text: string): HTMLElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  button.addEventListener('click', () => {
    query.value = text;
    form.requestSubmit();
  });
  return button;
}

tools.value = JSON.stringify(exampleTools, null, 2);
query.value = exampleRequests[0]!;
element('examples').append(...exampleRequests.map(exampleButton));
load(modelUrl);
