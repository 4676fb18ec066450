// An original Needle v1 checkpoint: a pickle of {"params": nested dict of arrays, "config": dict}, as
// Flax lays it out. Layers are stacked on axis 0, kernels are (in, out).
import { PackError } from './errors.ts';
import { decodeFloats, type FloatType } from './floats.ts';
import { checkConfig, type ModelConfig, type TensorSpec } from './layout.ts';
import { NdArray, readPickle, type Dict, type Value } from './pickle.ts';
import { checkTensors, expectedTensors, type ModelSource } from './source.ts';

const FILE = 'needle.pkl';
const IGNORED = new Set(['log_temp']); // temperature of the contrastive loss, training only
const MAX_ARRAYS = 10000;
const MAX_DECODE_LEN = 512; // what the original generates at most

interface Origin {
  path: string;
  layer?: number; // on axis 0
  kernel: boolean; // stored (in, out)
}

const fail = (text: string): never => {
  throw new PackError('bad_checkpoint', `${FILE}: ${text}`);
};

const MATRICES: Record<string, string> = {
  q: 'q_proj/kernel', k: 'k_proj/kernel', v: 'v_proj/kernel', o: 'out_proj/kernel',
};

/** Where the original keeps the tensor `name`. */
function origin(name: string): Origin {
  switch (name) {
    case 'embedding': return { path: 'embedding/embedding', kernel: false };
    case 'encoder.norm': return { path: 'encoder/final_norm/scale', kernel: false };
    case 'decoder.norm': return { path: 'decoder/ZCRMSNorm_0/scale', kernel: false };
    case 'head.hidden': return { path: 'contrastive_hidden/kernel', kernel: true };
    case 'head.hidden_bias': return { path: 'contrastive_hidden/bias', kernel: false };
    case 'head.output': return { path: 'contrastive_proj/kernel', kernel: true };
  }
  const [stack, layer, sublayer, tensor] = name.split('.') as [string, string, string, string];
  const block = stack === 'encoder' ? 'encoder/layers/EncoderBlock_0' : 'decoder/layers/DecoderBlock_0';
  const kernel = tensor in MATRICES;
  const path =
    kernel ? `${sublayer}_attn/${MATRICES[tensor]}`
    : tensor === 'norm' ? `ZCRMSNorm_${sublayer === 'cross' ? 1 : 0}/scale`
    : tensor === 'gate' ? (stack === 'encoder' ? 'attn_gate' : `${sublayer}_attn_gate`)
    : `${sublayer}_attn/${tensor}/scale`;
  return { path: `${block}/${path}`, layer: Number(layer), kernel };
}

/** All arrays of a nested dict by path; iterative, since a hostile dict may contain itself. */
function flatten(params: Dict): Map<string, NdArray> {
  const arrays = new Map<string, NdArray>();
  const queue: [string, Value, number][] = [['', params, 0]];
  for (const [path, value, depth] of queue) {
    if (value instanceof NdArray) {
      arrays.set(path, value);
      continue;
    }
    if (!(value instanceof Map)) return fail(`parameter ${path} is not an array`);
    if (depth > 8 || queue.length + value.size > MAX_ARRAYS) fail('the parameters are nested too deeply or too many');
    for (const [key, child] of value) queue.push([path ? `${path}/${key}` : String(key), child, depth + 1]);
  }
  return arrays;
}

function readConfig(config: Value | undefined, arrays: Map<string, NdArray>): ModelConfig {
  if (!(config instanceof Map)) return fail('there is no dict "config"');
  const number = (key: string, otherwise?: number): number => {
    const value = config.get(key) ?? otherwise;
    return typeof value === 'number' ? value : fail(`config: ${key} is missing or not a number`);
  };
  const model: ModelConfig = {
    vocab_size: number('vocab_size'),
    d_model: number('d_model'),
    num_heads: number('num_heads'),
    num_kv_heads: number('num_kv_heads'),
    head_dim: number('d_model') / number('num_heads'),
    num_encoder_layers: number('num_encoder_layers'),
    num_decoder_layers: number('num_decoder_layers'),
    max_seq_len: number('max_seq_len'),
    max_decode_len: MAX_DECODE_LEN,
    contrastive_hidden: arrays.get('contrastive_hidden/kernel')?.shape[1] ?? 0,
    contrastive_dim: arrays.get('contrastive_proj/kernel')?.shape[1] ?? 0,
    rope_theta: number('rope_theta', 10000),
    attention: 'bidirectional',
    text_format: 'needle',
  };
  checkConfig(model);
  return model;
}

