// The browser's half of the benchmark: everything on this one thread, our module and the peer in turns.
import { Engine, type KernelSet, type ThimbleModule } from '../../web/engine.ts';
import { config, decodeInput, decodeSteps, prefillLengths, tokens } from './config.ts';
import { Peer } from './peer.ts';
import { cosine } from '../run/cosine.ts';

type BenchModule = ThimbleModule & {
  gemmGmacs(kernels: string, rows: number, n: number, k: number, seconds: number): number;
  attendUsPerRow(kernels: string, rows: number, keys: number, seconds: number): number;
  rowWorkUs(kernels: string, rows: number, seconds: number): number;
  grammarSpeed(tokenizerSection: Uint8Array): GrammarSpeed;
};

/** tests/bench/grammar_bench.h. */
export interface GrammarSpeed {
  vocabularyFirstMs: number; vocabularyMs: number; compileUs: number; joinUs: number; firstPassUs: number; passUs: number; passes: number;
}

/** A network's speed in tokens/s; the best run: what a free core does. */
export interface Speed { prefill: Record<number, number>; decode: number }

export interface Results {
  /** The kernel sets that run here. */
  kernelSets: KernelSet[];
  /** GMAC/s of gemm_i8 with a 512 x 512 matrix: kernel set -> rows M -> GMAC/s. */
  gemm: Record<string, Record<number, number>>;
  /** Microseconds a row for attention over as many keys, and for everything else but the matrices. */
  rowMicroseconds: Record<string, { attend: Record<number, number>; other: number }>;
  /** "thimble relaxed", "onnxruntime-web int8", ... */
  networks: Record<string, Speed>;
  /** Cosine of the last decode step's logits with the peer's in fp32: the networks are the same. */
  logitsCosine: Record<string, number>;
  memory: { wasmBytes: number; modelBytes: number };
  grammar: GrammarSpeed;
}

export type Message = { progress: string } | { results: Results } | { error: string };

const gemmRows = [1, 4, 16, 64, 256];
const rounds = 3;
const secondsEach = 0.7;
const report = (message: Message) => postMessage(message);

async function bytesOf(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function loadModule(): Promise<BenchModule> {
  const glue = '/wasm/thimble_bench.mjs';
  return (await import(glue)).default({ wasmBinary: await bytesOf('/wasm/thimble_bench.wasm') });
}

/** A network to measure. Both report milliseconds. */
interface Runner { prefill(ids: number[]): number | Promise<number>; decode(): Promise<{ ms: number; logits: Float32Array }> }

function ours(engine: Engine): Runner {
  const prefill = (ids: number[]) => {
    const start = performance.now();
    engine.encodeTokens(ids);
    return performance.now() - start;
  };
  return {
    prefill,
    async decode() {
      prefill(tokens(decodeInput));
      let logits = new Float32Array(0);
      const start = performance.now();
      for (const id of tokens(decodeSteps)) logits = engine.step([id]) as Float32Array<ArrayBuffer>;
      return { ms: performance.now() - start, logits: logits.slice() };
    },
  };
}

/** Milliseconds of the fastest run of about `seconds`, at least one. */
async function fastest(seconds: number, run: () => number | Promise<number>): Promise<number> {
  let best = Infinity;
  const end = performance.now() + seconds * 1000;
  do best = Math.min(best, await run()); while (performance.now() < end);
  return best;
}

/** Measures the networks in turns, several rounds, so that a busy neighbour meets them all. */
async function measure(runners: Record<string, Runner>): Promise<Record<string, Speed>> {
  const speeds: Record<string, Speed> = {};
  for (const name of Object.keys(runners)) speeds[name] = { prefill: {}, decode: 0 };
  for (let round = 1; round <= rounds; ++round) {
    report({ progress: `networks, round ${round} of ${rounds}` });
    for (const [name, runner] of Object.entries(runners)) {
      const speed = speeds[name]!;
      for (const length of prefillLengths) {
        const ms = await fastest(secondsEach, () => runner.prefill(tokens(length)));
        speed.prefill[length] = Math.max(speed.prefill[length] ?? 0, length / ms * 1000);
      }
      const ms = await fastest(secondsEach, async () => (await runner.decode()).ms);
      speed.decode = Math.max(speed.decode, decodeSteps / ms * 1000);
    }
  }
  return speeds;
}

async function bench(): Promise<Results> {
  const module = await loadModule();
  const sets = (['reference', 'simd128', 'relaxed'] as const).filter((set) => module.rowWorkUs(set, 1, 0.01) > 0);
  const model = await bytesOf('/model.san');
  const results: Results = { kernelSets: sets, gemm: {}, rowMicroseconds: {}, networks: {}, logitsCosine: {},
    memory: { wasmBytes: 0, modelBytes: model.length },
    grammar: (await loadModule()).grammarSpeed(await bytesOf('/tokenizer.section')) };

  for (const set of sets) {
    report({ progress: `kernels ${set}` });
    results.gemm[set] = Object.fromEntries(gemmRows.map((rows) => [rows, module.gemmGmacs(set, rows, 512, 512, 0.5)]));
    const attend = prefillLengths.map((keys) => [keys, module.attendUsPerRow(set, 64, keys, 0.3)]);
    results.rowMicroseconds[set] = { attend: Object.fromEntries(attend), other: module.rowWorkUs(set, 64, 0.3) };
  }
  const runners: Record<string, Runner> = {};
  const engines: Engine[] = [];
  for (const set of sets.filter((name) => name !== 'reference')) {
    const engine = await Engine.load(await loadModule(), [model], { kernels: set });  // in a memory of its own
    runners[`thimble ${set}`] = ours(engine);
    engines.push(engine);
  }
  for (const precision of ['int8', 'fp32'] as const) {
    report({ progress: `loading onnxruntime-web ${precision}` });
    runners[`onnxruntime-web ${precision}`] = await Peer.load(precision);
  }
  results.networks = await measure(runners);
  results.memory.wasmBytes = Math.max(...engines.map((engine) => engine.memory().total));
  const original = (await runners['onnxruntime-web fp32']!.decode()).logits;
  for (const [name, runner] of Object.entries(runners)) {
    results.logitsCosine[name] = cosine((await runner.decode()).logits, original);
  }
  return results;
}

onmessage = () => {
  bench().then((results) => report({ results }), (error) => report({ error: String(error.stack ?? error) }));
};
