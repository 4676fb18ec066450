// The network of the benchmark: the full configuration with random weights, the same ones on both sides.
import { expectedTensors } from '../../js/pack/source.ts';
import type { ModelConfig } from '../../js/pack/layout.ts';

export const config: ModelConfig = {
  vocab_size: 8192, d_model: 512, num_heads: 8, num_kv_heads: 4, head_dim: 64, num_encoder_layers: 12,
  num_decoder_layers: 8, max_seq_len: 1024, max_decode_len: 512, contrastive_hidden: 128, contrastive_dim: 128,
  rope_theta: 10000, attention: 'bidirectional', text_format: 'needle',
};

export const prefillLengths = [64, 256, 512, 1024];
/** Decode is measured behind an input of this many tokens, over the first `decodeSteps` positions. */
export const decodeInput = 256;
export const decodeSteps = 48;

/** `count` arbitrary token ids. */
export const tokens = (count: number) => Array.from({ length: count }, (_, i) => 6 + (i * 2654435761) % 8000);

const shapes = new Map(expectedTensors(config).map(({ name, shape }) => [name, shape]));

/**
 * The values of a tensor of src/weights/FORMAT.md, row by row, drawn from its name: gates and norms small, matrices
 * uniform with the limit that keeps the scale of their input, as trained layers roughly do.
 */
export function tensor(name: string): Float32Array {
  const shape = shapes.get(name);
  if (!shape) throw new Error(`the network has no tensor ${name}`);
  const [rows, cols] = shape;
  const limit = cols === undefined ? 0.1 : Math.sqrt(3 / cols);
  let state = 2166136261;
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 16777619);
  const out = new Float32Array(rows * (cols ?? 1));
  for (let i = 0; i < out.length; ++i) {  // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = (state / 2147483648) * limit;
  }
  return out;
}
