// npm run test:openapi -- [--sample N] [--seed S]: the model that ships, through the module that ships, on real API tools
// (../shared/data/text/openapi_tools.jsonl.xz): a request made of each tool's own description and of hostile values. Every
// call that comes out must be valid under both validators. Prints the share of the tools that the grammar covers, and why
// not the others. Without --sample all tools are asked, which takes hours. Exit code 1 after a fault.
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parametersOf } from '../../js/normalize.ts';
import { Engine, EngineError, type Answer } from '../../web/engine.ts';
import { rootDir } from '../run/files.ts';
import { loadModule } from '../run/module.ts';
import { ToolOracle } from './oracle.ts';

interface ApiTool { name: string; description: string; parameters: Record<string, unknown> }

const file = join(rootDir, '../shared/data/text/openapi_tools.jsonl.xz');
const hostile = ['20', '-7.5', '1e999', '007', 'null', 'true', '"quoted" \\ and \t tab', '日本 😀', '\u0000', '{"a":[1,2]}', '}]', 'next friday',
  '2024-02-30', 'ada@example.org', 'https://example.org/?q=1#x', '2147483648', '9007199254740993', '0.1', 'x'.repeat(60), "it's", ''];

function readTools(): ApiTool[] {
  const { stdout, status } = spawnSync('xz', ['-dc', file], { maxBuffer: 2 ** 30, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} cannot be read: it belongs beside this clone, and xz is needed`);
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as ApiTool);
}

/** xorshift32. */
function randomOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 2654435761) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The description, and a value for every other parameter: one of its own choices, or one that may be forbidden. */
function request({ description, parameters }: ApiTool, random: (below: number) => number): string {
  const said = Object.entries(parameters).filter(() => random(2) === 0).map(([name, value]) => {
    const choices = (value as { enum?: unknown[] }).enum;
    return `${name} ${choices && random(2) === 0 ? String(choices[random(choices.length)]) : hostile[random(hostile.length)]}`;
  });
  return [description, ...said].join(', ').slice(0, 400);
}

function answer(engine: Engine, query: string, index: number): Answer {
  engine.begin(query, {
    toolChoice: index % 4 === 0 ? 'auto' : 'required', maxCalls: 1 + index % 2, grounding: index % 5 === 0 ? 'strict' : 'free',
  });
  while (!engine.advance());
  return engine.answer();
}

/** Throws where an argument that leaves the engine is not as its schema has it. */
function judge(oracle: ToolOracle, { outcome, calls }: Answer, name: string): void {
  for (const call of calls) {
    if (call.tool !== name) throw new Error(`a call of ${call.tool}`);
    const whole = call.missing.length === 0 && call.invalid.length === 0;
    if (outcome === 'call' && !whole) throw new Error('a call whose arguments are not all there');
    const faults = whole ? oracle.faults(call.arguments) : oracle.faultsOfPart(call.arguments);
    if (faults.length > 0) throw new Error(`${faults.join('\n')}\narguments: ${JSON.stringify(call.arguments)}`);
  }
}

const { values } = parseArgs({ options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' } } });
const all = readTools();
const random = randomOf(Number(values.seed));
const wanted = values.sample === undefined ? all : Array.from({ length: Number(values.sample) }, () => all[random(all.length)]!);
const engine = await Engine.load(await loadModule(), createReadStream(join(rootDir, 'model/thimble.san')));
const outcomes: Record<string, number> = {}, refused: Record<string, number> = {};
const tally = (of: Record<string, number>, key: string) => { of[key] = (of[key] ?? 0) + 1; };
let faults = 0, covered = 0;
const start = performance.now();

for (const [index, tool] of wanted.entries()) {
  const query = request(tool, random);
  try {
    const parameters = parametersOf(tool.name, tool.parameters);
    engine.setTools(JSON.stringify([{ name: tool.name, description: tool.description, parameters }]));
    covered += 1;
    const made = answer(engine, query, index);
    judge(new ToolOracle({ name: tool.name, parameters }), made, tool.name);
    tally(outcomes, made.reason ?? made.outcome);
  } catch (error) {
    const { code, message } = error as EngineError;
    if (code === 'bad_tools') tally(refused, message.replace(/^.*?\.(\w+): /, '$1: '));
    else if (code === 'overflow') tally(outcomes, 'overflow');
    else {
      faults += 1;
      console.error(`FAULT ${message}\ntool: ${JSON.stringify(tool)}\nquery: ${JSON.stringify(query)}\nanswer: ${engine.text()}`);
    }
  }
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${index + 1} of ${wanted.length}`);
}

const percent = (n: number) => `${(100 * n / wanted.length).toFixed(2)} %`;
const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(`${wanted.length} of ${all.length} tools, ${covered} covered by the grammar (${percent(covered)}), ${seconds} s`);
for (const [why, count] of Object.entries(refused)) console.log(`  ${count} refused: ${why}`);
console.log(`outcomes: ${Object.entries(outcomes).map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
console.log(`openapi: ${faults} faults`);
process.exitCode = faults === 0 && (outcomes.call ?? 0) > 0 ? 0 : 1;
