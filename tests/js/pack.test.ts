// packModel: which bytes it writes (read back here by the words of src/weights/FORMAT.md), and which
// checkpoints it refuses. That the runtime reads them is tested in tests/core/weights_test.cc.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packModel, PackError, type PackProgress } from '../../js/pack/pack.ts';
import {
  exportedConfig, f32Tensor, makeSafetensors, rawSafetensors, tinyConfig, tinyTensors, type Tensor,
} from './safetensors_file.ts';

const reference = new URL('../../../shared/reference/', import.meta.url);
const tokenizer = readFileSync(new URL('tokenizer.model', reference));
const needle = readFileSync(new URL('needle.pkl', reference));

const metadata = (config = exportedConfig()) => ({ config: JSON.stringify(config), name: 'tiny', licence: 'CC0' });
const tiny = (change: (tensors: Map<string, Tensor>) => void = () => {}) => {
  const tensors = tinyTensors();
  change(tensors);
  return makeSafetensors(tensors, metadata());
};

/** The sections of a .san file by kind and index. */
function sections(file: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset);
  const found = new Map<string, Uint8Array>();
  for (let i = 0; i < view.getUint32(24, true); i++) {
    const entry = 128 + 32 * i;
    const offset = Number(view.getBigUint64(entry + 8, true));
    const bytes = Number(view.getBigUint64(entry + 16, true));
    assert.equal(offset % 64, 0);
    found.set(`${view.getUint32(entry, true)}.${view.getUint32(entry + 4, true)}`, file.subarray(offset, offset + bytes));
  }
  return found;
}

const floatsOf = (tensor: Tensor) => new Float32Array(tensor.data.slice().buffer);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function halfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Checks an int8 matrix at `at` of a section against its source; returns where it ends. */
function checkMatrixI8(section: Uint8Array, at: number, source: Float32Array, rows: number, cols: number): number {
  const padded = Math.ceil(rows / 32) * 32;
  const view = new DataView(section.buffer, section.byteOffset + at);
  const f = Math.fround;
  for (let r = 0; r < padded; r++) {
    const row = r < rows ? source.subarray(r * cols, (r + 1) * cols) : new Float32Array(cols);
    const max = row.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    const inverse = f(127 / max);
    const usable = max >= f(1e-30);
    assert.equal(view.getFloat32(4 * r, true), usable ? f(max / 127) : 0);
    for (let c = 0; c < cols; c++) {
      const place = (Math.floor(r / 32) * (cols / 4) + Math.floor(c / 4)) * 128 + (r % 32) * 4 + (c % 4);
      const expected = usable ? halfEven(f(row[c]! * inverse)) : 0;
      if (view.getInt8(4 * padded + place) !== expected + 0) assert.fail(`row ${r} column ${c}`);
    }
  }
  return at + padded * 4 + padded * cols;
}

test('an int8 file holds every tensor at its place, quantized by the rule of FORMAT.md', async () => {
  const tensors = tinyTensors();
  const found = sections(await packModel(makeSafetensors(tensors, metadata()), tokenizer));
  const values = (name: string) => floatsOf(tensors.get(name)!);
  assert.deepEqual(JSON.parse(text(found.get('1.0')!)), { licence: 'CC0', name: 'tiny' });
  assert.deepEqual(new Float32Array(found.get('3.0')!.slice().buffer), Float32Array.of(0.5, -2));
  const embedding = found.get('4.0')!;
  assert.equal(checkMatrixI8(embedding, 0, values('embedding'), 1024, 64), embedding.length);

  const decoder = found.get('6.0')!;
  let at = 0;
  for (const part of ['decoder.0.self', 'decoder.0.cross']) {
    for (const [name, size] of [['norm', 64], ['q_norm', 32], ['k_norm', 32], ['gate', 1]] as const) {
      assert.deepEqual(new Float32Array(decoder.slice(at, at + 4 * size).buffer), values(`${part}.${name}`));
      at += Math.ceil((4 * size) / 64) * 64;
    }
    for (const [name, rows] of [['q', 64], ['k', 32], ['v', 32], ['o', 64]] as const) {
      at = checkMatrixI8(decoder, at, values(`${part}.${name}`), rows, 64);
    }
  }
  assert.equal(at, decoder.length);

  const output = found.get('7.0')!;
  assert.deepEqual(new Float32Array(output.slice(256, 512).buffer), values('decoder.norm'));
  assert.deepEqual(new Float32Array(output.slice(512, 576).buffer), values('head.hidden_bias'));
  at = checkMatrixI8(output, 576, values('head.hidden'), 16, 64);
  assert.equal(checkMatrixI8(output, at, values('head.output'), 24, 16), output.length);
});

