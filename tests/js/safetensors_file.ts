// Makes small safetensors checkpoints for tests, any part of which can be replaced.
import { expectedTensors } from '../../js/pack/source.ts';
import type { ModelConfig } from '../../js/pack/layout.ts';

export const tinyConfig: ModelConfig = {
  vocab_size: 1024, d_model: 64, num_heads: 2, num_kv_heads: 1, head_dim: 32, num_encoder_layers: 2,
  num_decoder_layers: 1, max_seq_len: 64, max_decode_len: 512, contrastive_hidden: 16, contrastive_dim: 24,
  rope_theta: 10000, attention: 'tool_isolated', text_format: 'thimble',
};

export interface Tensor {
  dtype: string;
  shape: readonly number[];
  data: Uint8Array;
}

/** Numbers in [-1, 1) that float16 holds exactly, the same on every run. */
export function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 21) - 1024) / 1024;
  };
}

export function f32Tensor(shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { dtype: 'F32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

export function tinyTensors(config = tinyConfig): Map<string, Tensor> {
  const next = pseudoRandom(1);
  return new Map(expectedTensors(config).map(({ name, shape }) =>
    [name, f32Tensor(shape, Array.from({ length: shape[0] * (shape[1] ?? 1) }, next))]));
}

/** What training/export.py writes as `__metadata__.config`. */
export function exportedConfig(config = tinyConfig): Record<string, unknown> {
  const { head_dim: _, contrastive_hidden: __, max_decode_len: ___, ...exported } = config;
  return { ...exported, calibration: [0.5, -2] };
}

export function rawSafetensors(header: string, body: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + body.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(body, 8 + text.length);
  return file;
}

export function makeSafetensors(tensors: Map<string, Tensor>, metadata: Record<string, unknown>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const body = new Uint8Array(at);
  at = 0;
  for (const { data } of tensors.values()) {
    body.set(data, at);
    at += data.length;
  }
  return rawSafetensors(JSON.stringify(header), body);
}
