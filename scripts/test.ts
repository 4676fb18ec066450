// npm test [-- SECTION...]: builds everything and runs every test, section by section. The last line is the total over
// all runners. Sections can be named to run only those, e.g. `npm test -- native wasm`.
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { installApps } from '../tests/package/install.ts';
import { buildModule, cmakeBuild } from './build_module.ts';
import { buildPackage } from './build_package.ts';
import { buildManifest } from './manifest.ts';
import { buildDir, listTree, rootDir } from '../tests/run/files.ts';
import { run, type Finished } from './sh.ts';
import { collectTestData } from './test_data.ts';

const fuzzSeconds = 60;

interface Counts { passed: number; failed: number }

/** The counts of a runner's output; a runner that failed or was cut off without saying so counts as one failure. */
function count(finished: Finished, passed: number, failed: number): Counts {
  if (finished.code !== 0 && failed === 0) failed = 1;
  if (finished.code === 0 && passed === 0) {
    console.error('no test was run');
    failed = 1;
  }
  return { passed, failed };
}

const number = (text: string, pattern: RegExp) => Number(text.match(pattern)?.[1] ?? 0);

/** `leftOut`: how many cases the command leaves out on purpose; any other that is skipped counts as failed. */
async function doctest(command: string[], leftOut = 0): Promise<Counts> {
  const finished = await run(command);
  const summary = finished.output.match(/test cases: +\d+ \| +(\d+) passed \| +(\d+) failed \| +(\d+) skipped/);
  return count(finished, Number(summary?.[1] ?? 0), Number(summary?.[2] ?? 0) + Math.abs(Number(summary?.[3] ?? 0) - leftOut));
}

async function nodeTests(files: string[]): Promise<Counts> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const finished = await run(['node', '--import', 'tsx', '--test', '--test-reporter=spec', ...files]);
  const of = (what: string) => number(finished.output, new RegExp(`^ℹ ${what} (\\d+)$`, 'm'));
  return count(finished, of('pass'), of('fail') + of('cancelled') + of('skipped') + of('todo'));
}

async function oneCheck(command: string[]): Promise<Counts> {
  const { code } = await run(command);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

const add = (a: Counts, b: Counts) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed });
const nodeTestFiles = (dir: string) =>
  listTree(`${rootDir}/${dir}`).filter((name) => name.endsWith('.test.ts')).map((name) => `${dir}/${name}`);

async function training(): Promise<Counts> {
  // Debian's own interpreter: it is the one that has the packages of emsdk.env.
  const finished = await run(
    ['/usr/bin/python3', '-m', 'unittest', 'discover', '-v', '-s', 'tests/training'], { PYTHONPATH: rootDir });
  const ran = number(finished.output, /^Ran (\d+) tests? in/m);
  const failed = number(finished.output, /failures=(\d+)/) + number(finished.output, /errors=(\d+)/) +
    number(finished.output, /skipped=(\d+)/);
  return count(finished, ran - failed, failed);
}

async function fuzz(): Promise<Counts> {
  await cmakeBuild('fuzz');
  const targets = listTree(`${rootDir}/tests/fuzz`).filter((name) => name.endsWith('_fuzz.cc')).map((file) => file.replace(/\.cc$/, ''));
  let total = { passed: 0, failed: 0 };
  const workers = Array.from({ length: Math.min(availableParallelism(), targets.length) }, async () => {
    for (let target = targets.shift(); target; target = targets.shift()) total = add(total, await fuzzTarget(target));
  });
  await Promise.all(workers);
  return total;
}

function fuzzTarget(target: string): Promise<Counts> {
  const corpus = `${buildDir}/fuzz/corpus/${target}`;
  mkdirSync(corpus, { recursive: true });
  const seeds = [`${rootDir}/tests/fuzz/seeds/${target}`, `${buildDir}/fuzz-seeds/${target}`].filter(existsSync);
  return oneCheck([`${buildDir}/fuzz/${target}`, `-max_total_time=${fuzzSeconds}`, '-rss_limit_mb=2048', '-timeout=10', '-print_final_stats=1',
    '-verbosity=0', `-artifact_prefix=${buildDir}/fuzz/`, corpus, ...seeds]);
}

