// npm run bench [-- --json]: kernels, prefill and decode on one thread in headless Chromium, and the same network on
// ONNX Runtime Web. Exits with 1 if the networks are not the same, or the grammar is over its limits.
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { buildTokenizerSection } from '../../js/pack/sentencepiece.ts';
import { bundle, withPage } from '../run/browser.ts';
import { buildDir, rootDir } from '../run/files.ts';
import { randomModel } from './random_model.ts';
import { config, decodeInput, decodeSteps, prefillLengths } from './config.ts';
import type { Message, Results, Speed } from './worker.ts';

const minCosine = 0.98;  // INT8 against fp32, random weights
const mostCompileUs = 1000, mostGrammarShare = 0.1;

const json = process.argv.slice(2).includes('--json');
const say = (line: string) => console.error(line);

function ratios(results: Results): Record<string, Speed> {
  const peer = results.networks['onnxruntime-web int8']!;
  const ours = Object.entries(results.networks).filter(([name]) => name.startsWith('thimble'));
  return Object.fromEntries(ours.map(([name, { prefill, decode }]) => [name, {
    prefill: Object.fromEntries(prefillLengths.map((n) => [n, prefill[n]! / peer.prefill[n]!])),
    decode: decode / peer.decode,
  }]));
}

/** Microseconds a token of a prefill, put together from the kernels' own figures, beside what was measured. */
function profile(results: Results, set: string): Record<string, number[]> {
  const { d_model, head_dim, num_heads, num_kv_heads, num_encoder_layers, num_decoder_layers } = config;
  const keysAndValues = 2 * d_model * num_kv_heads * head_dim;
  const macs = num_encoder_layers * (2 * d_model * num_heads * head_dim + keysAndValues) + num_decoder_layers * keysAndValues;
  const { attend, other } = results.rowMicroseconds[set]!;
  const matrices = macs / (results.gemm[set]![64]! * 1e3);
  return {
    matrices: prefillLengths.map(() => matrices),
    attention: prefillLengths.map((n) => num_encoder_layers * attend[n]!),
    'norms, rotation, quantization': prefillLengths.map(() => num_encoder_layers * other),
    measured: prefillLengths.map((n) => 1e6 / results.networks[`thimble ${set}`]!.prefill[n]!),
  };
}

function table(title: string, columns: (string | number)[], rows: Record<string, number[]>, digits: number): void {
  const cell = (text: string | number) => String(text).padStart(9);
  console.log(`\n${title.padEnd(30)}${columns.map(cell).join('')}`);
  for (const [name, values] of Object.entries(rows)) {
    console.log(`${name.padEnd(30)}${values.map((value) => cell(value.toFixed(digits))).join('')}`);
  }
}

function print(results: Results): void {
  const row = (speed: Speed) => [...prefillLengths.map((n) => speed.prefill[n]!), speed.decode];
  const mapValues = <A, B>(record: Record<string, A>, f: (value: A) => B) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));

  table('GMAC/s, M x 512 x 512', Object.keys(Object.values(results.gemm)[0]!).map((m) => `M=${m}`),
    mapValues(results.gemm, (byRows) => Object.values(byRows)), 1);
  table('us a row, one encoder layer', [...prefillLengths.map((n) => `att ${n}`), 'other'],
    mapValues(results.rowMicroseconds, ({ attend, other }) => [...Object.values(attend), other]), 2);
  const columns = [...prefillLengths.map((n) => `pre ${n}`), 'decode'];
  table('tokens/s', columns, mapValues(results.networks, row), 0);
  table('times onnxruntime-web int8', columns, mapValues(ratios(results), row), 1);
  for (const set of results.kernelSets.filter((name) => name !== 'reference')) {
    table(`us a token, prefill, ${set}`, prefillLengths, profile(results, set), 1);
  }
  table('logits, cosine with ort fp32', ['cosine'], mapValues(results.logitsCosine, (value) => [value]), 4);
  console.log(`\nDecode: ${decodeSteps} steps behind ${decodeInput} input tokens.`);
  const { wasmBytes, modelBytes } = results.memory;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  console.log(`WASM memory ${mib(wasmBytes)} MiB, model file ${mib(modelBytes)} MiB: ${mib(wasmBytes - modelBytes)} MiB above.`);
  if (!results.kernelSets.includes('relaxed')) {
    console.log('relaxed: not on this machine. Its int8 dot is missing or saturates (x86 without VNNI).');
  }
}

/** Of the time of one decoder pass on the fastest kernels. */
function grammarShare({ grammar, networks }: Results): number {
  const decode = Math.max(...Object.entries(networks).filter(([name]) => name.startsWith('thimble')).map(([, speed]) => speed.decode));
  return grammar.passUs * decode / 1e6;
}

function printGrammar(results: Results): void {
  const { vocabularyFirstMs, vocabularyMs, compileUs, joinUs, firstPassUs, passUs } = results.grammar;
  console.log(`\nGrammar, 20 tools: ${compileUs.toFixed(0)} us to compile a tool (at most ${mostCompileUs}), ${joinUs.toFixed(1)} us to join compiled ones, ` +
    `vocabulary ${vocabularyFirstMs.toFixed(1)} ms once (${vocabularyMs.toFixed(1)} ms warm)`);
  console.log(`A decoder pass: ${passUs.toFixed(1)} us for forced tokens and the mask, ${firstPassUs.toFixed(0)} us the first time; ` +
    `${(100 * grammarShare(results)).toFixed(1)} % of the pass (at most ${100 * mostGrammarShare} %)`);
}

async function measure(): Promise<Results> {
  const model = await randomModel();
  const routes = {
    '/worker.js': await bundle(`${rootDir}/tests/bench/worker.ts`),
    '/wasm/': { file: `${buildDir}/wasm` },
    '/ort/': { file: `${rootDir}/node_modules/onnxruntime-web/dist` },
    '/model.san': { bytes: model },
    '/tokenizer.section': { bytes: buildTokenizerSection(readFileSync(`${rootDir}/model/tokenizer.model`)) },
  };
  return withPage(routes, async (page) => {
    await page.exposeFunction('say', say);
    return page.evaluate(() => new Promise<Results>((resolve, reject) => {
      const worker = new Worker('/worker.js', { type: 'module' });
      worker.onerror = (event) => reject(new Error(`worker: ${event.message}`));
      worker.onmessage = ({ data }: MessageEvent<Message>) => {
        if ('progress' in data) (globalThis as unknown as { say(line: string): void }).say(data.progress);
        else if ('results' in data) resolve(data.results);
        else reject(new Error(data.error));
      };
      worker.postMessage(null);
    }));
  });
}

const results = await measure();
const ortVersion = JSON.parse(readFileSync(`${rootDir}/node_modules/onnxruntime-web/package.json`, 'utf8')).version;
if (json) {
  console.log(JSON.stringify({ processor: cpus()[0]?.model, ortVersion, ...results, ratios: ratios(results) }, null, 1));
} else {
  console.log(`\n${cpus()[0]?.model}, onnxruntime-web ${ortVersion}, one thread; the fastest of several runs`);
  print(results);
  printGrammar(results);
}
if (!(results.grammar.passes > 0 && results.grammar.compileUs <= mostCompileUs && grammarShare(results) <= mostGrammarShare)) {
  console.error('the grammar is too slow, or was not measured');
  process.exitCode = 1;
}
const lowest = Math.min(...Object.values(results.logitsCosine));
if (!(lowest >= minCosine)) {
  console.error(`the networks differ: cosine ${lowest} of the logits, at least ${minCosine} expected`);
  process.exitCode = 1;
}
