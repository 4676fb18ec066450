// Reads a SentencePiece `tokenizer.model` (a protobuf, sentencepiece_model.proto) and writes the
// tokenizer section of a .san file (src/tokenizer/FORMAT.md). Strict: what the runtime does not
// implement is refused by name, so that a packed model tokenizes exactly as SentencePiece would.

/** Says why a `tokenizer.model` cannot be packed; `field` is the part of the file at fault. */
export class TokenizerModelError extends Error {
  readonly code = 'bad_tokenizer';
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`tokenizer.model: ${field}: ${problem}`);
    this.name = 'TokenizerModelError';
    this.field = field;
  }
}

const MAX_PIECES = 65536;
const MAX_PIECE_BYTES = 256;
const BPE = 2;
const PieceType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
const Flag = {
  addDummyPrefix: 1,
  removeExtraWhitespaces: 2,
  escapeWhitespaces: 4,
  treatWhitespaceAsSuffix: 8,
  byteFallback: 16,
} as const;

interface Field {
  number: number;
  value: bigint | Uint8Array; // varint; bytes of a fixed64, length-delimited or fixed32 field
}

/** Fields of one protobuf message in order. Groups (wire types 3 and 4) are not read. */
function* fields(message: Uint8Array, name: string): Generator<Field> {
  let at = 0;
  const truncated = () => new TokenizerModelError(name, 'the file is cut off or not a protobuf');
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw truncated();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw truncated();
  };
  const bytes = (size: number): Uint8Array => {
    if (size > message.length - at) throw truncated();
    at += size;
    return message.subarray(at - size, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number === 0) throw truncated();
    switch (Number(tag & 7n)) {
      case 0: yield { number, value: varint() }; break;
      case 1: yield { number, value: bytes(8) }; break;
      case 2: yield { number, value: bytes(Number(varint())) }; break;
      case 5: yield { number, value: bytes(4) }; break;
      default: throw truncated();
    }
  }
}

function asBytes(value: Field['value'], name: string): Uint8Array {
  if (typeof value === 'bigint') throw new TokenizerModelError(name, 'has the wrong wire type');
  return value;
}

function asNumber(value: Field['value'], name: string): number {
  if (typeof value !== 'bigint') throw new TokenizerModelError(name, 'has the wrong wire type');
  return Number(BigInt.asIntN(32, value));
}

function asFloat(value: Field['value'], name: string): number {
  const bytes = asBytes(value, name);
  if (bytes.length !== 4) throw new TokenizerModelError(name, 'has the wrong wire type');
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getFloat32(0, true);
}

function asText(value: Field['value'], name: string): string {
  const bytes = asBytes(value, name);
  if (bytes.includes(0)) throw new TokenizerModelError(name, 'contains a NUL character');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TokenizerModelError(name, 'is not UTF-8');
  }
}

interface Piece {
  text: string;
  score: number;
  type: number;
}

function readPiece(message: Uint8Array, id: number): Piece {
  const name = `pieces[${id}]`;
  const piece: Piece = { text: '', score: 0, type: PieceType.normal };
  for (const { number, value } of fields(message, name)) {
    switch (number) {
      case 1: piece.text = asText(value, `${name}.piece`); break;
      case 2: piece.score = asFloat(value, `${name}.score`); break;
      case 3: piece.type = asNumber(value, `${name}.type`); break;
      default: throw new TokenizerModelError(name, `field ${number} is not known`);
    }
  }
  return piece;
}

interface TrainerSpec {
  modelType: number;
  treatWhitespaceAsSuffix: boolean;
  byteFallback: boolean;
  unkSurface: string;
  bosPiece: string;
  eosPiece: string;
  padPiece: string;
}

/** The training options that change how the model is used; the others have done their work. */
function readTrainerSpec(message: Uint8Array): TrainerSpec {
  const spec: TrainerSpec = {
    modelType: 1, treatWhitespaceAsSuffix: false, byteFallback: false, unkSurface: ' \u2047 ',
    bosPiece: '<s>', eosPiece: '</s>', padPiece: '<pad>',
  };
  for (const { number, value } of fields(message, 'trainer_spec')) {
    switch (number) {
      case 3: spec.modelType = asNumber(value, 'trainer_spec.model_type'); break;
      case 24:
        spec.treatWhitespaceAsSuffix =
          asNumber(value, 'trainer_spec.treat_whitespace_as_suffix') !== 0;
        break;
      case 35: spec.byteFallback = asNumber(value, 'trainer_spec.byte_fallback') !== 0; break;
      case 44: spec.unkSurface = asText(value, 'trainer_spec.unk_surface'); break;
      case 46: spec.bosPiece = asText(value, 'trainer_spec.bos_piece') || spec.bosPiece; break;
      case 47: spec.eosPiece = asText(value, 'trainer_spec.eos_piece') || spec.eosPiece; break;
      case 48: spec.padPiece = asText(value, 'trainer_spec.pad_piece') || spec.padPiece; break;
    }
  }
  return spec;
}