test('ties round to even, zero and vanishing rows have scale 0', async () => {
  const rows = new Float32Array(1024 * 64);
  rows.set([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5]); // 127 / max is 1
  rows.set([9e-31, -9e-31], 2 * 64); // below 1e-30: counts as zero
  rows.set([1e-30, -1e-30], 3 * 64);
  const file = await packModel(tiny((t) => t.set('embedding', f32Tensor([1024, 64], rows))), tokenizer);
  const embedding = sections(file).get('4.0')!;
  checkMatrixI8(embedding, 0, rows, 1024, 64);
  const code = (r: number, c: number) => (embedding[4096 + Math.floor(c / 4) * 128 + r * 4 + (c % 4)]! << 24) >> 24;
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map((c) => code(0, c)), [127, 0, 2, 2, 0, -2, -2, 126]);
  assert.deepEqual([code(1, 0), code(2, 0), code(3, 0), code(3, 1)], [0, 0, 127, -127]);
  const scales = new Float32Array(embedding.slice(0, 16).buffer);
  assert.deepEqual([...scales.subarray(0, 3)], [1, 0, 0]);
  assert.ok(scales[3]! > 0);
});

test('a float file holds the very values, in panels of 32 rows', async () => {
  const tensors = tinyTensors();
  const file = await packModel(makeSafetensors(tensors, metadata()), tokenizer, { float: true });
  assert.equal(new DataView(file.buffer).getUint32(120, true), 0);
  const section = sections(file).get('7.0')!;
  const view = new DataView(section.buffer, section.byteOffset + 576);
  const hidden = floatsOf(tensors.get('head.hidden')!);
  for (let r = 0; r < 32; r++) {
    for (let c = 0; c < 64; c++) {
      const expected = r < 16 ? hidden[r * 64 + c]! : 0;
      if (view.getFloat32(4 * (c * 32 + r), true) !== expected) assert.fail(`row ${r} column ${c}`);
    }
  }
});

test('float16 and bfloat16 checkpoints hold the same values as float32 ones', async () => {
  const expected = await packModel(tiny(), tokenizer);
  const halves = new Map<number, number>(); // every value that pseudoRandom gives, as float16 bits
  for (let k = -1024; k < 1024; k++) {
    const exponent = k === 0 ? 0 : Math.floor(Math.log2(Math.abs(k)));
    const bits = k === 0 ? 0 : ((exponent + 5) << 10) | (Math.abs(k) * 2 ** (10 - exponent) - 1024);
    halves.set(k / 1024, bits | (k < 0 ? 0x8000 : 0));
  }
  const f16 = tiny((tensors) => {
    for (const [name, tensor] of tensors) {
      const bits = Uint16Array.from(floatsOf(tensor), (v) => halves.get(v)!);
      tensors.set(name, { ...tensor, dtype: 'F16', data: new Uint8Array(bits.buffer) });
    }
  });
  assert.deepEqual(await packModel(f16, tokenizer), expected);

  const coarse = (v: number) => new Float32Array(Uint32Array.of(new Uint32Array(Float32Array.of(v).buffer)[0]! & 0xffff0000).buffer)[0]!;
  const asF32 = tiny((t) => t.set('embedding', f32Tensor([1024, 64], floatsOf(t.get('embedding')!).map(coarse))));
  const asBf16 = tiny((t) => {
    const bits = new Uint32Array(floatsOf(t.get('embedding')!).buffer);
    t.set('embedding', { dtype: 'BF16', shape: [1024, 64], data: new Uint8Array(Uint16Array.from(bits, (b) => b >>> 16).buffer) });
  });
  assert.deepEqual(await packModel(asBf16, tokenizer), await packModel(asF32, tokenizer));
});

test('the header says what the file is; the same input gives the same bytes; progress reaches the end', async () => {
  const steps: PackProgress[] = [];
  const file = await packModel(needle, tokenizer, { onProgress: (step) => { steps.push(step); } });
  assert.deepEqual(await packModel(new Uint8Array(needle), new Uint8Array(tokenizer)), file);
  assert.equal(text(file.subarray(1, 4)), 'SAN');
  const view = new DataView(file.buffer);
  assert.equal(Number(view.getBigUint64(16, true)), file.length);
  const config = Array.from({ length: 11 }, (_, i) => view.getUint32(64 + 4 * i, true));
  assert.deepEqual(config, [1024, 64, 4, 2, 16, 3, 2, 1024, 512, 16, 128]);
  assert.equal(view.getFloat32(108, true), 10000);
  assert.deepEqual([112, 116, 120, 124].map((at) => view.getUint32(at, true)), [0, 0, 1, 0]);
  assert.deepEqual(steps.map((s) => s.section), ['metadata', 'tokenizer', 'calibration', 'embedding',
    'encoder.0', 'encoder.1', 'encoder.2', 'decoder.0', 'decoder.1', 'output']);
  assert.ok(steps.every((s, i) => s.totalBytes === file.length && s.doneBytes >= (steps[i - 1]?.doneBytes ?? 0)));
  assert.equal(steps.at(-1)!.doneBytes, file.length);
});

