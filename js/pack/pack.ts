// Makes a .san model file from a checkpoint and its tokenizer, in Node and in the browser alike.
import { PackError } from './errors.ts';
import { readNeedle } from './needle.ts';
import { readSafetensors } from './safetensors.ts';
import { writeSan, type PackProgress } from './san.ts';
import { buildTokenizerSection } from './sentencepiece.ts';
import type { ModelSource } from './source.ts';

export { PackError } from './errors.ts';
export { TokenizerModelError } from './sentencepiece.ts';
export type { PackProgress } from './san.ts';

export interface PackOptions {
  /** Keep float32 weights: four times the size, for comparison with the original. */
  float?: boolean;
  onProgress?: (progress: PackProgress) => void | Promise<void>;
}

const PICKLE_PROTO = 0x80;
const BRACE = 0x7b;

// A safetensors file starts with the length of its JSON header, below 2^32, so four bytes are zero; its first byte may be
// any, that of a pickle too. In a pickle those four and a brace would be a frame of 2^40 bytes.
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === BRACE && bytes.subarray(4, 8).every((byte) => byte === 0);
}

function readCheckpoint(bytes: Uint8Array): ModelSource {
  if (isSafetensors(bytes)) return readSafetensors(bytes);
  if (bytes[0] === PICKLE_PROTO) return readNeedle(bytes);
  throw new PackError('bad_checkpoint',
    'the checkpoint is neither a Needle v1 pickle (needle.pkl) nor a safetensors file');
}

/**
 * `checkpoint`: bytes of a `needle.pkl` or `model.safetensors`; `tokenizerModel`: bytes of the
 * SentencePiece `tokenizer.model` that it was trained with. Returns the bytes of the .san file.
 * @throws PackError, TokenizerModelError
 */
export async function packModel(
  checkpoint: Uint8Array,
  tokenizerModel: Uint8Array,
  options: PackOptions = {},
): Promise<Uint8Array> {
  const source = readCheckpoint(checkpoint);
  const tokenizer = buildTokenizerSection(tokenizerModel);
  const pieces = new DataView(tokenizer.buffer, tokenizer.byteOffset).getUint32(4, true);
  const { vocab_size: vocabulary } = source.config;
  if (pieces !== vocabulary) {
    throw new PackError('bad_checkpoint', `tokenizer.model has ${pieces} pieces, the checkpoint's vocab_size is ${
      vocabulary}: they do not belong together`);
  }
  return writeSan(source, tokenizer, options.float ? 'f32' : 'i8', options.onProgress);
}
