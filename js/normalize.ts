// One form of every kind of tool: what is read here is what the model reads, so no form is ever taken for another. The
// same tool gives the same bytes in every form (tests/js/normalize.test.ts).
import type { JsonSchema, ToolSpec } from '../web/protocol.ts';
import { ThimbleError } from './errors.ts';
import type { StandardSchema } from './schema.ts';
import type { AnyTool } from './tools.ts';

/** A tool as it is kept on the page. */
export interface NormalTool {
  spec: ToolSpec;
  tool: AnyTool;
  /** Validates, and makes the values that `execute` gets. */
  standard?: StandardSchema;
  /** Whether `run` asks before it executes. */
  consequential: boolean;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const refuse = (name: string, what: string, cause?: unknown): never => {
  throw new ThimbleError('bad_tools', `tool ${name}: ${what}`, cause);
};

/** A list of tools, or the object of the Vercel AI SDK with their names as keys. Throws ThimbleError `bad_tools`. */
export function normalizeTools(tools: unknown): NormalTool[] {
  if (Array.isArray(tools)) return tools.map((tool) => normalizeTool(tool));
  if (!isObject(tools)) return refuse('list', 'a list of tools, or an object of tools by name, is needed');
  return Object.entries(tools).map(([name, tool]) => normalizeTool(tool, name));
}

/** Throws ThimbleError `bad_tools`. */
export function normalizeTool(input: unknown, key?: string): NormalTool {
  if (!isObject(input)) return refuse(key ?? String(input), 'an object is needed');
  const tool = (isObject(input.function) ? { ...input, ...input.function } : input) as AnyTool & { needsApproval?: unknown };
  const name = key ?? tool.name;
  if (typeof name !== 'string' || name === '') return refuse('without a name', 'give it a name, a text');
  if (tool.type !== undefined && !['function', 'dynamic'].includes(tool.type)) return refuse(name, `its type "${tool.type}" is run elsewhere; only functions can be called`);
  if (tool.inputSchema !== undefined && tool.parameters !== undefined) return refuse(name, 'give inputSchema or parameters, not both');
  const description = tool.description ?? tool.title;
  if (description !== undefined && typeof description !== 'string') return refuse(name, 'its description is not a text');
  const { examples, annotations } = tool;
  if (examples !== undefined && !(Array.isArray(examples) && examples.every((example) => typeof example === 'string'))) {
    return refuse(name, 'its examples are not a list of texts');
  }
  const given = tool.inputSchema ?? tool.parameters;
  const parameters = parametersOf(name, given);
  const consequential = [annotations?.destructiveHint, annotations?.consequentialHint, tool.needsApproval].includes(true);
  return {
    spec: { name, ...(description && { description }), parameters, ...(examples?.length && { examples: [...examples] }) },
    tool, consequential, ...(isStandard(given) && { standard: given }),
  };
}

/** The JSON Schema of a schema of any kind, as the runtime takes it. Throws ThimbleError `bad_tools`. */
export function parametersOf(name: string, given: unknown): JsonSchema {
  const parameters = plain(name, jsonSchemaOf(name, given));
  return canonical(name, isFlat(parameters) ? fromFlat(name, parameters) : parameters) as Json;
}

export const isStandard = (schema: unknown): schema is StandardSchema =>
  (typeof schema === 'object' || typeof schema === 'function') && schema !== null && '~standard' in schema;

function jsonSchemaOf(name: string, given: unknown): unknown {
  if (isStandard(given)) {
    const { jsonSchema, vendor } = given['~standard'];
    if (!jsonSchema) return refuse(name, `this version of ${vendor} gives no JSON Schema; use one with ~standard.jsonSchema`);
    try {
      return jsonSchema.input({ target: 'draft-2020-12' });
    } catch (error) {
      return refuse(name, `${vendor} cannot make a JSON Schema of its schema: ${(error as Error).message}`, error);
    }
  }
  const schema = typeof given === 'function' ? (given as () => unknown)() : given;  // the AI SDK's lazySchema
  return isObject(schema) && Symbol.for('vercel.ai.schema') in schema ? schema.jsonSchema : schema ?? {};
}

/** A copy that is JSON and nothing else. */
function plain(name: string, schema: unknown): Json {
  if (schema instanceof Promise) return refuse(name, 'its schema is a promise; await it');
  if (!isObject(schema)) return refuse(name, 'its schema is not an object');
  try {
    return JSON.parse(JSON.stringify(schema)) as Json;
  } catch (error) {
    return refuse(name, 'its schema is not JSON (a cycle, or a value that JSON has not)', error);
  }
}

/** Whether parameters are Needle's flat map and no JSON Schema. A parameter of it may be called properties or type. */
function isFlat(parameters: Json): boolean {
  const { $ref, type, properties } = parameters;
  if ($ref !== undefined || typeof type === 'string' || Array.isArray(type)) return false;
  return !isObject(properties) || !Object.values(properties).every((schema) => isObject(schema) || typeof schema === 'boolean');
}

function fromFlat(name: string, flat: Json): Json {
  const properties: Json = {}, required: string[] = [];
  for (const [key, value] of Object.entries(flat)) {
    if (/^(\$.*|additionalProperties|required|title|description)$/.test(key) && !isObject(value)) continue;  // of an empty JSON Schema
    if (!isObject(value)) return refuse(name, `its parameter ${key} is not an object like {"type": "string"}`);
    const { required: isRequired, ...schema } = value;
    if (isRequired === true) required.push(key);
    if (typeof schema.items === 'string') schema.items = { type: schema.items };
    properties[key] = Array.isArray(isRequired) ? value : schema;
  }
  return { type: 'object', properties, required };
}

const maxDepth = 64;
const maps = new Set(['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas']);
const lists = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const schemas = new Set(['items', 'additionalProperties', 'unevaluatedProperties', 'not', 'contains', 'propertyNames', 'if', 'then', 'else']);

/** Keywords in one order, and one way to say what libraries say in several. Properties keep their order: the model reads it. */
function canonical(name: string, schema: unknown, depth = 0): unknown {
  if (!isObject(schema)) return schema;
  if (depth > maxDepth) return refuse(name, `its schema nests more than ${maxDepth} deep; flatten it`);
  const inner = (value: unknown) => canonical(name, value, depth + 1);
  const out: Json = {};
  for (const [key, value] of Object.entries(sayOneWay(schema)).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (maps.has(key) && isObject(value)) out[key] = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, inner(v)]));
    else if (lists.has(key) && Array.isArray(value)) out[key] = value.map(inner);
    else out[key] = schemas.has(key) ? inner(value) : value;
  }
  return out;
}

