// buildTokenizerSection: what it refuses, and that it names the part of the file at fault. That the
// sections it writes tokenize as SentencePiece does is tested in tests/core/tokenizer_test.cc.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { buildTokenizerSection, TokenizerModelError } from '../../js/pack/sentencepiece.ts';

// The fields of sentencepiece_model.proto that these tests write; `newer` stands for one to come.
const { root } = protobuf.parse(`
  syntax = "proto2";
  message Piece { optional bytes piece = 1; optional float score = 2; optional int32 type = 3; optional int32 newer = 9; }
  message Trainer {
    optional int32 model_type = 3; optional string model_prefix = 2; optional bool treat_whitespace_as_suffix = 24;
    optional bool byte_fallback = 35; optional string unk_surface = 44; optional string pad_piece = 48;
    optional int32 newer = 99;
  }
  message Normalizer {
    optional string name = 1; optional bytes precompiled_charsmap = 2; optional bool add_dummy_prefix = 3;
    optional bool remove_extra_whitespaces = 4; optional bool escape_whitespaces = 5; optional int32 newer = 9;
  }
  message Model {
    repeated Piece pieces = 1; optional Trainer trainer_spec = 2; optional Normalizer normalizer_spec = 3;
    optional bytes self_test_data = 4; optional Normalizer denormalizer_spec = 5; optional bytes newer = 9;
  }`);

const utf8 = new TextEncoder();
interface Piece { piece: Uint8Array; score?: number; type?: number; newer?: number }
const piece = (text: string, type: number, score = 0): Piece => ({ piece: utf8.encode(text), score, type });

/** Fresh each time: six specials, "a", "b", "ab". */
function validModel() {
  return {
    pieces: [piece('<pad>', 3), piece('</s>', 3), piece('<s>', 3), piece('<unk>', 2), piece('<tool_call>', 3),
      piece('<tools>', 4), piece('a', 1, -1.5), piece('b', 5, -2), { piece: utf8.encode('ab') } as Piece],
    trainerSpec: { modelType: 2 } as Record<string, unknown>,
    normalizerSpec: {} as Record<string, unknown>,
  } as { pieces: Piece[]; trainerSpec: Record<string, unknown>; normalizerSpec: Record<string, unknown>;
    denormalizerSpec?: Record<string, unknown>; newer?: Uint8Array };
}

function serialize(model: object): Uint8Array {
  const type = root.lookupType('Model');
  return type.encode(type.fromObject(model)).finish();
}

function assertRefused(bytes: Uint8Array, field: string, problem: RegExp) {
  assert.throws(() => buildTokenizerSection(bytes), (error: unknown) => {
    assert.ok(error instanceof TokenizerModelError, String(error));
    assert.equal(error.code, 'bad_tokenizer');
    assert.equal(error.field, field);
    assert.match(error.message, problem);
    return true;
  });
}

test('a section has the bytes that src/tokenizer/FORMAT.md states', () => {
  const section = buildTokenizerSection(serialize(validModel()));
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const n = 9;
  const text = '<pad></s><s><unk><tool_call><tools>abab';
  assert.equal(section.length, 32 + 9 * n + text.length + 5);
  assert.deepEqual([0, 4, 8, 12].map((at) => view.getUint32(at, true)), [7, n, text.length, 5]);
  assert.deepEqual([16, 20, 24].map((at) => view.getInt32(at, true)), [0, 1, 2]);
  assert.deepEqual([6, 7, 8].map((id) => view.getFloat32(28 + 4 * id, true)), [-1.5, -2, 0]);
  assert.deepEqual([0, 6, 7, 8, 9].map((id) => view.getUint32(28 + 4 * n + 4 * id, true)), [0, 35, 36, 37, 39]);
  assert.deepEqual([...section.subarray(32 + 8 * n, 32 + 9 * n)], [3, 3, 3, 2, 3, 4, 1, 5, 1]);
  assert.equal(new TextDecoder().decode(section.subarray(32 + 9 * n)), `${text} \u2047 `);
});

test('each white-space option has its own flag', () => {
  const flags = (trainer: object, normalizer: object) => buildTokenizerSection(serialize({
    ...validModel(), trainerSpec: { modelType: 2, ...trainer }, normalizerSpec: normalizer,
  }))[0];
  assert.equal(flags({}, { addDummyPrefix: false }), 6);
  assert.equal(flags({}, { removeExtraWhitespaces: false }), 5);
  assert.equal(flags({}, { escapeWhitespaces: false }), 3);
  assert.equal(flags({ treatWhitespaceAsSuffix: true }, {}), 15);
});

test('every model type but bpe is refused by its name', () => {
  for (const [type, name] of [[undefined, 'unigram'], [1, 'unigram'], [3, 'word'], [4, 'char'], [7, '7']] as const) {
    const model = validModel();
    model.trainerSpec = type === undefined ? {} : { modelType: type };
    assertRefused(serialize(model), 'trainer_spec.model_type', new RegExp(`is ${name}; only bpe`));
  }
});

