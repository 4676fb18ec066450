// Our own checkpoints: a safetensors file (https://github.com/huggingface/safetensors) whose tensors
// have the names of layout.ts and whose `__metadata__.config` is the model's config as JSON.
import { PackError } from './errors.ts';
import { decodeFloats, FLOAT_BYTES, type FloatType } from './floats.ts';
import { checkConfig, type ModelConfig } from './layout.ts';
import { checkTensors, expectedTensors, type ModelSource } from './source.ts';

const FILE = 'model.safetensors';
const MAX_HEADER_BYTES = 16 << 20;
const MAX_DECODE_LEN = 512;
const FLOAT_TYPES: Record<string, FloatType> = { F16: 'f16', BF16: 'bf16', F32: 'f32' };

type Json = Record<string, unknown>;
interface Entry {
  type: FloatType;
  shape: number[];
  data: Uint8Array;
}

const fail = (text: string): never => {
  throw new PackError('bad_safetensors', `${FILE}: ${text}`);
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parseObject(text: string, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail(`${what} is not JSON`);
  }
  return isObject(value) ? value : fail(`${what} is not a JSON object`);
}

function readEntry(name: string, entry: unknown, body: Uint8Array): Entry {
  if (!isObject(entry)) return fail(`tensor ${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = FLOAT_TYPES[String(dtype)] ?? fail(`tensor ${name} is ${String(dtype)}, must be F32, F16 or BF16`);
  if (!Array.isArray(shape) || !shape.every(isSize)) return fail(`tensor ${name} has no shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    return fail(`tensor ${name} has no data_offsets`);
  }
  const [begin, end] = offsets as [number, number];
  const size = shape.reduce((n, d) => n * d, FLOAT_BYTES[type]);
  if (begin > end || end > body.length || end - begin !== size) {
    return fail(`tensor ${name} of ${size} bytes is declared at ${begin} to ${end} of ${body.length}`);
  }
  return { type, shape, data: body.subarray(begin, end) };
}

function readConfig(text: unknown, entries: Map<string, Entry>): { config: ModelConfig; calibration: number[] } {
  if (typeof text !== 'string') return fail('__metadata__.config is missing; export with training/export.py');
  const json = parseObject(text, '__metadata__.config');
  const config = {
    max_decode_len: MAX_DECODE_LEN,
    ...json,
    head_dim: Number(json.d_model) / Number(json.num_heads),
    contrastive_hidden: entries.get('head.hidden')?.shape[0] ?? 0,
  } as unknown as ModelConfig;
  checkConfig(config);
  const calibration = json.calibration ?? [];
  const usable = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(Math.fround(value));
  if (!Array.isArray(calibration) || calibration.length > 1024 || !calibration.every(usable)) {
    return fail('config: calibration must be a list of at most 1024 finite numbers');
  }
  return { config, calibration };
}

function readMetadata(metadata: Json): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (key !== 'config') texts[key] = typeof value === 'string' ? value : fail(`__metadata__.${key} is not a text`);
  }
  return texts;
}

/** @throws PackError that names the config field or the tensor at fault. */
export function readSafetensors(bytes: Uint8Array): ModelSource {
  if (bytes.length < 8) fail('the file is cut off');
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > MAX_HEADER_BYTES || headerBytes > bytes.length - 8) {
    fail(`a header of ${headerBytes} bytes is declared`);
  }
  const header = parseObject(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)), 'the header');
  const body = bytes.subarray(8 + headerBytes);
  const entries = new Map<string, Entry>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== '__metadata__') entries.set(name, readEntry(name, entry, body));
  }
  const metadata = isObject(header.__metadata__) ? header.__metadata__ : fail('there is no __metadata__');
  const { config, calibration } = readConfig(metadata.config, entries);
  checkTensors(expectedTensors(config), new Map([...entries].map(([name, e]) => [name, e.shape])), FILE);
  return {
    config,
    metadata: readMetadata(metadata),
    calibration,
    read(name) {
      const { data, type } = entries.get(name)!;
      return decodeFloats(data, type);
    },
  };
}