interface NormalizerSpec {
  addDummyPrefix: boolean;
  removeExtraWhitespaces: boolean;
  escapeWhitespaces: boolean;
}

/** Refuses rules: only the identity normalization with SentencePiece's white-space flags is run. */
function readNormalizerSpec(message: Uint8Array, name: string): NormalizerSpec {
  const spec = { addDummyPrefix: true, removeExtraWhitespaces: true, escapeWhitespaces: true };
  let rules = 'identity';
  for (const { number, value } of fields(message, name)) {
    switch (number) {
      case 1: rules = asText(value, `${name}.name`); break;
      case 2:
        if (asBytes(value, name).length === 0) break;
        throw new TokenizerModelError(`${name}.precompiled_charsmap`,
          `normalization rules (${rules}) are not supported; train with ` +
          '--normalization_rule_name=identity');
      case 3: spec.addDummyPrefix = asNumber(value, `${name}.add_dummy_prefix`) !== 0; break;
      case 4:
        spec.removeExtraWhitespaces = asNumber(value, `${name}.remove_extra_whitespaces`) !== 0;
        break;
      case 5: spec.escapeWhitespaces = asNumber(value, `${name}.escape_whitespaces`) !== 0; break;
      case 6: break; // normalization_rule_tsv names a file of training; the charsmap is its result
      default: throw new TokenizerModelError(name, `field ${number} is not known`);
    }
  }
  return spec;
}

interface Model {
  pieces: Piece[];
  trainer: TrainerSpec;
  normalizer: NormalizerSpec;
}

function readModel(bytes: Uint8Array): Model {
  const pieces: Piece[] = [];
  const parts = new Map<number, Uint8Array>();
  for (const { number, value } of fields(bytes, 'file')) {
    const message = asBytes(value, `field ${number}`);
    if (number === 1) {
      if (pieces.length === MAX_PIECES) {
        throw new TokenizerModelError('pieces', `there are more than ${MAX_PIECES}`);
      }
      pieces.push(readPiece(message, pieces.length));
    } else if (number <= 5 && !parts.has(number)) {
      parts.set(number, message); // 2 trainer, 3 normalizer, 4 self test (not needed), 5 denormalizer
    } else {
      throw new TokenizerModelError(`field ${number}`, 'is not known or is there twice');
    }
  }
  const [trainer, normalizer] = [parts.get(2), parts.get(3)];
  if (!trainer || !normalizer) { // SentencePiece always writes both, after the pieces
    throw new TokenizerModelError('file', 'is cut off: trainer_spec or normalizer_spec is missing');
  }
  readNormalizerSpec(parts.get(5) ?? new Uint8Array(), 'denormalizer_spec');
  return {
    pieces,
    trainer: readTrainerSpec(trainer),
    normalizer: readNormalizerSpec(normalizer, 'normalizer_spec'),
  };
}