test('normalization and denormalization rules are refused by their name', () => {
  const rules = { name: 'nmt_nfkc', precompiledCharsmap: new Uint8Array(8) };
  assertRefused(serialize({ ...validModel(), normalizerSpec: rules }), 'normalizer_spec.precompiled_charsmap', /nmt_nfkc/);
  assertRefused(serialize({ ...validModel(), denormalizerSpec: rules }), 'denormalizer_spec.precompiled_charsmap', /nmt_nfkc/);
});

test('fields of a later SentencePiece are refused where they could change the ids, and only there', () => {
  assertRefused(serialize({ ...validModel(), normalizerSpec: { newer: 1 } }), 'normalizer_spec', /field 9 is not known/);
  assertRefused(serialize({ ...validModel(), newer: new Uint8Array(1) }), 'field 9', /not known/);
  const model = validModel();
  model.pieces[6]!.newer = 1;
  assertRefused(serialize(model), 'pieces[6]', /field 9 is not known/);
  buildTokenizerSection(serialize({ ...validModel(), trainerSpec: { modelType: 2, modelPrefix: 'x', newer: 1 } }));
});

test('a piece that breaks a rule is refused by its number and text', () => {
  const refuse = (id: number, broken: Piece, field: string, problem: RegExp) => {
    const model = validModel();
    model.pieces[id] = broken;
    assertRefused(serialize(model), field, problem);
  };
  refuse(6, piece('', 1), 'pieces[6] ""', /is empty/);
  refuse(6, piece('x'.repeat(257), 1), `pieces[6] "${'x'.repeat(257)}"`, /longer than 256/);
  refuse(6, piece('b', 1), 'pieces[7] "b"', /first as pieces\[6\]/);
  refuse(6, piece('a', 7), 'pieces[6] "a"', /type 7/);
  refuse(6, piece('a', 1, NaN), 'pieces[6] "a"', /finite/);
  refuse(6, piece('<0x41>', 6), 'pieces[6] "<0x41>"', /byte_fallback is false/);
  refuse(6, piece('<0x4a>', 6), 'pieces[6] "<0x4a>"', /<0x00> to <0xFF>/);
  refuse(6, { piece: new Uint8Array([0xff]) }, 'pieces[6].piece', /not UTF-8/);
  refuse(6, piece('a\0', 1), 'pieces[6].piece', /NUL/);
  refuse(6, piece('<unk2>', 2), 'pieces', /exactly one unknown/);
  refuse(4, piece('<tool_call>', 1), 'pieces', /<tool_call> must be a control/);
  refuse(5, piece('<tool>', 4), 'pieces', /<tools> must be a control/);
  refuse(0, piece('<padding>', 3), 'pad_piece', /no control piece <pad>/);
});

test('byte fallback without all byte pieces, and a bad unknown surface, are refused', () => {
  const trainer = (spec: object) => serialize({ ...validModel(), trainerSpec: { modelType: 2, ...spec } });
  assertRefused(trainer({ byteFallback: true }), 'pieces', /all 256 byte pieces/);
  assertRefused(trainer({ unkSurface: 'x'.repeat(257) }), 'trainer_spec.unk_surface', /longer than 256/);
  assertRefused(trainer({ unkSurface: 'a\0b' }), 'trainer_spec.unk_surface', /NUL/);
});

test('a special piece that the model names differently is found by that name', () => {
  const model = validModel();
  model.pieces[0] = piece('[PAD]', 3);
  model.trainerSpec.padPiece = '[PAD]';
  assert.equal(new DataView(buildTokenizerSection(serialize(model)).buffer).getInt32(16, true), 0);
});

test('a file cut off anywhere, and bytes that are no protobuf, are refused with a TokenizerModelError', () => {
  const bytes = serialize(validModel());
  for (let size = 0; size < bytes.length; ++size) {
    assert.throws(() => buildTokenizerSection(bytes.subarray(0, size)), TokenizerModelError);
  }
  for (const junk of [[0], [0x0b], [0x80], [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    new Array<number>(20).fill(0xff), [0x08, 0x01], utf8.encode('PK\x03\x04 not a model')]) {
    assert.throws(() => buildTokenizerSection(Uint8Array.from(junk)), TokenizerModelError);
  }
});

test('any single changed byte gives a section or a TokenizerModelError, nothing else', () => {
  const bytes = serialize(validModel());
  for (let at = 0; at < bytes.length; ++at) {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = value;
      try {
        buildTokenizerSection(changed);
      } catch (error) {
        assert.ok(error instanceof TokenizerModelError, `byte ${at} = ${value}: ${String(error)}`);
      }
    }
  }
});
