// tsx tests/bench/call.ts [BUILD_DIR]: what the parts of one call cost in Node, in milliseconds: encoding a query over
// cached tools, and decoder passes of 1 to 8 tokens, with the model that ships. Build first: tsx scripts/build_bench.ts.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { buildDir, rootDir } from '../run/files.ts';

interface CallBench {
  nextChunk(): number; nextBytes(): number; advance(bytes: number): boolean; open(): boolean;
  setTools(count: number, tokens: number): boolean;
  encodeMs(tokens: number, seconds: number): number;
  decodeMs(tokens: number, scores: number, seconds: number): number;
}
interface BenchModule {
  HEAPU8: Uint8Array;
  CallBench: new (kernels: string) => CallBench;
  rowWorkUs(kernels: string, rows: number, seconds: number): number;
  gemmGmacs(kernels: string, rows: number, n: number, k: number, seconds: number): number;
}

const seconds = Number(process.env.SECONDS ?? 0.5);
const dir = process.argv[2] ? resolve(process.argv[2]) : `${buildDir}/wasm`;
const { default: factory } = await import(pathToFileURL(`${dir}/thimble_bench.mjs`).href);
const module: BenchModule = await factory({ wasmBinary: readFileSync(`${dir}/thimble_bench.wasm`) });
const file = readFileSync(`${rootDir}/model/thimble.san`);

function load(kernels: string): CallBench {
  const bench = new module.CallBench(kernels);
  for (let at = 0; at < file.length;) {
    const part = file.subarray(at, at + bench.nextBytes());
    module.HEAPU8.set(part, bench.nextChunk());
    if (!bench.advance(part.length)) throw new Error('the model file is refused');
    at += part.length;
  }
  if (!bench.open()) throw new Error('the model does not open');
  return bench;
}

const list = (values: readonly number[], f: (value: number) => string) => values.map((value) => `${value}: ${f(value)}`).join('  ');

for (const kernels of ['simd128', 'relaxed']) {
  if (module.rowWorkUs(kernels, 1, 0.01) === 0) {
    console.log(`${kernels}: not on this machine`);
    continue;
  }
  const gemm = (rows: number) => module.gemmGmacs(kernels, rows, 512, 512, seconds).toFixed(1);
  console.log(`${kernels}, GMAC/s by rows        ${list([1, 2, 3, 4, 5, 8, 20], gemm)}`);
  const bench = load(kernels);
  for (const tools of [0, 10]) {
    if (!bench.setTools(tools, 60)) throw new Error('the tools do not fit');
    console.log(`${kernels}, ${tools} tools of 60 tokens`);
    console.log(`  encode, ms by query tokens   ${list([5, 10, 20, 40], (n) => bench.encodeMs(n, seconds).toFixed(2))}`);
    console.log(`  decode, ms a pass by tokens  ${list([1, 2, 3, 4, 5, 6, 8], (n) => bench.decodeMs(n, 0, seconds).toFixed(3))}`);
    console.log(`  the same with 8 logits       ${list([1, 2, 4, 8], (n) => bench.decodeMs(n, 8, seconds).toFixed(3))}`);
  }
}
