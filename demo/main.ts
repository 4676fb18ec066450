// The page: hands files, tools and requests to the worker and shows what comes back.
import { createPacker } from './packer.ts';
import type { Reply, Request } from './worker.ts';

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = element('status'), answer = element<HTMLOutputElement>('answer'), times = element('times');
const run = element<HTMLButtonElement>('run'), tools = element<HTMLTextAreaElement>('tools');

tools.value = JSON.stringify([{
  name: 'set_light', description: 'Set the brightness of one room',
  parameters: { room: { type: 'string', description: 'Which room' }, level: { type: 'integer', description: '0 to 100' } },
}], null, 2);

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (request: Request) => worker.postMessage(request);

worker.onmessage = ({ data }: MessageEvent<Reply>) => {
  if (data.kind === 'progress' || data.kind === 'loaded') {
    status.textContent = data.text;
    run.disabled = data.kind === 'progress';
  } else if (data.kind === 'answer') {
    answer.textContent = data.text === '' ? '(the model wrote nothing)' : data.text;
    times.textContent = `tools ${data.toolsMs.toFixed(1)} ms, answer ${data.answerMs.toFixed(1)} ms`;
    run.disabled = false;
  } else if (data.kind === 'error') {
    (data.during === 'load' ? status : answer).textContent = data.text;
    run.disabled = data.during === 'load';
  }
};
worker.onerror = (event) => { status.textContent = `The worker failed: ${event.message}. Reload the page.`; };

function load(model: Blob): void {
  run.disabled = true;
  send({ kind: 'load', model });
}

const san = element<HTMLInputElement>('san');
san.addEventListener('change', () => { if (san.files?.[0]) load(san.files[0]); });
element('packer').replaceWith(createPacker((file) => load(new Blob([file as BlobPart]))));

element<HTMLFormElement>('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (run.disabled) return;
  run.disabled = true;
  send({ kind: 'run', tools: tools.value, query: element<HTMLInputElement>('query').value });
});
