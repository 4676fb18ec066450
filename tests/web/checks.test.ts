// web/checks.ts: what the second validator and the dates make of calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToolChecks, toEngineJson } from '../../web/checks.ts';
import * as dates from '../../web/dates.ts';

const facts = { now: Date.UTC(2026, 10, 28, 10), timeZone: 'UTC', locale: 'en-US' };

function check(parameters: object, values: Record<string, unknown>, missing: string[] = []) {
  const call = { tool: 't', arguments: values, missing, invalid: [], confidence: 1, evidence: [] };
  const { arguments: found, invalid } = new ToolChecks(parameters as Record<string, unknown>).check(call, facts, dates);
  return { found, invalid: invalid.map(({ path, value }) => [path, value]) };
}
const object = (properties: object, rest: object = {}) => ({ type: 'object', properties, ...rest });
const day = { type: 'string', format: 'date' };

test('a value that the schema forbids is found wherever it stands', () => {
  assert.deepEqual(check(object({ n: { type: 'integer', maximum: 5 } }), { n: 5 }).invalid, []);
  assert.deepEqual(check(object({ n: { type: 'integer', maximum: 5 } }), { n: 6 }).invalid, [[['n'], 6]]);
  const deep = object({ list: { type: 'array', items: object({ 'a/b~c': { type: 'string', pattern: '^x' } }) } });
  assert.deepEqual(check(deep, { list: [{ 'a/b~c': 'x' }, { 'a/b~c': 'y' }] }).invalid, [[['list', 1, 'a/b~c'], 'y']]);
  assert.deepEqual(check(object({ a: { type: 'string' } }, { required: ['a'] }), {}).invalid, [[[], {}]]);
  assert.deepEqual(check(object({ a: { type: 'string' } }, { required: ['a'] }), {}, ['a']).invalid, []);  // it is missing, not invalid
});

test('dates are found in objects, lists, alternatives and references, and nothing else is touched', () => {
  const schema = object({
    day, days: { type: 'array', items: day }, pair: { type: 'array', prefixItems: [{ type: 'string' }, day] }, trip: object({ start: day, note: { type: 'string' } }),
    either: { anyOf: [{ type: 'string', enum: ['never', 'today'] }, day] }, ref: { $ref: '#/$defs/day' }, text: { type: 'string' },
  }, { $defs: { day } });
  const said = { day: 'tomorrow', days: ['tomorrow', 'next friday'], pair: ['tomorrow', 'tomorrow'], trip: { start: 'tomorrow', note: 'tomorrow' }, either: 'today', ref: 'tomorrow', text: 'tomorrow' };
  const { found, invalid } = check(schema, said);
  const tomorrow = '2026-11-29';
  assert.deepEqual(invalid, []);
  assert.deepEqual(found, { day: tomorrow, days: [tomorrow, '2026-12-04'], pair: ['tomorrow', tomorrow], trip: { start: tomorrow, note: 'tomorrow' }, either: 'today', ref: tomorrow, text: 'tomorrow' });
  assert.deepEqual(check(schema, { either: 'tomorrow' }).found, { either: tomorrow });
});

test('words that are no date are invalid, and left out', () => {
  assert.deepEqual(check(object({ day, days: { type: 'array', items: day } }), { day: 'soon', days: ['tomorrow', 'some day'] }),
    { found: { days: ['2026-11-29'] }, invalid: [[['day'], 'soon'], [['days', 1], 'some day']] });
  assert.deepEqual(check(object({ day }), { day: '2026-02-30' }).invalid, [[['day'], '2026-02-30']]);
});

test('a date is written as its pattern wants it, or is invalid', () => {
  const at = (pattern: string) => check(object({ at: { type: 'string', format: 'date-time', pattern } }), { at: 'tomorrow at noon' });
  assert.deepEqual(at('Z$').found, { at: '2026-11-29T12:00:00Z' });
  assert.deepEqual(at('[+]00:00$').found, { at: '2026-11-29T12:00:00+00:00' });
  for (const pattern of ['^never$', '(']) assert.deepEqual(at(pattern).invalid, [[['at'], 'tomorrow at noon']]);
});

test('what cannot be checked does not pass', () => {
  assert.deepEqual(check(object({ a: { type: 'string', pattern: '(' } }), { a: 'x' }).invalid.length, 1);
  assert.deepEqual(check({ $ref: '#/nowhere' }, { a: 'x' }).invalid.length, 1);
});

test('the engine gets no pattern of a date, and every other', () => {
  const parameters = object({ day: { ...day, pattern: '^2' }, format: { type: 'string' }, pattern: { type: 'string', pattern: '^x' } });
  const [tool] = JSON.parse(toEngineJson([{ name: 't', parameters: parameters as Record<string, unknown> }])) as [{ parameters: unknown }];
  assert.deepEqual(tool.parameters, object({ day, format: { type: 'string' }, pattern: { type: 'string', pattern: '^x' } }));
});
