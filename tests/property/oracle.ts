// Two validators that share nothing with us, on every answer: Ajv and @cfworker/json-schema must both find it valid.
import { Validator } from '@cfworker/json-schema';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

type Json = Record<string, unknown>;
export interface Tool { name: string; parameters: Json }
export interface Call { name: string; arguments: Json }

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects are closed, as the grammar has them whatever additionalProperties says. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (!isObject(schema)) return schema;
  const inner = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (['enum', 'const', 'default', 'examples', 'required', 'type'].includes(key)) return [key, value];
    if (key !== 'properties' && key !== '$defs') return [key, closed(value)];
    return [key, Object.fromEntries(Object.entries(value as Json).map(([name, one]) => [name, closed(one)]))];
  });
  const isOne = schema.type === 'object' || schema.properties !== undefined;
  return { ...Object.fromEntries(inner), ...(isOne && { additionalProperties: false }) };
}

const ajv = new Ajv2020({ strict: false, logger: false, code: { optimize: false } });
(addFormats as unknown as (ajv: Ajv2020) => void)(ajv);  // its types name another module format than its code has

/** One JSON Schema in both validators. */
class Oracle {
  private readonly byAjv: ValidateFunction;
  private readonly byCfworker: Validator;

  constructor(schema: Json) {
    this.byAjv = ajv.compile(schema);
    ajv.removeSchema(schema);  // else they pile up
    this.byCfworker = new Validator(schema, '2020-12');
  }

  /** What the validators say against `value`. */
  faults(value: unknown): string[] {
    const out: string[] = [];
    if (!this.byAjv(value)) out.push(`Ajv: ${this.byAjv.errors?.map((e) => `${e.instancePath} ${e.message}`).join('; ')}`);
    const { valid, errors } = this.byCfworker.validate(value);
    if (!valid) out.push(`@cfworker/json-schema: ${errors.map((e) => `${e.instanceLocation} ${e.error}`).join('; ')}`);
    return out;
  }
}

/** A tool's arguments. `missing`: as far as they go; required ones that were not said may be absent. */
export class ToolOracle {
  private readonly whole: Oracle;
  private part?: Oracle;
  private readonly schema: Json;
  readonly required: string[];

  constructor({ parameters }: Tool) {
    this.schema = closed(parameters) as Json;
    this.required = (parameters.required ?? []) as string[];
    this.whole = new Oracle(this.schema);
  }

  faults(args: Json): string[] { return this.whole.faults(args); }
  faultsOfPart(args: Json): string[] {
    this.part ??= new Oracle({ ...this.schema, required: [] });
    return this.part.faults(args);
  }
}

/** Throws where a string value lacks the extra space of answer_text (src/prompt/FORMAT.md). */
function stripped(value: unknown): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith(' ')) throw new Error(`no space in front of ${JSON.stringify(value)}`);
    return value.slice(1);
  }
  if (Array.isArray(value)) return value.map(stripped);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, stripped(one)])) : value;
}

/** JavaScript writes numbers below 1e-6 with an exponent, the grammar none. */
const tiny = (text: string) => text.replace(/0\.0{6,}\d+/g, (decimal) => String(Number(decimal)));

export type Outcome = 'none' | 'call' | 'missing';

/** The answers of one tool list. */
export class AnswerOracle {
  private readonly tools: Map<string, ToolOracle>;
  constructor(tools: Tool[]) { this.tools = new Map(tools.map((tool) => [tool.name, new ToolOracle(tool)])); }

  /** What a finished answer_text comes to. Throws if it is not as it must be. */
  check(text: string, maxCalls: number): Outcome {
    const calls = JSON.parse(text) as Call[];
    if (tiny(JSON.stringify(calls)) !== tiny(text)) throw new Error('not as JavaScript writes it: a key twice, perhaps');
    if (calls.length > maxCalls) throw new Error(`${calls.length} calls, at most ${maxCalls} were allowed`);
    let outcome: Outcome = calls.length === 0 ? 'none' : 'call';
    for (const call of calls) if (this.checkCall(call) === 'missing') outcome = 'missing';
    return outcome;
  }

  private checkCall(call: Call): Outcome {
    if (Object.keys(call).join() !== 'name,arguments') throw new Error(`a call of ${Object.keys(call)}`);
    const tool = this.tools.get(call.name);
    if (!tool) throw new Error(`no tool is named ${call.name}`);
    const args = stripped(call.arguments) as Json;
    const faults = tool.faults(args);
    if (faults.length === 0) return 'call';
    // A required argument that was not said is null: then the outcome is `missing`, with what was found.
    const found = Object.fromEntries(Object.entries(args).filter(([key, value]) => value !== null || !tool.required.includes(key)));
    if (Object.keys(found).length === Object.keys(args).length) throw new Error(faults.join('\n'));
    const others = tool.faultsOfPart(found);
    if (others.length > 0) throw new Error(others.join('\n'));
    return 'missing';
  }
}
