// What a .san file holds and in which order (src/weights/FORMAT.md, sections 2 to 5), as data: the
// names that a checkpoint must have and the places where the writer puts them both come from here.
import { PackError } from './errors.ts';

export const PANEL_ROWS = 32;
export const ALIGN = 64;

export const ATTENTION_MODES = ['bidirectional', 'tool_isolated'] as const;
export const TEXT_FORMATS = ['needle', 'thimble'] as const;
export const WEIGHT_TYPES = ['f32', 'i8'] as const;

export interface ModelConfig {
  vocab_size: number;
  d_model: number;
  num_heads: number;
  num_kv_heads: number;
  head_dim: number;
  num_encoder_layers: number;
  num_decoder_layers: number;
  max_seq_len: number;
  max_decode_len: number;
  contrastive_hidden: number; // 0 without a head, and so is contrastive_dim
  contrastive_dim: number;
  rope_theta: number;
  attention: (typeof ATTENTION_MODES)[number];
  text_format: (typeof TEXT_FORMATS)[number];
}

export type WeightType = (typeof WEIGHT_TYPES)[number];

/** A vector has shape [n], a matrix [outputs, inputs]. */
export interface TensorSpec {
  name: string;
  shape: readonly [number] | readonly [number, number];
}

export interface TensorSection {
  kind: number;
  index: number;
  name: string;
  tensors: TensorSpec[];
}

export const SECTION_KIND = {
  metadata: 1, tokenizer: 2, calibration: 3, embedding: 4, encoder: 5, decoder: 6, output: 7,
} as const;

export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

function attention(prefix: string, c: ModelConfig): TensorSpec[] {
  const q = c.num_heads * c.head_dim;
  const kv = c.num_kv_heads * c.head_dim;
  return [
    { name: `${prefix}.norm`, shape: [c.d_model] },
    { name: `${prefix}.q_norm`, shape: [c.head_dim] },
    { name: `${prefix}.k_norm`, shape: [c.head_dim] },
    { name: `${prefix}.gate`, shape: [1] },
    { name: `${prefix}.q`, shape: [q, c.d_model] },
    { name: `${prefix}.k`, shape: [kv, c.d_model] },
    { name: `${prefix}.v`, shape: [kv, c.d_model] },
    { name: `${prefix}.o`, shape: [c.d_model, q] },
  ];
}

function output(c: ModelConfig): TensorSpec[] {
  const norms: TensorSpec[] = [
    { name: 'encoder.norm', shape: [c.d_model] },
    { name: 'decoder.norm', shape: [c.d_model] },
  ];
  if (c.contrastive_dim === 0) return norms;
  return [
    ...norms,
    { name: 'head.hidden_bias', shape: [c.contrastive_hidden] },
    { name: 'head.hidden', shape: [c.contrastive_hidden, c.d_model] },
    { name: 'head.output', shape: [c.contrastive_dim, c.contrastive_hidden] },
  ];
}

/** The sections that hold tensors, in file order. */
export function tensorSections(c: ModelConfig): TensorSection[] {
  const sections: TensorSection[] = [
    {
      kind: SECTION_KIND.embedding, index: 0, name: 'embedding',
      tensors: [{ name: 'embedding', shape: [c.vocab_size, c.d_model] }],
    },
  ];
  for (let i = 0; i < c.num_encoder_layers; i++) {
    const name = `encoder.${i}`;
    sections.push({ kind: SECTION_KIND.encoder, index: i, name, tensors: attention(`${name}.self`, c) });
  }
  for (let i = 0; i < c.num_decoder_layers; i++) {
    const name = `decoder.${i}`;
    const tensors = [...attention(`${name}.self`, c), ...attention(`${name}.cross`, c)];
    sections.push({ kind: SECTION_KIND.decoder, index: i, name, tensors });
  }
  sections.push({ kind: SECTION_KIND.output, index: 0, name: 'output', tensors: output(c) });
  return sections;
}

/** Bytes of one tensor in the file; always a multiple of 64. */
export function tensorBytes(spec: TensorSpec, type: WeightType): number {
  const [rows, cols] = spec.shape;
  if (cols === undefined) return roundUp(rows * 4, ALIGN);
  const padded = roundUp(rows, PANEL_ROWS);
  return type === 'f32' ? padded * cols * 4 : padded * 4 + padded * cols;
}

type NumericField = Exclude<keyof ModelConfig, 'attention' | 'text_format'>;

// [low, high, multiple of]; the reader refuses everything else.
const LIMITS: Partial<Record<NumericField, readonly [number, number, number]>> = {
  vocab_size: [8, 65536, 1],
  d_model: [16, 2048, 16],
  num_heads: [1, 64, 1],
  num_kv_heads: [1, 64, 1],
  head_dim: [16, 256, 16],
  num_encoder_layers: [1, 64, 1],
  num_decoder_layers: [1, 64, 1],
  max_seq_len: [32, 8192, 1],
  max_decode_len: [32, 8192, 1],
  contrastive_hidden: [0, 2048, 16],
  contrastive_dim: [0, 2048, 1],
};

/** Throws a PackError that names the field unless a .san file can hold this model. */
export function checkConfig(c: ModelConfig): void {
  const fail = (text: string): never => {
    throw new PackError('bad_checkpoint', `config: ${text}`);
  };
  for (const [field, [low, high, step]] of Object.entries(LIMITS)) {
    const value = c[field as NumericField];
    if (!(Number.isInteger(value) && value >= low && value <= high && value % step === 0)) {
      fail(`${field} is ${value}, must be ${low} to ${high}${step > 1 ? ` and a multiple of ${step}` : ''}`);
    }
  }
  const width = c.num_heads * c.head_dim;
  if (c.num_heads % c.num_kv_heads !== 0) fail(`num_kv_heads ${c.num_kv_heads} must divide num_heads ${c.num_heads}`);
  if (!Number.isInteger(Math.log2(c.head_dim))) fail(`head_dim is ${c.head_dim}, must be a power of two`);
  if (width > 4096) fail(`num_heads * head_dim is ${width}, must be at most 4096`);
  if ((c.contrastive_dim === 0) !== (c.contrastive_hidden === 0)) {
    fail('contrastive_dim and contrastive_hidden must both be 0 or neither');
  }
  if (!(Math.fround(c.rope_theta) > 1 && c.rope_theta <= 1e9)) {
    fail(`rope_theta is ${c.rope_theta}, must be above 1 and at most 1e9`);
  }
  const choices = { attention: ATTENTION_MODES, text_format: TEXT_FORMATS } as const;
  for (const [field, allowed] of Object.entries(choices)) {
    const value = c[field as keyof typeof choices];
    if (!(allowed as readonly string[]).includes(value)) fail(`${field} is ${value}, must be ${allowed.join(' or ')}`);
  }
  if ((c.attention === 'tool_isolated') !== (c.text_format === 'thimble')) {
    fail('text_format thimble goes with attention tool_isolated, needle with bidirectional');
  }
}
