// A page of text.
import { html } from 'lit-html';
import { choice, defineScene, integer, object, text } from './scene.ts';

interface State { paragraphs: string[]; bold: Set<number>; align: string; size: number; font: string; highlighted?: string }

const start = ['The tailor of Aldgate', 'Every morning he threaded the same needle with the same silk.', 'He said little, and what he said was measured.',
  'On Fridays the apprentice swept the shop and was paid in buttons.'];

export const editor = defineScene<State>({
  id: 'editor',
  title: 'Editor',
  blurb: 'A short text. Paragraph 1 is the title.',
  tools: [
    { name: 'bold_paragraph', description: 'Make a paragraph bold', inputSchema: object({ paragraph: integer(1, 50, 'Number, from 1') }, ['paragraph']) },
    { name: 'align_text', description: 'Align the text', inputSchema: object({ alignment: choice(['left', 'center', 'right', 'justify']) }, ['alignment']) },
    { name: 'set_font', description: 'Change the typeface', inputSchema: object({ font: choice(['serif', 'sans', 'mono']) }, ['font']) },
    { name: 'set_font_size', description: 'Change the size of the text in points', inputSchema: object({ points: integer(8, 40) }, ['points']) },
    { name: 'replace_text', description: 'Replace a word or phrase everywhere', inputSchema: object({ find: text('What is there'), replace: text('What comes instead') }, ['find', 'replace']) },
    { name: 'append_paragraph', description: 'Add a paragraph at the end', inputSchema: object({ text: text('The paragraph, word for word') }, ['text']) },
    { name: 'highlight', description: 'Mark a word or phrase in yellow', inputSchema: object({ phrase: text('What to mark') }, ['phrase']) },
    { name: 'delete_paragraph', description: 'Delete a paragraph', annotations: { destructiveHint: true },
      inputSchema: object({ paragraph: integer(1, 50, 'Number, from 1') }, ['paragraph']) },
  ],
  examples: ['make paragraph 2 bold', 'center the text', 'replace silk with linen', 'use a monospaced font', 'highlight buttons',
    'add a paragraph saying "Nobody knew his name."', 'translate this into French'],
  initial: () => ({ paragraphs: [...start], bold: new Set([0]), align: 'left', size: 14, font: 'serif' }),
  act(state, tool, args) {
    const at = (args['paragraph'] as number) - 1;
    if ('paragraph' in args && !(at in state.paragraphs)) throw new Error(`There is no paragraph ${args['paragraph']}.`);
    switch (tool) {
      case 'bold_paragraph':
        state.bold.add(at);
        return `Paragraph ${at + 1} is bold.`;
      case 'align_text':
        state.align = args['alignment'] as string;
        return `Aligned: ${state.align}.`;
      case 'set_font':
        state.font = args['font'] as string;
        return `Typeface: ${state.font}.`;
      case 'set_font_size':
        state.size = args['points'] as number;
        return `${state.size} points.`;
      case 'replace_text': {
        const { find, replace } = args as { find: string; replace: string };
        state.paragraphs = state.paragraphs.map((p) => p.replaceAll(find, replace));
        return `“${find}” is “${replace}” now.`;
      }
      case 'append_paragraph':
        state.paragraphs.push(args['text'] as string);
        return 'A paragraph is added.';
      case 'highlight':
        state.highlighted = args['phrase'] as string;
        return `“${state.highlighted}” is marked.`;
      case 'delete_paragraph':
        state.paragraphs.splice(at, 1);
        state.bold = new Set([...state.bold].filter((i) => i !== at).map((i) => (i > at ? i - 1 : i)));
        return `Paragraph ${at + 1} is gone.`;
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: (state) => {
    const marked = (p: string) => {
      if (!state.highlighted || !p.includes(state.highlighted)) return p;
      return p.split(state.highlighted).map((part, i) => (i === 0 ? part : html`<mark>${state.highlighted}</mark>${part}`));
    };
    const fonts: Record<string, string> = { serif: 'Georgia, serif', sans: 'system-ui, sans-serif', mono: 'ui-monospace, monospace' };
    return html`<article class="sheet" style="text-align:${state.align};font-family:${fonts[state.font]};font-size:${state.size}pt">
      ${state.paragraphs.map((p, i) => html`<p class=${state.bold.has(i) ? 'bold' : ''}>${marked(p)}</p>`)}</article>`;
  },
});
