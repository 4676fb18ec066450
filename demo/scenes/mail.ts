// An inbox.
import { html } from 'lit-html';
import { choice, defineScene, object, text } from './scene.ts';

interface Message { from: string; subject: string; folder: string; unread: boolean; starred: boolean }
interface State { messages: Message[]; folder: string; query: string; draft?: { to: string; subject: string; body: string } }

const folders = ['inbox', 'archive', 'spam', 'trash'] as const;
const inbox: [string, string][] = [
  ['Mina Okafor', 'Slides for Thursday'], ['Northwind Energy', 'Your bill for October'], ['Jonas', 'Climbing on Sunday?'],
  ['Lotto Winner Desk', 'You have won!!!'], ['Priya Raman', 'Contract, second draft'], ['Book club', 'We read “Middlemarch” next'],
];

const matches = (message: Message, query: string) => `${message.from} ${message.subject}`.toLowerCase().includes(query.toLowerCase());

function find(state: State, which: string): Message {
  const found = state.messages.find((m) => matches(m, which)) ??
    state.messages.find((m) => which.toLowerCase().split(/\W+/).some((word) => word.length > 3 && matches(m, word)));
  if (!found) throw new Error(`There is no message that “${which}” could mean.`);
  return found;
}

export const mail = defineScene<State>({
  id: 'mail',
  title: 'Mail',
  blurb: 'Six messages. Say whose or what about, and what to do with it.',
  tools: [
    { name: 'open_folder', description: 'Show a folder', inputSchema: object({ folder: choice(folders) }, ['folder']) },
    { name: 'search_mail', description: 'Show only messages that contain some words', inputSchema: object({ query: text('Words to look for') }, ['query']) },
    { name: 'move_message', description: 'Move a message to another folder',
      inputSchema: object({ message: text('Sender or subject of the message'), folder: choice(folders) }, ['message', 'folder']) },
    { name: 'star_message', description: 'Mark a message as important', inputSchema: object({ message: text('Sender or subject of the message') }, ['message']) },
    { name: 'mark_all_read', description: 'Mark every message as read', inputSchema: object({}) },
    { name: 'compose', description: 'Begin a new message',
      inputSchema: object({ to: text('Who gets it'), subject: text('Subject line'), body: text('What to write') }, ['to']) },
    { name: 'empty_trash', description: 'Delete for good what is in the trash', annotations: { destructiveHint: true }, inputSchema: object({}) },
  ],
  examples: ['mark Priya Raman as important', 'move the lotto mail to spam', 'find messages about climbing', 'mark everything as read',
    'write to Jonas saying I am in for Sunday', 'show me the archive', 'remind me to buy milk'],
  initial: () => ({
    messages: inbox.map(([from, subject], i) => ({ from, subject, folder: 'inbox', unread: i < 4, starred: false })), folder: 'inbox', query: '',
  }),
  act(state, tool, args) {
    const which = args['message'] as string;
    switch (tool) {
      case 'open_folder':
        state.folder = args['folder'] as string;
        state.query = '';
        return `Folder ${state.folder}.`;
      case 'search_mail':
        state.query = args['query'] as string;
        return `Messages with “${state.query}”.`;
      case 'move_message': {
        const found = find(state, which);
        found.folder = args['folder'] as string;
        return `“${found.subject}” is in ${found.folder}.`;
      }
      case 'star_message': {
        const found = find(state, which);
        found.starred = true;
        return `“${found.subject}” has a star.`;
      }
      case 'mark_all_read':
        for (const message of state.messages) message.unread = false;
        return 'Everything is read.';
      case 'compose':
        state.draft = { to: '', subject: '', body: '', ...args };
        return `A message to ${state.draft.to}.`;
      case 'empty_trash':
        state.messages = state.messages.filter((m) => m.folder !== 'trash');
        return 'The trash is empty.';
      default:
        throw new Error(`no tool ${tool}`);
    }
  },
  view: (state) => {
    const shown = state.messages.filter((m) => (state.query ? matches(m, state.query) : m.folder === state.folder));
    return html`
      <p class="soft">${state.query ? `Search: ${state.query}` : state.folder}, ${shown.length} messages</p>
      <ul class="messages">
        ${shown.map((m) => html`<li class=${m.unread ? 'unread' : ''}><span>${m.starred ? '★' : '☆'}</span><b>${m.from}</b><span>${m.subject}</span></li>`)}
      </ul>
      ${state.draft ? html`<dl class="draft"><dt>To</dt><dd>${state.draft.to}</dd><dt>Subject</dt><dd>${state.draft.subject}</dd>
        <dt>Text</dt><dd>${state.draft.body}</dd></dl>` : ''}`;
  },
});
