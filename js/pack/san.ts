// Writes a .san file, src/weights/FORMAT.md. The bytes depend on nothing but the arguments.
import { crc32 } from './crc32.ts';
import { PackError } from './errors.ts';
import { allFinite } from './floats.ts';
import {
  ALIGN, ATTENTION_MODES, SECTION_KIND, TEXT_FORMATS, WEIGHT_TYPES, roundUp, tensorBytes, tensorSections,
  type ModelConfig, type TensorSpec, type WeightType,
} from './layout.ts';
import { writeMatrixF32, writeMatrixI8 } from './matrix.ts';
import type { ModelSource } from './source.ts';

const MAGIC = [0x89, 0x53, 0x41, 0x4e, 0x0d, 0x0a, 0x1a, 0x0a];
const VERSION = 1;
const TABLE_OFFSET = 128;
const ENTRY_BYTES = 32;
const MAX_METADATA_BYTES = 65536;

export interface PackProgress {
  /** Section that was just written, e.g. `encoder.3`. */
  section: string;
  doneBytes: number;
  totalBytes: number;
}

interface Section {
  kind: number;
  index: number;
  name: string;
  bytes: number;
  write(buffer: ArrayBuffer, offset: number): void;
}

function bytesSection(kind: number, name: string, content: Uint8Array): Section {
  return {
    kind, index: 0, name, bytes: content.length,
    write: (buffer, offset) => new Uint8Array(buffer).set(content, offset),
  };
}

function writeTensor(
  source: ModelSource, { name, shape }: TensorSpec, type: WeightType, buffer: ArrayBuffer, offset: number,
): void {
  const values = source.read(name);
  if (!allFinite(values)) throw new PackError('bad_checkpoint', `parameter ${name} has a value that is not finite`);
  const [rows, cols] = shape;
  if (cols === undefined) new Float32Array(buffer, offset, rows).set(values);
  else if (type === 'f32') writeMatrixF32(buffer, offset, values, rows, cols);
  else writeMatrixI8(buffer, offset, values, rows, cols);
}

function sectionsOf(source: ModelSource, tokenizer: Uint8Array, type: WeightType): Section[] {
  const metadata = new TextEncoder().encode(JSON.stringify(source.metadata, Object.keys(source.metadata).sort()));
  if (metadata.length > MAX_METADATA_BYTES) {
    throw new PackError('bad_checkpoint', `the metadata takes ${metadata.length} bytes, at most 65536 fit`);
  }
  const calibration = new Uint8Array(Float32Array.from(source.calibration).buffer);
  const tensors = tensorSections(source.config).map(({ kind, index, name, tensors }): Section => ({
    kind, index, name,
    bytes: tensors.reduce((sum, spec) => sum + tensorBytes(spec, type), 0),
    write(buffer, offset) {
      for (const spec of tensors) {
        writeTensor(source, spec, type, buffer, offset);
        offset += tensorBytes(spec, type);
      }
    },
  }));
  return [
    bytesSection(SECTION_KIND.metadata, 'metadata', metadata),
    bytesSection(SECTION_KIND.tokenizer, 'tokenizer', tokenizer),
    bytesSection(SECTION_KIND.calibration, 'calibration', calibration),
    ...tensors,
  ];
}

function writeConfig(view: DataView, c: ModelConfig, type: WeightType): void {
  const fields = [
    c.vocab_size, c.d_model, c.num_heads, c.num_kv_heads, c.head_dim, c.num_encoder_layers, c.num_decoder_layers,
    c.max_seq_len, c.max_decode_len, c.contrastive_hidden, c.contrastive_dim,
  ];
  fields.forEach((value, i) => view.setUint32(64 + 4 * i, value, true));
  view.setFloat32(108, c.rope_theta, true);
  view.setUint32(112, ATTENTION_MODES.indexOf(c.attention), true);
  view.setUint32(116, TEXT_FORMATS.indexOf(c.text_format), true);
  view.setUint32(120, WEIGHT_TYPES.indexOf(type), true);
}

/** The file as bytes. `onProgress` is awaited after each section, so it can let a page repaint. */
export async function writeSan(
  source: ModelSource,
  tokenizer: Uint8Array,
  type: WeightType,
  onProgress?: (progress: PackProgress) => void | Promise<void>,
): Promise<Uint8Array> {
  const sections = sectionsOf(source, tokenizer, type);
  const headerBytes = roundUp(TABLE_OFFSET + ENTRY_BYTES * sections.length, ALIGN);
  const totalBytes = sections.reduce((sum, s) => sum + roundUp(s.bytes, ALIGN), headerBytes);
  const file = new Uint8Array(totalBytes);
  const view = new DataView(file.buffer);
  file.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, headerBytes, true);
  view.setBigUint64(16, BigInt(totalBytes), true);
  view.setUint32(24, sections.length, true);
  writeConfig(view, source.config, type);

  let offset = headerBytes;
  for (const [i, section] of sections.entries()) {
    section.write(file.buffer, offset);
    const end = offset + roundUp(section.bytes, ALIGN);
    const entry = TABLE_OFFSET + ENTRY_BYTES * i;
    view.setUint32(entry, section.kind, true);
    view.setUint32(entry + 4, section.index, true);
    view.setBigUint64(entry + 8, BigInt(offset), true);
    view.setBigUint64(entry + 16, BigInt(section.bytes), true);
    view.setUint32(entry + 24, crc32(file.subarray(offset, end)), true);
    offset = end;
    await onProgress?.({ section: section.name, doneBytes: offset, totalBytes });
  }
  view.setUint32(28, crc32(file.subarray(0, headerBytes)), true);
  return file;
}
