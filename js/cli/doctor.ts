import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, totalmem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { load, parse, print } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `Usage: thimble doctor [--browser PATH] [--json]

Says what this machine's Node, and a Chromium or Chrome if there is one, can do for Thimble. Exit code 1: something that
Thimble needs is missing in Node.

      --browser PATH   the browser to ask; default: chromium or google-chrome, if installed
      --json           the findings as JSON
`;

interface Finding { what: string; ok: boolean; note: string }

// (module (func (result v128) i32.const 0 i8x16.splat)) and the same with i32x4.relaxed_trunc_f32x4_s: validate, not run.
const simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
const relaxed = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 11, 1, 9, 0, 65, 0, 253, 15, 253, 129, 2, 11];
const validates = (bytes: number[]) => WebAssembly.validate(new Uint8Array(bytes));

async function nodeFindings(): Promise<Finding[]> {
  const major = Number(process.versions.node.split('.')[0]);
  const findings: Finding[] = [
    { what: 'Node', ok: major >= 20, note: `${process.version}${major >= 20 ? '' : ', 20 or later is needed'}` },
    { what: 'WebAssembly SIMD', ok: validates(simd), note: validates(simd) ? 'yes' : 'missing; update Node' },
    { what: 'machine', ok: true, note: `${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB` },
  ];
  try {
    const start = performance.now();
    const thimble = await load(undefined);
    const { total } = await thimble.memory();
    const { kernels, metadata } = thimble.model;
    findings.push({
      what: 'model', ok: true,
      note: `${(metadata['name'] as string | undefined) ?? 'loaded'}, ${kernels} kernels, ${(performance.now() - start).toFixed(0)} ms, ${(total / 2 ** 20).toFixed(0)} MiB`,
    });
    thimble.dispose();
  } catch (error) {
    findings.push({ what: 'model', ok: false, note: (error as Error).message });
  }
  return findings;
}

const page = `<!doctype html><title>thimble doctor</title><body><script>
const valid = (bytes) => typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(bytes));
document.body.textContent = 'FINDINGS' + JSON.stringify({
  agent: navigator.userAgent, simd: valid(${JSON.stringify(simd)}), relaxed: valid(${JSON.stringify(relaxed)}),
  indexedDB: typeof indexedDB === 'object', locks: 'locks' in navigator, workers: typeof Worker === 'function',
  webmcp: 'modelContext' in document || 'modelContext' in navigator, speech: 'SpeechRecognition' in globalThis || 'webkitSpeechRecognition' in globalThis,
}) + 'END';
</script>`;

async function firstBrowser(given: string | undefined): Promise<string | undefined> {
  for (const name of given ? [given] : ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = await promisify(execFile)(name, ['--version']).then(() => true, () => false);
    if (found) return name;
  }
  return undefined;
}

async function browserFindings(given: string | undefined): Promise<Finding[]> {
  const browser = await firstBrowser(given);
  if (!browser) return [{ what: 'browser', ok: given === undefined, note: given ? `${given} does not start` : 'none found; --browser PATH asks one' }];
  const folder = await mkdtemp(join(tmpdir(), 'thimble-doctor-'));
  try {
    const file = join(folder, 'page.html');
    await writeFile(file, page);
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}/profile`, '--dump-dom', pathToFileURL(file).href];
    const { stdout } = await promisify(execFile)(browser, flags, { timeout: 30_000 });
    const text = stdout.match(/<body>.*FINDINGS(\{.*\})END/s)?.[1];
    if (!text) return [{ what: browser, ok: false, note: 'opened the page but said nothing' }];
    const { agent, ...features } = JSON.parse(text) as Record<string, boolean | string>;
    const names: Record<string, string> = {
      simd: 'WebAssembly SIMD', relaxed: 'relaxed SIMD (faster; whether its sums are exact is tested when the model loads)', indexedDB: 'IndexedDB',
      locks: 'Web Locks', workers: 'workers', webmcp: 'WebMCP', speech: 'speech recognition',
    };
    const optional = ['relaxed', 'webmcp', 'speech'];
    return [{ what: browser, ok: true, note: /Chrome\/[\d.]+/.exec(String(agent))?.[0] ?? String(agent) },
      ...Object.entries(features).map(([key, has]) => ({ what: `  ${names[key]}`, ok: Boolean(has) || optional.includes(key), note: has ? 'yes' : 'no' }))];
  } catch (error) {
    return [{ what: browser, ok: false, note: (error as Error).message.split('\n')[0]! }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(args: string[]): Promise<void> {
  const { values } = parse({ args, options: { browser: { type: 'string' }, json: { type: 'boolean', default: false } } });
  const node = await nodeFindings(), browser = await browserFindings(values.browser);
  const findings = [...node, ...browser];
  print(values.json ? JSON.stringify(findings) : findings.map(({ what, ok, note }) => `${ok ? 'ok  ' : 'FAIL'} ${what}: ${note}`).join('\n'));
  if ([...node, ...(values.browser ? browser : [])].some(({ ok }) => !ok)) process.exitCode = 1;
}

export const doctor: Command = { summary: 'what this machine and browser support', help: HELP, run };