/** The rules of FORMAT.md, with SentencePiece's own reasons. Returns the id of each text. */
function checkModel({ pieces, trainer }: Model): Map<string, number> {
  if (trainer.modelType !== BPE) {
    const name = ['', 'unigram', 'bpe', 'word', 'char'][trainer.modelType] ?? trainer.modelType;
    throw new TokenizerModelError('trainer_spec.model_type', `is ${name}; only bpe is supported`);
  }
  const ids = new Map<string, number>();
  pieces.forEach((piece, id) => {
    const fail = (problem: string): never => {
      throw new TokenizerModelError(`pieces[${id}] ${JSON.stringify(piece.text)}`, problem);
    };
    if (piece.text === '') fail('is empty');
    if (new TextEncoder().encode(piece.text).length > MAX_PIECE_BYTES) {
      fail(`is longer than ${MAX_PIECE_BYTES} bytes`);
    }
    if (!Number.isFinite(piece.score)) fail('has no finite score');
    if (piece.type < PieceType.normal || piece.type > PieceType.byte) {
      fail(`has the unknown type ${piece.type}`);
    }
    if (piece.type === PieceType.byte) {
      if (!/^<0x[0-9A-F]{2}>$/.test(piece.text)) fail('is a byte piece but not <0x00> to <0xFF>');
      if (!trainer.byteFallback) fail('is a byte piece, but trainer_spec.byte_fallback is false');
    }
    if (ids.has(piece.text)) fail(`is there twice, first as pieces[${ids.get(piece.text)}]`);
    ids.set(piece.text, id);
  });
  const count = (type: number) => pieces.filter((piece) => piece.type === type).length;
  if (count(PieceType.unknown) !== 1) {
    throw new TokenizerModelError('pieces', 'there must be exactly one unknown piece');
  }
  if (trainer.byteFallback && count(PieceType.byte) !== 256) {
    throw new TokenizerModelError('pieces', 'byte_fallback needs all 256 byte pieces');
  }
  for (const name of ['<tool_call>', '<tools>']) {
    const type = pieces[ids.get(name) ?? -1]?.type;
    if (type !== PieceType.control && type !== PieceType.userDefined) {
      throw new TokenizerModelError('pieces', `${name} must be a control or user-defined symbol`);
    }
  }
  return ids;
}

function controlId(model: Model, ids: Map<string, number>, option: string, text: string): number {
  const id = ids.get(text) ?? -1;
  if (model.pieces[id]?.type !== PieceType.control) {
    throw new TokenizerModelError(option, `there is no control piece ${text}; train with --${
      option.slice(0, 3)}_id set`);
  }
  return id;
}

/**
 * Tokenizer section of a .san file for the bytes of a SentencePiece `tokenizer.model`.
 * @throws TokenizerModelError if the file is damaged or asks for what the runtime does not do.
 */
export function buildTokenizerSection(modelBytes: Uint8Array): Uint8Array {
  const model = readModel(modelBytes);
  const ids = checkModel(model);
  const { pieces, trainer, normalizer } = model;
  const utf8 = new TextEncoder();
  const texts = pieces.map((piece) => utf8.encode(piece.text));
  const textBytes = texts.reduce((sum, text) => sum + text.length, 0);
  const unkSurface = utf8.encode(trainer.unkSurface);
  if (unkSurface.length > MAX_PIECE_BYTES) {
    throw new TokenizerModelError('trainer_spec.unk_surface', 'is longer than 256 bytes');
  }

  const n = pieces.length;
  const scoresAt = 28, offsetsAt = scoresAt + 4 * n, typesAt = offsetsAt + 4 * (n + 1);
  const textAt = typesAt + n;
  const section = new Uint8Array(textAt + textBytes + unkSurface.length);
  const view = new DataView(section.buffer);
  view.setUint32(0,
    (normalizer.addDummyPrefix ? Flag.addDummyPrefix : 0) |
    (normalizer.removeExtraWhitespaces ? Flag.removeExtraWhitespaces : 0) |
    (normalizer.escapeWhitespaces ? Flag.escapeWhitespaces : 0) |
    (trainer.treatWhitespaceAsSuffix ? Flag.treatWhitespaceAsSuffix : 0) |
    (trainer.byteFallback ? Flag.byteFallback : 0), true);
  view.setUint32(4, n, true);
  view.setUint32(8, textBytes, true);
  view.setUint32(12, unkSurface.length, true);
  view.setInt32(16, controlId(model, ids, 'pad_piece', trainer.padPiece), true);
  view.setInt32(20, controlId(model, ids, 'eos_piece', trainer.eosPiece), true);
  view.setInt32(24, controlId(model, ids, 'bos_piece', trainer.bosPiece), true);
  let offset = 0;
  pieces.forEach((piece, id) => {
    const text = texts[id]!;
    view.setFloat32(scoresAt + 4 * id, piece.score, true);
    view.setUint32(offsetsAt + 4 * id, offset, true);
    section[typesAt + id] = piece.type;
    section.set(text, textAt + offset);
    offset += text.length;
  });
  view.setUint32(offsetsAt + 4 * n, offset, true);
  section.set(unkSurface, textAt + textBytes);
  return section;
}
