// The browser's half of the benchmark: everything on this one thread, our module and the peer in turns.
import { Engine, type KernelSet, type ThimbleModule } from '../../web/engine.ts';
import { config, decodeInput, decodeSteps, prefillLengths, tokens } from './config.ts';
import { Peer } from './peer.ts';

type BenchModule = ThimbleModule & {
  gemmGmacs(kernels: string, rows: number, n: number, k: number, seconds: number): number;
  attendUsPerRow(kernels: string, rows: number, keys: number, seconds: number): number;
  rowWorkUs(kernels: string, rows: number, seconds: number): number;
};

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
}

export type Message = { progress: string } | { results: Results } | { error: string };

const gemmRows = [1, 4, 16, 64, 256];
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

/** Milliseconds of the fastest run: at least three, and for at least two seconds. */
async function fastest(run: () => number | Promise<number>): Promise<number> {
  let best = Infinity;
  const end = performance.now() + 2000;
  for (let runs = 0; runs < 3 || performance.now() < end; ++runs) best = Math.min(best, await run());
  return best;
}

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

async function measure(runner: Runner): Promise<{ speed: Speed; logits: Float32Array }> {
  const speed: Speed = { prefill: {}, decode: 0 };
  for (const length of prefillLengths) {
    speed.prefill[length] = length / (await fastest(() => runner.prefill(tokens(length)))) * 1000;
  }
  speed.decode = decodeSteps / (await fastest(async () => (await runner.decode()).ms)) * 1000;
  return { speed, logits: (await runner.decode()).logits };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; ++i) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

async function bench(): Promise<Results> {
  const module = await loadModule();
  const sets = (['reference', 'simd128', 'relaxed'] as const).filter((set) => module.rowWorkUs(set, 1, 0.01) > 0);
  const model = await bytesOf('/model.san');
  const results: Results = { kernelSets: sets, gemm: {}, rowMicroseconds: {}, networks: {}, logitsCosine: {},
    memory: { wasmBytes: 0, modelBytes: model.length } };

  for (const set of sets) {
    report({ progress: `kernels ${set}` });
    results.gemm[set] = Object.fromEntries(gemmRows.map((rows) => [rows, module.gemmGmacs(set, rows, 512, 512, 0.5)]));
    const attend = prefillLengths.map((keys) => [keys, module.attendUsPerRow(set, 64, keys, 0.3)]);
    results.rowMicroseconds[set] = { attend: Object.fromEntries(attend), other: module.rowWorkUs(set, 64, 0.3) };
  }
  const logits: Record<string, Float32Array> = {};
  for (const set of sets.filter((name) => name !== 'reference')) {
    report({ progress: `thimble ${set}` });
    const fresh = await loadModule();  // so that its memory is this network's alone
    const engine = await Engine.load(fresh, [model], { kernels: set });
    ({ speed: results.networks[`thimble ${set}`], logits: logits[`thimble ${set}`] } = await measure(ours(engine)));
    results.memory.wasmBytes = engine.memory().total;
    engine.dispose();
  }
  for (const precision of ['int8', 'fp32'] as const) {
    const name = `onnxruntime-web ${precision}`;
    report({ progress: `${name} (loading takes a while)` });
    const peer = await Peer.load(precision);
    ({ speed: results.networks[name], logits: logits[name] } = await measure(peer));
    await peer.dispose();
  }
  for (const [name, values] of Object.entries(logits)) {
    results.logitsCosine[name] = cosine(values, logits['onnxruntime-web fp32']!);
  }
  return results;
}

onmessage = () => {
  bench().then((results) => report({ results }), (error) => report({ error: String(error.stack ?? error) }));
};
