// Reads an answer while it is being written (answer_text in src/prompt/FORMAT.md): what is complete in it, as events.
import type { TextFormat } from './engine.ts';
import type { AnswerEvent } from './protocol.ts';

/** A value as the page gets it: every string in it without the space that starts it (format thimble). */
export function strip(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^ /, '');
  if (Array.isArray(value)) return value.map(strip);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strip(inner)]));
}

// Depth of the brackets around a call's members and around its arguments: [ { ... { ... } } ]
const callDepth = 2, argumentsDepth = 3;

export class PartialAnswer {
  private text = '';
  private at = 0;
  private depth = 0;
  private inString = false;
  private start = 0;  // of the member being read
  private index = -1;
  private tool = '';

  /** `nameOf`: Engine.toolName. */
  constructor(
    private readonly onEvent: (event: AnswerEvent) => void,
    private readonly format: TextFormat = 'thimble',
    private readonly nameOf = (written: string) => written,
  ) {}

  /** `text`: the answer so far; it only grows. */
  read(text: string): void {
    for (this.text = text; this.at < text.length; ++this.at) this.step(text[this.at]!);
  }

  private step(character: string): void {
    if (this.inString) {
      if (character === '\\') ++this.at;  // an escape may be cut in two by the end of the text: then its rest is skipped
      else if (character === '"') this.inString = false;
      return;
    }
    if (character === '"') this.inString = true;
    else if (character === ',') this.endMember();
    else if (character === '{' || character === '[') this.open();
    else if (character === '}' || character === ']') this.close();
  }

  private open(): void {
    if (++this.depth > argumentsDepth) return;
    if (this.depth === callDepth) ++this.index;
    this.start = this.at + 1;
  }

  private close(): void {
    this.endMember();
    --this.depth;
  }

  private endMember(): void {
    if (this.depth !== callDepth && this.depth !== argumentsDepth) return;
    const member = this.text.slice(this.start, this.at);
    this.start = this.at + 1;
    if (member === '') return;  // after the arguments, or none
    const [[name, value]] = Object.entries(JSON.parse(`{${member}}`)) as [[string, unknown]];
    const { index } = this;
    if (this.depth === argumentsDepth) this.onEvent({ type: 'argument', index, tool: this.tool, name, value: this.format === 'thimble' ? strip(value) : value });
    else if (name === 'name') this.onEvent({ type: 'tool', index, tool: this.tool = this.nameOf(value as string) });
  }
}
