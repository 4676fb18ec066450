// js/normalize.ts: one tool in every form gives the same bytes; what cannot be read is refused by name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import { jsonSchema, tool as aiTool } from 'ai';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { normalizeTool, normalizeTools } from '../../js/normalize.ts';
import { ThimbleError } from '../../js/errors.ts';

const name = 'set_light', description = 'Set the brightness of one room.';
const properties = {
  room: { type: 'string', enum: ['bedroom', 'kitchen'] },
  level: { type: 'integer', minimum: 0, maximum: 100 },
  tags: { type: 'array', items: { type: 'string' } },
};
const schema = { type: 'object', properties, required: ['room'] };
const strict = { ...schema, additionalProperties: false, $schema: 'http://json-schema.org/draft-07/schema#' };
const shuffled = { required: ['room'], properties: { room: { enum: ['bedroom', 'kitchen'], type: 'string' }, level: { maximum: 100, minimum: 0, type: 'integer' }, tags: { items: { type: 'string' }, type: 'array' } }, type: 'object' };
const flat = { room: { ...properties.room, required: true }, level: properties.level, tags: { type: 'array', items: 'string' } };

const zodSchema = z.object({ room: z.enum(['bedroom', 'kitchen']), level: z.int().min(0).max(100).optional(), tags: z.array(z.string()).optional() });
const valibotSchema = toStandardJsonSchema(v.object({
  room: v.picklist(['bedroom', 'kitchen']), level: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100))), tags: v.optional(v.array(v.string())),
}));
const arktypeSchema = type({ room: "'bedroom' | 'kitchen'", 'level?': '0 <= number.integer <= 100', 'tags?': 'string[]' });

const forms: Record<string, unknown> = {
  'WebMCP and MCP (inputSchema)': { name, description, inputSchema: schema, annotations: { readOnlyHint: false }, execute: () => 1 },
  'MCP with its dialect and closed': { name, description, inputSchema: strict },
  'keywords in another order': { name, description, inputSchema: shuffled },
  'Needle, flat (parameters)': { name, description, parameters: flat },
  'Needle, flat (inputSchema)': { name, description, inputSchema: flat },
  'JSON Schema as parameters': { name, description, parameters: schema },
  'OpenAI chat': { type: 'function', function: { name, description, parameters: strict, strict: true } },
  'OpenAI responses': { type: 'function', name, description, parameters: strict, strict: true },
  'zod': { name, description, inputSchema: zodSchema },
  'zod, closed': { name, description, inputSchema: zodSchema.strict() },
  'valibot': { name, description, inputSchema: valibotSchema },
  'arktype': { name, description, inputSchema: arktypeSchema },
  'Vercel AI SDK, JSON Schema': { ...aiTool({ description, inputSchema: jsonSchema(strict as object) }), name },
};

const bytes = (tool: unknown): string => JSON.stringify(normalizeTool(tool).spec);

test('a tool has the same bytes in every form', () => {
  const want = bytes({ name, description, inputSchema: schema });
  assert.equal(want, JSON.stringify({ name, description, parameters: { properties: {
    room: { enum: ['bedroom', 'kitchen'], type: 'string' }, level: { maximum: 100, minimum: 0, type: 'integer' }, tags: { items: { type: 'string' }, type: 'array' },
  }, required: ['room'], type: 'object' } }));
  assert.deepEqual(Object.fromEntries(Object.entries(forms).map(([form, tool]) => [form, bytes(tool)])), Object.fromEntries(Object.keys(forms).map((form) => [form, want])));
});

test('an object of tools by name (Vercel AI SDK) is a list of them', () => {
  const tools = { set_light: aiTool({ description, inputSchema: zodSchema }), stop: aiTool({ inputSchema: z.object({}) }) };
  const [first, second] = normalizeTools(tools);
  assert.equal(JSON.stringify(first!.spec), bytes({ name, description, inputSchema: schema }));
  assert.deepEqual(second!.spec, { name: 'stop', parameters: { type: 'object', properties: {} } });
});

test('the order of properties is kept, since the model reads it', () => {
  const reversed = Object.fromEntries(Object.entries(properties).reverse());
  const { spec } = normalizeTool({ name, inputSchema: { type: 'object', properties: reversed, required: ['tags', 'room'] } });
  assert.deepEqual([Object.keys(spec.parameters.properties as object), spec.parameters.required], [['tags', 'level', 'room'], ['tags', 'room']]);
});

