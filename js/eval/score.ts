// Scores answers against labelled cases: the rules of ../shared/eval/score.py (its README says how the labels are meant),
// for the demo and for `thimble eval`. tests/js/score.test.ts holds both against each other.

export interface EvalCall { name: string; arguments: Record<string, unknown> }

/** One line of a cases file. In `accept` a value may be {"$any": [...]} or {"$opt": [...]}. */
export interface EvalCase {
  id: string;
  suite?: string;
  query: string;
  tools: unknown;
  accept: EvalCall[][];
  /** `exact`: texts must be equal letter for letter. */
  tags?: string[];
}

type Schema = { type?: unknown; enum?: unknown[]; items?: unknown; properties?: Record<string, unknown>; anyOf?: unknown[]; oneOf?: unknown[] };
type Properties = Record<string, unknown>;

const aliases: Record<string, string> = {
  dict: 'object', hashmap: 'object', map: 'object', float: 'number', double: 'number', num: 'number', int: 'integer', long: 'integer', short: 'integer',
  byte: 'integer', bool: 'boolean', str: 'string', char: 'string', list: 'array', tuple: 'array', arraylist: 'array', none: 'null',
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The JSON types that a schema allows; empty means anything. */
function typesOf(schema: unknown): Set<string> {
  if (!isObject(schema)) return new Set();
  const { type } = schema;
  if (type === undefined) {
    if ('enum' in schema) return new Set();
    const alternatives = schema['anyOf'] ?? schema['oneOf'];
    const types = (Array.isArray(alternatives) ? alternatives : []).map(typesOf);
    return types.some((t) => t.size === 0) ? new Set() : new Set(types.flatMap((t) => [...t]));
  }
  const names = (Array.isArray(type) ? type : [type]).map((t) => String(t).toLowerCase()).map((t) => aliases[t] ?? t);
  return names.includes('any') ? new Set() : new Set(names);
}

function propertiesOf(tool: Record<string, unknown>): [name: string, properties: Properties] {
  const inner = isObject(tool['function']) ? tool['function'] : tool;
  const parameters = (inner['parameters'] ?? inner['inputSchema'] ?? inner['input_schema'] ?? {}) as Record<string, unknown>;
  const { properties } = parameters;
  if (isObject(properties)) return [inner['name'] as string, properties];
  if (typeof parameters['type'] === 'string' && typesOf(parameters).has('object')) return [inner['name'] as string, {}];
  return [inner['name'] as string, Object.fromEntries(Object.entries(parameters).filter(([, value]) => isObject(value)))];
}

const lead = '"\'`“”‘’«»‹›「『《〈¿¡', trail = '"\'`“”‘’«»‹›」』》〉.,!?;:…。，、！？；：؟،؛।';
const quotes: Record<string, string> = { '’': "'", '‘': "'", 'ʼ': "'", '“': '"', '”': '"', '«': '"', '»': '"', '–': '-', '—': '-', '‐': '-', '‑': '-', '−': '-', '\u00a0': ' ' };

function trimOf(text: string, start: string, end: string): string {
  let from = 0, to = text.length;
  while (from < to && start.includes(text[from]!)) from++;
  while (to > from && end.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

/** Loose form: case, spacing, outer punctuation, a leading article and the spelling of am/pm do not count. */
function loose(text: string): string {
  let s = [...text.normalize('NFKC')].map((c) => quotes[c] ?? c).join('').toLowerCase().replaceAll('ß', 'ss').replace(/\s+/g, ' ').trim();
  for (;;) {
    const next = trimOf(s, lead, trail).trim();
    if (next === '' || next === s) break;
    s = next;
  }
  s = s.replace(/\b(\d{1,2})(?::(\d{2}))?\s*([ap])\.?\s?m\b\.?/g, (_, hour: string, minute: string | undefined, half: string) =>
    `${hour}${minute && minute !== '00' ? `:${minute}` : ''}${half}m`);
  return s.replace(/^(?:the|a|an)\s+(?=\S)/, '');
}

const number = (text: string) => (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined);
const close = (a: number, b: number) => Math.abs(a - b) <= Math.max(1e-9 * Math.max(Math.abs(a), Math.abs(b)), 1e-9);

/** A one-to-one matching of wanted and given under `fits`. */
function matched<A, B>(wanted: A[], given: B[], fits: (a: A, b: B) => boolean): boolean {
  if (wanted.length !== given.length) return false;
  const owner = new Map<number, number>();
  const place = (i: number, seen: Set<number>): boolean => given.some((b, j) => {
    if (seen.has(j) || !fits(wanted[i]!, b)) return false;
    seen.add(j);
    const other = owner.get(j);
    if (other !== undefined && !place(other, seen)) return false;
    owner.set(j, i);
    return true;
  });
  return wanted.every((_, i) => place(i, new Set()));
}

function choices(gold: unknown): unknown[] | undefined {
  if (!isObject(gold) || Object.keys(gold).length !== 1) return undefined;
  return (gold['$any'] ?? gold['$opt']) as unknown[] | undefined;
}

const isOptional = (gold: unknown) => isObject(gold) && Object.keys(gold).length === 1 && '$opt' in gold;

function stringFits(gold: string, given: unknown, types: Set<string>, exact: boolean): boolean {
  if (typeof given === 'number') {
    if (types.size > 0 && !types.has('number') && !types.has('integer')) return false;
    const value = number(gold);
    return value !== undefined && close(value, given);
  }
  if (typeof given !== 'string') return false;
  const plain = (text: string) => text.normalize('NFC').replaceAll('\r\n', '\n').trim();
  if (exact) return plain(gold) === plain(given);
  if (loose(gold) === loose(given)) return true;
  const a = number(gold), b = number(given);
  return a !== undefined && a === b && gold.trim()[0] !== '0' && given.trim()[0] !== '0';
}

function valueFits(gold: unknown, given: unknown, schema: unknown, exact: boolean): boolean {
  const alternatives = choices(gold);
  if (alternatives) return alternatives.some((one) => valueFits(one, given, schema, exact));
  const known: Schema = isObject(schema) ? schema : {}, types = typesOf(schema);
  if (known.enum?.every((e) => typeof e === 'string') && (known.enum as unknown[]).includes(gold)) return given === gold;
  if (typeof gold === 'boolean') {
    return typeof given === 'boolean' ? given === gold : typeof given === 'string' && types.has('string') && given.trim().toLowerCase() === String(gold);
  }
  if (gold === null) return given === null;
  if (typeof gold === 'number') {
    if (typeof given === 'number') return close(gold, given);
    const value = typeof given === 'string' && (types.size === 0 || types.has('string')) ? number(given) : undefined;
    return value !== undefined && close(gold, value);
  }
  if (typeof gold === 'string') return stringFits(gold, given, types, exact);
  if (Array.isArray(gold)) {
    if (!Array.isArray(given) || gold.length !== given.length) return false;
    const fits = (a: unknown, b: unknown) => valueFits(a, b, known.items, exact);
    if (gold.length > 0 && gold.every((g) => typeof g === 'number')) return gold.every((g, i) => fits(g, given[i]));
    return matched(gold, given, fits);
  }
  return isObject(gold) && isObject(given) && argumentsFit(gold, given, isObject(known.properties) ? known.properties : {}, exact);
}

function argumentsFit(gold: Record<string, unknown>, given: Record<string, unknown>, properties: Properties, exact: boolean): boolean {
  return Object.entries(gold).every(([key, want]) => (key in given ? valueFits(want, given[key], properties[key], exact) : isOptional(want))) &&
    Object.keys(given).every((key) => key in gold);
}

const toolsOf = (tools: unknown): Record<string, unknown>[] => (typeof tools === 'string' ? JSON.parse(tools) : tools ?? []) as Record<string, unknown>[];

/** Whether the calls are one of the accepted answers: as many calls, each right, in any order. */
export function isRight(given: EvalCall[], { accept, tools, tags }: EvalCase): boolean {
  const properties = new Map(toolsOf(tools).map(propertiesOf));
  return accept.some((answer) => matched(answer, given, (want, call) =>
    want.name === call.name && argumentsFit(want.arguments, call.arguments, properties.get(want.name) ?? {}, tags?.includes('exact') ?? false)));
}

/** Whether the same tools are called as often. */
function namesRight(given: EvalCall[], { accept }: EvalCase): boolean {
  const names = (calls: EvalCall[]) => calls.map(({ name }) => name).sort().join('\n');
  return accept.some((answer) => names(answer) === names(given));
}

export interface SuiteScore { suite: string; cases: number; exact: number; tool: number }
export interface Score {
  suites: SuiteScore[];
  overall: SuiteScore;
  /** Of the answers that call nothing: how many may. Of the cases that want nothing called: how many were answered so. */
  refusal: { precision: number; recall: number };
}

/** Percentages by suite and over all; `answers` in the order of `cases`. */
export function score(cases: EvalCase[], answers: EvalCall[][]): Score {
  const rows = cases.map((one, i) => ({ suite: one.suite ?? 'all', exact: isRight(answers[i]!, one), tool: namesRight(answers[i]!, one) }));
  const table = (suite: string, of: typeof rows): SuiteScore => ({
    suite, cases: of.length, exact: percent(of.filter((r) => r.exact).length, of.length), tool: percent(of.filter((r) => r.tool).length, of.length),
  });
  const mayRefuse = cases.map(({ accept }) => accept.some((answer) => answer.length === 0));
  const mustRefuse = cases.map(({ accept }) => accept.every((answer) => answer.length === 0));
  const refused = answers.map((answer) => answer.length === 0);
  const both = (flags: boolean[]) => flags.filter((flag, i) => flag && refused[i]).length;
  return {
    suites: [...new Set(rows.map((r) => r.suite))].map((suite) => table(suite, rows.filter((r) => r.suite === suite))),
    overall: table('overall', rows),
    refusal: { precision: percent(both(mayRefuse), refused.filter(Boolean).length), recall: percent(both(mustRefuse), mustRefuse.filter(Boolean).length) },
  };
}

const percent = (part: number, whole: number) => (whole === 0 ? NaN : (100 * part) / whole);
