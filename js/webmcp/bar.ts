// The command bar: a dialog in a shadow root that takes a request, asks before consequences, and says what was done. What
// comes from tools is only ever text.
import type { Call } from '../../web/protocol.ts';
import type { RunOutcome, RunResult } from '../run.ts';
import { resultText } from './page_tools.ts';
import { style } from './style.ts';

export interface BarOptions {
  /** Where the bar's element goes. */
  root: Node;
  /** What the dialog is called, e.g. "Ask this page". */
  label: string;
  /** Readable names of what can be done. */
  actions(): readonly string[];
  /** A readable name for a tool. */
  titleOf(tool: string): string;
  /** Makes `run` ready; may be called again. `say` shows how far it is. */
  prepare(say: (text: string) => void): Promise<void>;
  run(query: string, options: { signal: AbortSignal; confirm: (call: Call) => Promise<boolean> }): Promise<RunOutcome>;
  onClose?(): void;
}

const shown = 12;

export class Bar {
  private readonly host = document.createElement('div');
  private readonly dialog = make('dialog');
  private readonly input = make('input', { name: 'query', placeholder: 'Say what to do', autocomplete: 'off', enterkeyhint: 'go', maxlength: '2000' });
  private readonly button = make('button', { class: 'main', type: 'submit' }, 'Do it');
  private readonly answer = make('div', { class: 'answer', role: 'status' });
  private readonly can = make('p', { class: 'can' });
  private readonly question = make('div', { class: 'question', role: 'group', 'aria-labelledby': 'question', hidden: '' });
  private running = new AbortController();
  private decide: ((yes: boolean) => void) | undefined;

  constructor(private readonly options: BarOptions) {
    const shadow = this.host.attachShadow({ mode: 'open' }), sheet = new CSSStyleSheet(), form = make('form');
    sheet.replaceSync(style);
    shadow.adoptedStyleSheets = [sheet];
    this.dialog.setAttribute('aria-label', options.label);
    this.input.setAttribute('aria-label', options.label);
    form.append(this.input, this.button);
    form.addEventListener('submit', (event) => { event.preventDefault(); void this.submit(); });
    this.dialog.append(form, this.question, this.answer, this.can);
    this.dialog.addEventListener('close', () => this.stop());
    this.dialog.addEventListener('click', (event) => { if (event.target === this.dialog) this.close(); });  // the backdrop
    // The page's own shortcuts are not for what is typed here.
    for (const type of ['keydown', 'keyup', 'keypress'] as const) this.host.addEventListener(type, (event) => event.stopPropagation());
    shadow.append(this.dialog);
    options.root.appendChild(this.host);
  }

  get isOpen(): boolean { return this.dialog.open; }

  open(): void {
    if (this.isOpen) return;
    this.dialog.showModal();
    this.input.select();
    void this.prepare();
  }

  close(): void { this.dialog.close(); }

  remove(): void {
    this.stop();
    this.host.remove();
  }

  /** Shows what can be done now. */
  refresh(): void {
    const actions = this.options.actions();
    this.can.textContent = actions.length > 0 ? `You can: ${actions.slice(0, shown).join(' · ')}${actions.length > shown ? ` and ${actions.length - shown} more` : ''}` : 'Nothing can be done here yet.';
  }

  private async prepare(): Promise<boolean> {
    try {
      await this.options.prepare((text) => this.say(make('p', { class: 'soft' }, text)));
      if (this.answer.querySelector('.soft')) this.say();
      this.refresh();
      return true;
    } catch (error) {
      this.say(make('p', { class: 'bad' }, messageOf(error)));
      return false;
    }
  }

  private async submit(): Promise<void> {
    const query = this.input.value.trim();
    if (query === '') return;
    this.stop();
    const { signal } = this.running = new AbortController();
    const think = () => this.say(make('p', { class: 'soft' }, 'Thinking…'));
    think();
    if (!(await this.prepare()) || signal.aborted) return;
    think();
    let lines: HTMLElement[];
    try {
      lines = this.lines(await this.options.run(query, { signal, confirm: (call) => this.confirm(call) }));
    } catch (error) {
      lines = [make('p', { class: 'bad' }, messageOf(error))];
    }
    if (signal.aborted) return;
    this.say(...lines);
    this.refresh();
    this.input.select();
  }

  private lines(outcome: RunOutcome): HTMLElement[] {
    if (outcome.type === 'none') return [make('p', {}, outcome.message)];
    return outcome.results.map((result) => make('p', { class: result.status === 'failed' ? 'bad' : '' }, make('b', {}, this.textOf(result.call)), ` ${became(result)}`));
  }

  private confirm(call: Call): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (yes: boolean) => { this.decide = undefined; this.question.hidden = true; this.input.focus(); resolve(yes); };
      this.decide = end;
      const yes = make('button', { class: 'main', type: 'button' }, 'Yes, do it'), no = make('button', { type: 'button' }, 'No');
      yes.addEventListener('click', () => end(true));
      no.addEventListener('click', () => end(false));
      this.question.replaceChildren(make('p', { id: 'question' }, 'Really do this? ', make('b', {}, this.textOf(call))), yes, no);
      this.say();
      this.question.hidden = false;
      no.focus();  // Enter, pressed twice, must not be a yes
    });
  }

  private textOf({ tool, arguments: values }: Call): string {
    const given = Object.entries(values).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
    return this.options.titleOf(tool) + (given.length > 0 ? ` (${given.join(', ')})` : '');
  }

  private say(...lines: HTMLElement[]): void { this.answer.replaceChildren(...lines); }

  private stop(): void {
    this.running.abort();
    this.decide?.(false);
    if (!this.isOpen) this.options.onClose?.();
  }
}

function became(result: RunResult): string {
  if (result.status === 'done') return resultText(result.value).slice(0, 500) || 'is done.';
  if (result.status === 'failed') return `failed: ${messageOf(result.error)}`;
  return 'was not done.';
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function make<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string> = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