function sayOneWay({ $schema: _, ...schema }: Json): Json {
  const { properties, required, type, items } = schema;
  if (isObject(properties) && type === undefined) schema.type = 'object';
  if (Array.isArray(required) && isObject(properties)) schema.required = Object.keys(properties).filter((key) => required.includes(key)).concat(required.filter((key) => !Object.hasOwn(properties, key)));
  if (Array.isArray(required) && required.length === 0) delete schema.required;
  if (schema.additionalProperties === false) delete schema.additionalProperties;  // always so
  const literals = Array.isArray(schema.enum) ? schema.enum : 'const' in schema ? [schema.const] : [];
  if (type === undefined && literals.length > 0 && literals.every((value) => typeof value === 'string')) schema.type = 'string';
  // zod says the range of safe integers for each of them.
  if (type === 'integer' && schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (type === 'integer' && schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  for (const [limit, exclusive] of [['minimum', 'exclusiveMinimum'], ['maximum', 'exclusiveMaximum']] as const) {
    if (typeof schema[exclusive] !== 'boolean') continue;  // OpenAPI 3.0
    if (schema[exclusive]) [schema[exclusive], schema[limit]] = [schema[limit], undefined];
    else delete schema[exclusive];
    if (schema[limit] === undefined) delete schema[limit];
  }
  if (Array.isArray(items)) {
    schema.prefixItems = items;
    delete schema.items;
  }
  return schema;
}
