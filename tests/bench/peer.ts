// The benchmark's network on ONNX Runtime Web, one thread, its WASM backend.
import type * as Ort from 'onnxruntime-web';
import { config, decodeInput, decodeSteps, tokens } from './config.ts';
import { decoderModel, encoderModel, type Precision } from './peer_network.ts';

type Tensors = Record<string, Ort.Tensor>;

let loaded: Promise<typeof Ort> | undefined;

function onnxRuntime(): Promise<typeof Ort> {
  const path = '/ort/ort.wasm.min.mjs';
  loaded ??= import(path).then((ort: typeof Ort) => {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = '/ort/';
    return ort;
  });
  return loaded;
}

export class Peer {
  private constructor(
    private readonly ort: typeof Ort, private readonly encoder: Ort.InferenceSession,
    private readonly decoder: Ort.InferenceSession) {}

  static async load(precision: Precision): Promise<Peer> {
    const ort = await onnxRuntime();
    const session = (bytes: Uint8Array) =>
      ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
    return new Peer(ort, await session(encoderModel(precision)), await session(decoderModel(precision)));
  }

  private inputs(ids: readonly number[], position: number): Tensors {
    const half = config.head_dim / 2;
    const angles = ids.flatMap((_, row) =>
      Array.from({ length: half }, (_, j) => (position + row) / config.rope_theta ** (j / half)));
    const table = (f: (angle: number) => number) =>
      new this.ort.Tensor('float32', Float32Array.from(angles, f), [ids.length, 1, half]);
    const idTensor = new this.ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [ids.length]);
    return { ids: idTensor, cos: table(Math.cos), sin: table(Math.sin) };
  }

  /** Encodes `ids`: the decoder's cross keys and values. */
  private encode(ids: readonly number[]): Promise<Tensors> {
    return this.encoder.run(this.inputs(ids, 0)) as Promise<Tensors>;
  }

  /** Milliseconds to encode `ids`, the decoder's cross keys and values included. */
  async prefill(ids: readonly number[]): Promise<number> {
    const start = performance.now();
    await this.encode(ids);
    return performance.now() - start;
  }

  /** Milliseconds of `decodeSteps` steps behind `decodeInput` tokens, and the logits of the last. */
  async decode(): Promise<{ ms: number; logits: Float32Array }> {
    const cross = await this.encode(tokens(decodeInput));
    const { num_kv_heads: heads, head_dim } = config;
    const none = (dims: number[]) => new this.ort.Tensor('float32', new Float32Array(0), dims);
    let past: Tensors = {};
    for (let i = 0; i < config.num_decoder_layers; ++i) {
      past[`past_k${i}`] = none([heads, head_dim, 0]);
      past[`past_v${i}`] = none([heads, 0, head_dim]);
    }
    let last = new Float32Array(0);
    const start = performance.now();
    for (const [position, id] of tokens(decodeSteps).entries()) {
      const { logits, ...present } = await this.decoder.run({ ...this.inputs([id], position), ...past, ...cross });
      past = Object.fromEntries(Object.entries(present).map(([name, value]) =>
        [name.replace('present', 'past'), value as Ort.Tensor]));
      last = logits!.data as Float32Array<ArrayBuffer>;
    }
    return { ms: performance.now() - start, logits: last };
  }
}
