/// <reference types="vite/client" />
// The playground: scenes whose tools a request in words drives. Uses the package as a stranger would.
import { html, nothing, render } from 'lit-html';
import { Thimble, ThimbleError, type AnyTool, type Call, type LoadOptions, type Outcome, type Progress } from '../js/index.ts';
import { evaluate, evaluationView, type Evaluation } from './evaluate.ts';
import { handOff, handoffView, type Handoff } from './handoff.ts';
import { createPacker } from './packer.ts';
import { scenes } from './scenes/index.ts';
import type { Scene } from './scenes/scene.ts';
import { decodeSetup, encodeSetup, type Setup } from './share.ts';
import { canListen, listen } from './speech.ts';
import { traceView, type Trace } from './trace.ts';

const panels = ['tools', 'evaluate', 'model', 'handoff', 'code'] as const;
type Panel = (typeof panels)[number];
const panelTitles: Record<Panel, string> = { tools: 'Tools', evaluate: 'Evaluate', model: 'Model', handoff: 'Hand-off', code: 'Your page' };

const app = document.getElementById('app')!, status = document.getElementById('status')!;
const states = new Map<string, unknown>(scenes.map((scene) => [scene.id, scene.initial()]));
const own = new Map<string, string>();  // JSON of the tools that a visitor has edited, by scene

let scene: Scene = scenes[0]!;
let thimble: Thimble | undefined;
let query = '', said = '', saidBad = false, busy = false, listening: (() => void) | undefined;
let trace: Trace | undefined;
let panel: Panel = 'tools', toolsError = '', shared = '';
let question: { call: Call; answer: (yes: boolean) => void } | undefined;
let evaluation: Evaluation | undefined, evaluationStop: AbortController | undefined;
let running = new AbortController();

const handoff: Handoff = { on: false, asking: false };
const packer = createPacker((file) => void load({ model: new Blob([file as BlobPart]) }));
const toolsOf = ({ id, tools }: Scene) => own.get(id) ?? JSON.stringify(tools, null, 2);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

status.replaceChildren();  // from here on this file draws it

// ---- the model

function showProgress({ phase, loaded, total }: Progress): void {
  render(html`<span>${phase === 'download' ? 'Downloading the model' : 'Loading the model'}: ${(loaded / 1e6).toFixed(1)}${total ? ` of ${(total / 1e6).toFixed(1)}` : ''} MB</span>
    <progress max="1" value=${total ? loaded / total : 0} aria-label="Loading the model"></progress>`, status);
}