// Cases that write many whole answers: half of the minutes of a sanitized run, and nothing in them that others do not reach.
const slow = ['store: selected tools answer as*', 'no permutation of the tools*', 'grounding: random models*', 'tools registered one by one*'];

/** What pages and Node load from dist/ besides their own code. */
async function buildForPages(): Promise<void> {
  await buildModule();
  await buildManifest();
}

const sections: [name: string, title: string, body: () => Promise<Counts>][] = [
  ['types', 'TypeScript types', () => oneCheck(['npx', 'tsc', '--noEmit'])],
  ['structure', 'Direction of includes and imports', () => nodeTests(nodeTestFiles('tests/structure'))],
  ['js', 'TypeScript units', async () => {
    await buildForPages();
    return nodeTests(nodeTestFiles('tests/js'));
  }],
  ['native', 'Core, native: with ASan and UBSan, then optimised', async () => {
    await cmakeBuild('native');
    const [sanitized, optimised] = await Promise.all([doctest(['build/native/core_tests', `-tce=${slow.join(',')}`], slow.length), doctest(['build/native/core_tests_optimised'])]);
    return add(sanitized, optimised);
  }],
  ['wasm', 'Core, WASM in Node', async () => {
    await cmakeBuild('wasm', 'core_tests');
    return doctest(['npx', 'tsx', 'tests/run/wasm_node.ts']);
  }],
  ['chromium', 'Core, WASM in Chromium', async () => {
    await cmakeBuild('wasm', 'core_tests');
    return doctest(['npx', 'tsx', 'tests/run/wasm_chromium.ts']);
  }],
  ['web', 'The module that ships in Node, and pages in Chromium', async () => {
    await buildForPages();
    return nodeTests([...nodeTestFiles('tests/web'), ...nodeTestFiles('tests/adapters'), ...nodeTestFiles('tests/e2e')]);
  }],
  ['apps', 'The packed package: its contents, and sample apps over it', async () => {
    await buildForPages();
    await buildPackage();
    await installApps();
    return nodeTests(nodeTestFiles('tests/package'));
  }],
  ['property', 'Random schemas and real tools: every answer under two validators', async () => {
    await cmakeBuild('native', 'property_walks');
    await cmakeBuild('wasm', 'property_walks');
    await buildModule();
    return add(await oneCheck(['npx', 'tsx', 'tests/property/main.ts']), await oneCheck(['npx', 'tsx', 'tests/property/openapi.ts', '--sample', '100']));
  }],
  ['training', 'Training', training],
  ['fuzz', `Fuzzing, ${fuzzSeconds} s a target`, fuzz],
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !sections.some(([known]) => known === name));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(', ')}; there are: ${sections.map(([name]) => name).join(', ')}`);
  process.exit(2);
}

await collectTestData();
let total: Counts = { passed: 0, failed: 0 };
const table: string[] = [];

async function runSection([name, title, body]: (typeof sections)[number]): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  console.log(`\n== ${title} (${name}) ==`);
  const start = performance.now();
  const counts = await body().catch((error: Error) => {
    console.error(error);
    return { passed: 0, failed: 1 };
  });
  total = add(total, counts);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  table.push(`${name.padEnd(10)} ${String(counts.passed).padStart(5)} passed ${String(counts.failed).padStart(3)} failed ${seconds.padStart(7)} s`);
}

// The sanitized tests keep one core busy for minutes; training, which needs nothing that is built, has the other one.
const beside = sections.find(([name]) => name === 'training')!;
for (const section of sections) {
  if (section[0] === 'native') await Promise.all([runSection(section), runSection(beside)]);
  else if (section !== beside) await runSection(section);
}
console.log(`\n== Summary ==\n${table.join('\n')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
