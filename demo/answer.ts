// An answer of the model as a visitor reads it: one call a line, without the extra space that starts every string
// value (src/prompt/FORMAT.md).

type Calls = { name: string; arguments: Record<string, unknown> }[];

/** A value as the page gets it: every string in it without its extra space. */
export function strip(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^ /, '');
  if (Array.isArray(value)) return value.map(strip);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, strip(inner)]));
}

function callText({ name, arguments: values }: Calls[number]): string {
  const text = Object.entries(values).map(([key, value]) => `${key}: ${value === null ? '?' : JSON.stringify(strip(value))}`);
  return `${name}(${text.join(', ')})`;
}

/** The calls as text; the answer itself where it is no list of calls. `?` is a value that the request did not give. */
export function readable(answer: string): string {
  try {
    const calls = JSON.parse(answer.replace(/^<tool_call>/, '')) as Calls;
    return calls.length === 0 ? 'No tool fits this request.' : calls.map(callText).join('\n');
  } catch {
    return answer === '' ? 'The model wrote nothing.' : answer;
  }
}