test('a safetensors file is known by its header, whatever the length of that', async () => {
  const config = JSON.stringify(exportedConfig());
  for (let more = 0; more < 256; more++) {  // 0x80, with which a pickle starts, is one of the lowest bytes of the length
    const file = makeSafetensors(tinyTensors(), { config, name: 'x'.repeat(more) });
    if (file[0] !== 0x80) continue;
    assert.equal(text((await packModel(file, tokenizer)).subarray(1, 4)), 'SAN');
    return;
  }
  assert.fail('no length ended in 0x80');
});

test('a model without a contrastive head packs', async () => {
  const config = { ...tinyConfig, contrastive_dim: 0, contrastive_hidden: 0 };
  const file = makeSafetensors(tinyTensors(config), metadata(exportedConfig(config)));
  assert.equal(sections(await packModel(file, tokenizer)).get('7.0')!.length, 512);
});

const refusals: [what: string, file: Uint8Array, message: RegExp][] = [
  ['a missing parameter', tiny((t) => t.delete('encoder.1.self.k_norm')), /parameter encoder\.1\.self\.k_norm is missing/],
  ['an unknown parameter', tiny((t) => t.set('encoder.0.ffn.up', f32Tensor([1], [0]))), /parameter encoder\.0\.ffn\.up is unknown/],
  ['a wrong shape', tiny((t) => t.set('encoder.norm', f32Tensor([8], new Array(8).fill(0)))), /encoder\.norm has shape \[8\], the config calls for \[64\]/],
  ['a value that is not finite', tiny((t) => t.set('decoder.0.self.gate', f32Tensor([1], [NaN]))), /decoder\.0\.self\.gate has a value that is not finite/],
  ['another number type', tiny((t) => t.set('encoder.norm', { dtype: 'I64', shape: [64], data: new Uint8Array(512) })), /encoder\.norm is I64/],
  ['a wrong vocabulary', makeSafetensors(tinyTensors({ ...tinyConfig, vocab_size: 512 }), metadata(exportedConfig({ ...tinyConfig, vocab_size: 512 }))), /1024 pieces.*vocab_size is 512/],
  ['an impossible config', makeSafetensors(tinyTensors(), metadata({ ...exportedConfig(), num_heads: 3 })), /config: head_dim is 21/],
  ['a config of huge sizes', makeSafetensors(tinyTensors(), metadata({ ...exportedConfig(), vocab_size: 1e9 })), /vocab_size is 1000000000, must be 8 to 65536/],
  ['another attention', makeSafetensors(tinyTensors(), metadata({ ...exportedConfig(), attention: 'sideways' })), /attention is sideways/],
  ['attention and text format at odds', makeSafetensors(tinyTensors(), metadata({ ...exportedConfig(), attention: 'bidirectional' })), /thimble goes with/],
  ['a calibration of texts', makeSafetensors(tinyTensors(), metadata({ ...exportedConfig(), calibration: ['a'] })), /calibration/],
  ['no config', makeSafetensors(tinyTensors(), { name: 'x' }), /__metadata__\.config is missing/],
  ['no metadata', rawSafetensors('{}', new Uint8Array()), /no __metadata__/],
  ['a header that is not JSON', rawSafetensors('{"a":', new Uint8Array()), /the header is not JSON/],
  ['a header that is longer than the file', tiny().subarray(0, 100), /a header of \d+ bytes is declared/],
  ['a tensor beyond the end', tiny().subarray(0, tiny().length - 1), /is declared at \d+ to \d+ of/],
  ['offsets that do not fit the shape', rawSafetensors('{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]},"__metadata__":{}}', new Uint8Array(8)), /tensor x of 8 bytes is declared at 0 to 4/],
  ['negative offsets', rawSafetensors('{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]},"__metadata__":{}}', new Uint8Array(8)), /tensor x has no data_offsets/],
  ['an overflowing shape', rawSafetensors('{"x":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]},"__metadata__":{}}', new Uint8Array(8)), /tensor x of/],
  ['a zip file', Uint8Array.from([0x50, 0x4b, 3, 4]), /neither a Needle v1 pickle/],
  ['an empty file', new Uint8Array(), /neither a Needle v1 pickle/],
];
for (const [what, file, message] of refusals) {
  test(`a checkpoint with ${what} is refused with its name`, async () => {
    await assert.rejects(packModel(file, tokenizer), (error) => {
      assert.ok(error instanceof PackError, String(error));
      assert.match(error.message, message);
      return true;
    });
  });
}