test('a flat map is told from a schema, also with parameters called type, properties or required', () => {
  const cases: [unknown, string[], string[]][] = [
    [{ type: { type: 'string', required: true }, properties: { type: 'string' } }, ['type', 'properties'], ['type']],
    [{ properties: { type: 'string' } }, ['properties'], []],
    [{ required: { type: 'boolean' } }, ['required'], []],
    [{ type: 'object' }, [], []],
    [{ type: 'object', properties: { type: { type: 'string' }, properties: { type: 'string' } }, required: ['type'] }, ['type', 'properties'], ['type']],
    [{ properties: { properties: { type: 'string' } } }, ['properties'], []],
    [{}, [], []],
    [{ $schema: 'https://json-schema.org/draft/2020-12/schema', additionalProperties: false }, [], []],
    [undefined, [], []],
  ];
  for (const [parameters, keys, required] of cases) {
    const { properties: found = {}, required: wanted = [] } = normalizeTool({ name, parameters }).spec.parameters as { properties?: object; required?: string[] };
    assert.deepEqual([Object.keys(found), wanted], [keys, required], JSON.stringify(parameters));
  }
});

test('old ways to say a limit or a tuple become the present one', () => {
  const { parameters } = normalizeTool({ name, inputSchema: { type: 'object', properties: {
    a: { type: 'number', minimum: 1, exclusiveMinimum: true }, b: { type: 'number', maximum: 1, exclusiveMaximum: false }, c: { type: 'array', items: [{ type: 'string' }] },
  } } }).spec;
  assert.deepEqual(parameters.properties, { a: { exclusiveMinimum: 1, type: 'number' }, b: { maximum: 1, type: 'number' }, c: { prefixItems: [{ type: 'string' }], type: 'array' } });
});

test('title stands in for a missing description, examples are kept', () => {
  assert.deepEqual(normalizeTool({ name, title: 'Light', examples: ['more light'] }).spec, { name, description: 'Light', parameters: { properties: {}, type: 'object' }, examples: ['more light'] });
});

test('what has consequences is told by hints and by the AI SDK\'s needsApproval', () => {
  const hints: [object, boolean][] = [
    [{}, false], [{ annotations: { readOnlyHint: true } }, false], [{ annotations: { destructiveHint: true } }, true],
    [{ annotations: { consequentialHint: true } }, true], [{ needsApproval: true }, true], [{ annotations: { destructiveHint: false } }, false],
  ];
  for (const [hint, consequential] of hints) assert.equal(normalizeTool({ name, ...hint }).consequential, consequential, JSON.stringify(hint));
});

test('what is no tool is refused with its name and what to do', () => {
  const cycle: Record<string, unknown> = { type: 'object' };
  cycle.properties = { cycle };
  let deep: object = { type: 'string' };
  for (let i = 0; i < 100; ++i) deep = { type: 'array', items: deep };
  const cases: [unknown, RegExp][] = [
    [null, /an object is needed/], ['set_light', /an object is needed/], [{}, /a name/], [{ name: '' }, /a name/], [{ name: 7 }, /a name/],
    [{ name, inputSchema: schema, parameters: schema }, /set_light: give inputSchema or parameters/], [{ name, description: 7 }, /description is not a text/],
    [{ name, examples: 'more light' }, /examples/], [{ name, examples: [7] }, /examples/], [{ name, inputSchema: 'object' }, /schema is not an object/],
    [{ name, inputSchema: [] }, /schema is not an object/], [{ name, inputSchema: cycle }, /cycle/], [{ name, inputSchema: { type: 'object', properties: { deep } } }, /nests more than 64/],
    [{ name, inputSchema: { type: 'object', properties: { n: { const: 1n } } } }, /not JSON/], [{ name, parameters: { city: 'string' } }, /parameter city/],
    [{ name, type: 'provider', id: 'openai.search' }, /run elsewhere/], [{ name, inputSchema: z.object({ when: z.date() }) }, /zod cannot make a JSON Schema/],
    [{ name, inputSchema: v.object({}) }, /valibot gives no JSON Schema/], [{ name, inputSchema: Promise.resolve(schema) }, /await it/],
  ];
  for (const [tool, message] of cases) {
    assert.throws(() => normalizeTool(tool), (error) => error instanceof ThimbleError && error.code === 'bad_tools' && message.test(error.message), String(message));
  }
  assert.throws(() => normalizeTools('tools'), ThimbleError);
});

test('the schema given is not changed', () => {
  const given = structuredClone(strict);
  normalizeTool({ name, inputSchema: given });
  assert.deepEqual(given, strict);
});