// Shapes in the pickle: kernels the other way round, scalars without an axis, layers on axis 0.
function expectedArrays(config: ModelConfig): TensorSpec[] {
  const byPath = new Map<string, TensorSpec>();
  for (const { name, shape } of expectedTensors(config)) {
    const { path, layer, kernel } = origin(name);
    const inner = kernel ? [...shape].reverse() : name.endsWith('.gate') ? [] : [...shape];
    const layers = path.startsWith('encoder') ? config.num_encoder_layers : config.num_decoder_layers;
    const outer = layer === undefined ? inner : [layers, ...inner];
    byPath.set(path, { name: path, shape: outer as unknown as TensorSpec['shape'] });
  }
  return [...byPath.values()];
}

const FLOAT_TYPES: Record<string, FloatType> = { f2: 'f16', f4: 'f32' };

/** One layer of an array (or all of it) as float32 in C order. */
function readLayer(array: NdArray, path: string, layer: number | undefined): Float32Array {
  const type = FLOAT_TYPES[`${array.dtype.kind}${array.dtype.size}`] ??
    fail(`parameter ${path} is not float16 or float32`);
  const shape = layer === undefined ? array.shape : array.shape.slice(1);
  const size = shape.reduce((n, d) => n * d, 1);
  if (!array.fortran) {
    const start = (layer ?? 0) * size * array.dtype.size;
    return decodeFloats(array.data.subarray(start, start + size * array.dtype.size), type);
  }
  return fromFortran(decodeFloats(array.data, type), array.shape, layer).slice(0, size);
}

function fromFortran(values: Float32Array, shape: readonly number[], layer: number | undefined): Float32Array {
  const fixed = layer === undefined ? 0 : 1;
  const inner = shape.slice(fixed);
  const size = inner.reduce((n, d) => n * d, 1);
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((n, d) => n * d, 1)).slice(fixed);
  return Float32Array.from({ length: size }, (_, i) => {
    let at = layer ?? 0;
    for (let axis = inner.length - 1; axis >= 0; axis--) {
      at += (i % inner[axis]!) * strides[axis]!;
      i = Math.floor(i / inner[axis]!);
    }
    return values[at]!;
  });
}

function transpose(w: Float32Array, rows: number, cols: number): Float32Array {
  const out = new Float32Array(w.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) out[c * rows + r] = w[r * cols + c]!;
  }
  return out;
}

/** @throws PackError that names the byte, the config field or the parameter at fault. */
export function readNeedle(bytes: Uint8Array): ModelSource {
  const checkpoint = readPickle(bytes, FILE);
  const params = checkpoint instanceof Map ? checkpoint.get('params') : undefined;
  if (!(checkpoint instanceof Map) || !(params instanceof Map)) return fail('there is no dict "params"');
  const arrays = flatten(params);
  for (const name of IGNORED) arrays.delete(name);
  const config = readConfig(checkpoint.get('config'), arrays);
  checkTensors(expectedArrays(config), new Map([...arrays].map(([path, a]) => [path, a.shape])), FILE);
  return {
    config,
    metadata: { name: 'Needle v1 checkpoint' },
    calibration: [],
    read(name) {
      const { path, layer, kernel } = origin(name);
      const array = arrays.get(path)!;
      const values = readLayer(array, path, layer);
      const [inputs, outputs] = array.shape.slice(-2) as [number, number];
      return kernel ? transpose(values, inputs, outputs) : values;
    },
  };
}
