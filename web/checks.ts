// What an answer goes through after decoding: dates and times said in words become values, and every call is validated
// once more, by a validator that shares nothing with the grammar.
import { Validator, type OutputUnit } from '@cfworker/json-schema';
import type { SpokenFormat } from './dates.ts';
import type { Facts, JsonSchema, PartialCall, Path, ToolSpec } from './protocol.ts';

/** web/dates.ts, once it is loaded. */
export type Dates = typeof import('./dates.ts');

interface Spoken { format: SpokenFormat; pattern?: string }
type Visit = (words: string, schema: Spoken, path: Path) => unknown;

const spokenFormats = new Set<unknown>(['date', 'time', 'date-time', 'duration'] satisfies SpokenFormat[]);

/** Whether web/dates.ts is needed for these tools. */
export const hasSpokenFormat = (tools: readonly ToolSpec[]): boolean =>
  /"format":"(date|time|date-time|duration)"/.test(JSON.stringify(tools));

const isSpoken = <T extends object>(schema: T): schema is T & Spoken => 'format' in schema && spokenFormats.has(schema.format);

/** Tools as the engine gets them: the pattern of a date says how it is written, not how it is said. */
export const toEngineJson = (tools: ToolSpec | readonly ToolSpec[]): string =>
  JSON.stringify(tools, function (this: object, key, value: unknown) { return key === 'pattern' && isSpoken(this) ? undefined : value; });

type Schema = Record<string, unknown>;
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Checks the calls of one tool. */
export class ToolChecks {
  private validator: Validator | undefined;

  constructor(private readonly parameters: JsonSchema) {}

  /** The call with its dates as values; in `invalid` is what the schema forbids, and what is no date. */
  check(call: PartialCall, facts: Facts, dates: Dates | undefined): PartialCall {
    const invalid: PartialCall['invalid'] = [...call.invalid];
    const visit: Visit = (words, { format, pattern }, path) => {
      const value = dates?.toFormat(words, format, facts, pattern);
      if (value === undefined) invalid.push({ path, value: words, message: `not a ${format}` });
      return value;
    };
    const values = this.speak(this.parameters, call.arguments, [], visit) as Record<string, unknown>;
    if (invalid.length === 0 && call.missing.length === 0) invalid.push(...this.validate(values));
    return { ...call, arguments: values, invalid };
  }

  private validate(values: unknown): PartialCall['invalid'] {
    const { valid, errors } = this.tryValidate(values);
    if (valid) return [];
    // The last error is the innermost: the others say that a schema around it does not hold.
    const { instanceLocation, error } = errors.at(-1)!;
    const path = pathOf(instanceLocation);
    return [{ path, value: at(values, path), message: error }];
  }

  /** What cannot be checked (a pattern that is no regular expression) does not pass. */
  private tryValidate(values: unknown): { valid: boolean; errors: Pick<OutputUnit, 'instanceLocation' | 'error'>[] } {
    try {
      this.validator ??= new Validator(this.parameters as Schema, '2020-12');
      return this.validator.validate(values);
    } catch (error) {
      return { valid: false, errors: [{ instanceLocation: '#', error: String(error) }] };
    }
  }

  /** A copy of `value` in which `visit` has replaced the strings of spoken formats, or left them out by undefined. */
  private speak(schema: unknown, value: unknown, path: Path, visit: Visit): unknown {
    const known = this.resolve(schema);
    if (typeof value === 'string') {
      const spoken = this.spokenFor(known, value);
      return spoken ? visit(value, spoken, path) : value;
    }
    if (Array.isArray(value)) {
      const prefix = Array.isArray(known.prefixItems) ? known.prefixItems : [];
      return value.map((item, i) => this.speak(prefix[i] ?? known.items, item, [...path, i], visit)).filter((item) => item !== undefined);
    }
    if (typeof value !== 'object' || value === null) return value;
    const properties = this.propertiesFor(known);
    const entries = Object.entries(value).map(([key, inner]) => [key, this.speak(properties[key], inner, [...path, key], visit)] as const);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
  }

  private alternatives(schema: Schema): Schema[] {
    return [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) => (Array.isArray(list) ? list : [])).map((part) => this.resolve(part));
  }

  /** The schema whose format `value` must be brought to; none if it is right as it is. */
  private spokenFor(schema: Schema, value: string): Spoken | undefined {
    const all = [schema, ...this.alternatives(schema)];
    const isLiteral = all.some((part) => part.const === value || (Array.isArray(part.enum) && part.enum.includes(value)));
    return isLiteral ? undefined : all.find(isSpoken);
  }

  private propertiesFor(schema: Schema): Schema {
    return Object.assign({}, ...[schema, ...this.alternatives(schema)].map(({ properties }) => (isSchema(properties) ? properties : {})));
  }

  private resolve(schema: unknown): Schema {
    if (!isSchema(schema)) return {};
    const { $ref } = schema;
    if (typeof $ref !== 'string' || !$ref.startsWith('#')) return schema;
    const target = at(this.parameters, pathOf(decodeURIComponent($ref)));
    return isSchema(target) && target.$ref === undefined ? target : {};
  }
}

/** The steps of a JSON Pointer (RFC 6901) in a URI fragment, e.g. "#/rooms/0". */
function pathOf(pointer: string): Path {
  return pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, step) => (inner as Record<string, unknown> | undefined)?.[step], value);
}