async function load(options: LoadOptions = {}): Promise<void> {
  const previous = thimble;
  thimble = undefined;
  previous?.dispose();
  status.className = 'status';
  draw();
  const start = performance.now();
  try {
    thimble = await Thimble.load({
      ...options, onProgress: showProgress, handoffBelow: 0.6, handoffReasons: ['irrelevant'], onHandoff: (context) => handOff(handoff, context, draw),
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1), { kernels, stored } = thimble.model;
    render(html`<span><i class="dot"></i>Ready in ${seconds} s, in this tab only</span><span>${kernels} kernels, ${stored ? 'works offline from now on' : 'not kept for later'}</span>`, status);
    await useTools();
  } catch (error) {
    status.className = 'status bad';
    render(html`<span>${messageOf(error)}</span>`, status);
  }
  draw();
}

/** Gives the tools of the scene, as they stand in the editor, to the model. */
async function useTools(): Promise<void> {
  const text = toolsOf(scene), current = scene;
  let error = '';
  try {
    forgetTools();
    await thimble?.registerTools(JSON.parse(text) as AnyTool[]);
  } catch (reason) {
    error = messageOf(reason);
  }
  if (current !== scene || text !== toolsOf(scene)) return;  // the tools have changed again
  toolsError = error;
  draw();
}

const forgetTools = () => thimble?.unregister(...thimble.tools.map(({ name }) => name));

function execute(target: Scene, tool: string, args: Record<string, unknown>): string {
  if (!target.tools.some(({ name }) => name === tool)) return `${tool} would be called; this scene has nothing for it to do.`;
  return target.act(states.get(target.id), tool, args);
}

function ask(call: Call): Promise<boolean> {
  return new Promise((resolve) => {
    question = { call, answer: (yes) => { question = undefined; resolve(yes); draw(); } };
    draw();
    document.querySelector<HTMLButtonElement>('.confirm button')?.focus();
  });
}

// ---- a request

async function submit(): Promise<void> {
  if (!thimble || query.trim() === '') return;
  running.abort();
  question?.answer(false);
  const { signal } = running = new AbortController();
  const start = performance.now();
  busy = true;
  trace = { query, calls: [] };
  said = '';
  const current = trace;
  draw();
  try {
    for await (const event of thimble.stream(query, { signal })) {
      if (event.type === 'tool') current.calls[event.index] = { tool: event.tool, arguments: {} };
      if (event.type === 'argument') current.calls[event.index]!.arguments[event.name] = event.value;
      if (event.type === 'done') {
        current.ms = performance.now() - start;
        current.outcome = event.outcome;
        current.calls = event.outcome.calls;
        await act(event.outcome, signal);
      }
      if (trace === current) draw();
    }
  } catch (error) {
    if (!signal.aborted) [said, saidBad] = [messageOf(error), true];
  }
  if (running.signal === signal) busy = false;
  draw();
}

/** Does what the calls say, one after the other, and no further than the first that fails or is declined. */
async function act(outcome: Outcome, signal: AbortSignal): Promise<void> {
  if (outcome.type === 'none') return;
  const sentences: string[] = [];
  saidBad = false;
  for (const call of outcome.calls) {
    const tool = thimble!.tools.find(({ name }) => name === call.tool);
    try {
      if (tool?.annotations?.destructiveHint && !(await ask(call))) {
        sentences.push(`${call.tool} was not done.`);
        break;
      }
      if (signal.aborted) return;
      sentences.push(execute(scene, call.tool, structuredClone(call.arguments)));
    } catch (error) {
      saidBad = true;
      sentences.push(messageOf(error));
      break;
    }
  }
  said = sentences.join(' ');
}

function choose(next: Scene, text = ''): void {
  running.abort();
  question?.answer(false);
  [scene, query, said, trace, busy] = [next, text, '', undefined, false];
  history.replaceState(null, '', location.pathname);
  void useTools();
  draw();
}

function example(text: string): void {
  query = text;
  draw();
  void submit();
}

function toggleListening(): void {
  if (listening) return listening();
  listening = listen((text, final) => {
    query = text;
    draw();
    if (final) void submit();
  }, () => { listening = undefined; draw(); });
  draw();
}

async function share(): Promise<void> {
  const setup: Setup = { scene: scene.id, ...(query && { query }), ...(own.has(scene.id) && { tools: JSON.parse(toolsOf(scene)) as unknown[] }) };
  history.replaceState(null, '', await encodeSetup(setup));
  await navigator.clipboard?.writeText(location.href).then(() => { shared = 'The link is on the clipboard.'; }, () => { shared = 'The link is in the address bar.'; });
  draw();
}

async function startEvaluation(file: File | undefined): Promise<void> {
  if (!file || !thimble) return;
  evaluationStop?.abort();
  evaluationStop = new AbortController();
  forgetTools();
  await evaluate(file, thimble, evaluationStop.signal, (now) => { evaluation = { ...now }; draw(); });
  await useTools();
}

function download(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// ---- what is seen

const fileOf = (event: Event) => (event.target as HTMLInputElement).files?.[0];

const toolsPanel = () => html`
  <div class="row"><label for="tools">What this page can do, as JSON. Change it and ask again.</label></div>
  <textarea id="tools" spellcheck="false" .value=${toolsOf(scene)} @input=${(event: Event) => { own.set(scene.id, (event.target as HTMLTextAreaElement).value); void useTools(); }}></textarea>
  <p role="status" class=${toolsError ? 'bad' : 'soft'}>${toolsError || 'The tools are valid: every call will fit its schema.'}</p>
  <div class="row"><button class="plain" @click=${() => { own.delete(scene.id); void useTools(); }} ?disabled=${!own.has(scene.id)}>Reset</button>
    <button class="plain" @click=${() => void share()}>Share this setup</button><span class="soft" role="status">${shared}</span></div>`;

const evaluatePanel = () => html`
  <p>Drop a JSONL file of cases, one object a line: <code>{"id", "suite", "query", "tools", "accept": [[{"name", "arguments"}]]}</code>. Nothing is uploaded.</p>
  <label class="drop" @dragover=${(event: DragEvent) => event.preventDefault()} @drop=${(event: DragEvent) => { event.preventDefault(); void startEvaluation(event.dataTransfer?.files[0]); }}>
    <input type="file" accept=".jsonl" @change=${(event: Event) => void startEvaluation(fileOf(event))}><strong>Drop or choose a file of cases</strong></label>
  ${evaluationView(evaluation, () => download('answers.jsonl', evaluation!.report!))}`;

const modelPanel = () => html`
  <p>${thimble ? html`${(thimble.model.metadata['name'] as string | undefined) ?? 'A model'}, ${thimble.model.kernels} kernels.` : 'No model is loaded.'}</p>
  <label class="drop" @dragover=${(event: DragEvent) => event.preventDefault()} @drop=${(event: DragEvent) => { event.preventDefault(); const file = event.dataTransfer?.files[0]; if (file) void load({ model: file }); }}>
    <input type="file" accept=".san" @change=${(event: Event) => { const file = fileOf(event); if (file) void load({ model: file }); }}><strong>Drop or choose a .san model</strong></label>
  <p>Or the checkpoint of a Needle v1 model and its tokenizer; the model file is made here:</p>
  ${packer}
  <div class="row"><button class="plain" @click=${() => void load()}>Back to the model of this page</button></div>`;

const code = `import { Thimble } from 'thimble';

const thimble = await Thimble.load();
thimble.registerTool({
  name: 'set_light',
  description: 'Set the brightness of one room',
  inputSchema: { type: 'object', required: ['room', 'level'], properties: {
    room: { type: 'string', enum: ['kitchen', 'bedroom'] },
    level: { type: 'integer', minimum: 0, maximum: 100 } } },
  execute: ({ room, level }) => lights.set(room, level),
});
await thimble.run('dim the bedroom to 20');`;

const panelViews: Record<Panel, () => unknown> = {
  tools: toolsPanel, evaluate: evaluatePanel, model: modelPanel, handoff: () => handoffView(handoff, draw),
  code: () => html`<p>The same in a page of yours:</p><pre tabindex="0"><code>${code}</code></pre>`,
};

/** Arrow keys move between tabs (ARIA Authoring Practices, tabs). */
function onTabKey(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const tabs = [...(event.currentTarget as HTMLElement).querySelectorAll('button')];
  if (!step) return;
  const next = tabs[(tabs.indexOf(event.target as HTMLButtonElement) + step + tabs.length) % tabs.length]!;
  next.focus();
  next.click();
}

const tab = (selected: boolean, title: string, controls: string, onClick: () => void) => html`
  <button role="tab" aria-selected=${selected} aria-controls=${controls} tabindex=${selected ? 0 : -1} @click=${onClick}>${title}</button>`;

const microphone = html`<svg viewBox="0 0 24 24" aria-hidden="true"><rect x="9" y="3" width="6" height="11" rx="3"></rect><path d="M5 11a7 7 0 0 0 14 0M12 18v3M9 21h6"></path></svg>`;

const confirmView = () => (question ? html`
  <div class="confirm" role="alertdialog" aria-label="Confirm"><span>Really do <b>${question.call.tool}</b>?</span>
    <button class="plain" @click=${() => question!.answer(true)}>Yes</button><button class="plain" @click=${() => question!.answer(false)}>No</button></div>` : nothing);

function draw(): void {
  render(html`
    <div class="tabs" role="tablist" aria-label="Scenes" @keydown=${onTabKey}>
      ${scenes.map((one) => tab(one === scene, one.title, 'stage', () => choose(one)))}
    </div>
    <main class="play">
      <section class="card" aria-label=${scene.title}>
        <p class="soft">${scene.blurb}</p>
        <form class="bar" @submit=${(event: Event) => { event.preventDefault(); void submit(); }}>
          <input aria-label="What do you want?" placeholder=${`Try “${scene.examples[0]}”`} autocomplete="off" enterkeyhint="go" .value=${query}
            @input=${(event: Event) => { query = (event.target as HTMLInputElement).value; }}>
          ${canListen ? html`<button type="button" class="mic ${listening ? 'on' : ''}" aria-label=${listening ? 'Stop listening' : 'Speak (your browser may use a server for this)'} @click=${toggleListening}>${microphone}</button>` : nothing}
          <button class="go" ?disabled=${!thimble}>Do it</button>
        </form>
        <div class="chips" role="group" aria-label="Examples">${scene.examples.map((text) => html`<button ?disabled=${!thimble} @click=${() => example(text)}>${text}</button>`)}</div>
        ${confirmView()}
        <div class="stage" id="stage" role="tabpanel" aria-label=${`The page: ${scene.title}`}>${scene.view(states.get(scene.id))}</div>
        <p class="said ${saidBad ? 'bad' : ''}" role="status">${said}</p>
      </section>
      <section class="card trace" aria-label="The call" aria-live="polite" aria-busy=${busy}>
        <h2>The call</h2>
        ${traceView(trace)}
      </section>
    </main>
    <section class="card panel" aria-label="More">
      <div class="tabs" role="tablist" aria-label="More" @keydown=${onTabKey}>${panels.map((one) => tab(one === panel, panelTitles[one], 'panel', () => { panel = one; draw(); }))}</div>
      <div id="panel" role="tabpanel" aria-label=${panelTitles[panel]} class="card" style="border:0;padding:0">${panelViews[panel]()}</div>
    </section>`, app);
}

async function start(): Promise<void> {
  const setup = await decodeSetup(location.hash);
  const found = scenes.find(({ id }) => id === setup?.scene);
  if (setup && found) {
    scene = found;
    if (setup.tools) own.set(found.id, JSON.stringify(setup.tools, null, 2));
    query = setup.query ?? '';
  }
  draw();
  await load();
  if (query) await submit();
}

if ('serviceWorker' in navigator && import.meta.env.PROD) void navigator.serviceWorker.register('./sw.js').catch(() => {});
void start();
