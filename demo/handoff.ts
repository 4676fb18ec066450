// An example of hand-off: what a page's own cloud model would be asked when Thimble finds no call or is not sure. The endpoint
// here is mocked: a function of this page that waits as a network does and finds nothing to call.
import { html, nothing, type TemplateResult } from 'lit-html';
import type { HandoffContext } from '../js/index.ts';

export interface Handoff { on: boolean; asking: boolean; sent?: string }

/** The body of a request as most cloud models take it. */
const bodyOf = ({ query, tools, outcome }: HandoffContext) => JSON.stringify({
  messages: [{ role: 'user', content: query }],
  tools: tools.map(({ name, description, parameters }) => ({ type: 'function', function: { name, description, parameters } })),
  metadata: { thimble: outcome.type === 'call' ? 'not sure' : outcome.reason },
}, null, 2);

async function mockedEndpoint(_body: string, signal: AbortSignal): Promise<{ tool_calls: { name: string; arguments: Record<string, unknown> }[] }> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, 500);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  return { tool_calls: [] };
}

/** `onHandoff` of the playground. */
export async function handOff(state: Handoff, context: HandoffContext, draw: () => void) {
  if (!state.on) return undefined;
  state.asking = true;
  state.sent = bodyOf(context);
  draw();
  const { tool_calls: calls } = await mockedEndpoint(state.sent, context.signal);
  state.asking = false;
  return calls.length === 0 ? undefined : calls.map(({ name, arguments: values }) => ({ tool: name, arguments: values }));
}

export function handoffView(state: Handoff, draw: () => void): TemplateResult {
  const toggle = (event: Event) => { state.on = (event.target as HTMLInputElement).checked; draw(); };
  return html`
    <label class="row"><input type="checkbox" .checked=${state.on} @change=${toggle}> When no tool fits, or the model is less than 60 % sure, ask a larger one</label>
    <p class="soft">Off unless a page turns it on: it is the one way in which words can leave the tab. The larger model of this example is a function
      in this page that waits half a second and finds nothing; no request is made. What yours would be sent:</p>
    <pre tabindex="0"><code>${state.sent ?? 'Turn it on, and ask for something that no tool here can do.'}</code></pre>
    ${state.asking ? html`<p role="status">Asking…</p>` : nothing}`;
}
