// readPickle: what numpy pickles become, and that nothing else gets through.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PackError } from '../../js/pack/errors.ts';
import { decodeFloats } from '../../js/pack/floats.ts';
import { readNeedle } from '../../js/pack/needle.ts';
import { NdArray, readPickle, type Dict, type Value } from '../../js/pack/pickle.ts';

const golden = new URL('../golden/pickle/', import.meta.url);
const protocol = (n: number) => new Uint8Array(readFileSync(new URL(`protocol${n}.pkl`, golden)));
const values = JSON.parse(readFileSync(new URL('values.json', golden), 'utf8'));
const needle = new Uint8Array(readFileSync(new URL('../../../shared/reference/needle.pkl', import.meta.url)));

const get = (dict: Value | undefined, key: string): Value | undefined => (dict as Dict).get(key);

function refused(bytes: Uint8Array, message: RegExp, read: (bytes: Uint8Array) => unknown = (b) => readPickle(b, 'x.pkl')): void {
  assert.throws(() => read(bytes), (error) => {
    assert.ok(error instanceof PackError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

for (const n of [2, 3, 4, 5]) {
  test(`protocol ${n} gives the values that Python wrote`, () => {
    const checkpoint = readPickle(protocol(n), 'x.pkl');
    const params = get(checkpoint, 'params');
    const c = get(params, 'c') as NdArray;
    assert.deepEqual([c.shape, c.fortran, c.dtype.kind, c.dtype.size], [[2, 3, 4], false, 'f', 2]);
    assert.deepEqual([...decodeFloats(c.data, 'f16')], values.array);
    const fortran = get(params, 'fortran') as NdArray;
    assert.deepEqual([fortran.shape, fortran.fortran], [[2, 3, 4], true]);
    const inFortranOrder = decodeFloats(fortran.data, 'f32');
    for (let i = 0; i < 24; i++) {
      const [a, b, d] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
      assert.equal(inFortranOrder[a + 2 * (b + 3 * d)], values.array[i]);
    }
    assert.deepEqual([...decodeFloats((get(params, 'scalar') as NdArray).data, 'f16')], [0.25]);
    assert.deepEqual([...decodeFloats((get(params, 'numpy_scalar') as NdArray).data, 'f32')], [-1.5]);
    assert.deepEqual(Object.fromEntries(get(checkpoint, 'config') as Dict), values.config);
  });
}

test('Fortran order and C order of a checkpoint give the same tensors', () => {
  const plain = readNeedle(needle);
  const checkpoint = readPickle(needle, 'needle.pkl') as Dict;
  const kernel = ['decoder', 'layers', 'DecoderBlock_0', 'cross_attn', 'k_proj', 'kernel']
    .reduce<Value | undefined>((dict, key) => get(dict, key), checkpoint.get('params')) as NdArray;
  const [layers, rows, cols] = kernel.shape as [number, number, number];
  const bits = new Uint16Array(kernel.data.slice().buffer);
  const turned = new Uint16Array(bits.length);
  bits.forEach((b, i) => {
    const [l, r, c] = [Math.floor(i / (rows * cols)), Math.floor(i / cols) % rows, i % cols];
    turned[l + layers * (r + rows * c)] = b;
  });
  // The pickle keeps arrays as (shape, dtype, is_fortran, bytes): the flag is the opcode before the bytes.
  const at = Buffer.from(needle).indexOf(Buffer.from(kernel.data));
  const flag = needle.lastIndexOf(0x89, at);
  assert.ok(at - flag <= 6);
  const changed = new Uint8Array(needle);
  changed[flag] = 0x88;
  changed.set(new Uint8Array(turned.buffer), at);
  for (let l = 0; l < layers; l++) {
    const name = `decoder.${l}.cross.k`;
    assert.deepEqual(readNeedle(changed).read(name), plain.read(name));
  }
});

const ascii = (text: string) => [...text].map((c) => c.charCodeAt(0));
const pickle = (...parts: (number | string)[]) =>
  Uint8Array.from([0x80, 4, ...parts.flatMap((p) => (typeof p === 'number' ? [p] : ascii(p)))]);

test('no global but those of numpy arrays is let through, and it is named', () => {
  // What pickle.dumps of a class with __reduce__ = (os.system, ("id",)) writes.
  refused(pickle('\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.'), /x\.pkl: byte 14 \(STACK_GLOBAL\): global os\.system is not allowed/);
  refused(pickle('cbuiltins\neval\n'), /byte 2 \(GLOBAL\): global builtins\.eval is not allowed/);
  refused(pickle('c__main__\ntoString\n'), /global __main__\.toString/);
  refused(pickle('cnumpy\n__proto__\n'), /global numpy\.__proto__/);
  refused(pickle('cnumpy\nndarray\n)R.'), /numpy\.ndarray is not called/);
  refused(pickle('cnumpy\ndtype\n\x8c\x02O8\x85R.'), /dtype O8 is not supported/);
});

test('opcodes that build objects or run code are refused by number', () => {
  for (const opcode of [0x81 /* NEWOBJ */, 0x92 /* NEWOBJ_EX */, 0x69 /* INST */, 0x6f /* OBJ */, 0x82 /* EXT1 */,
    0x50 /* PERSID */, 0x51 /* BINPERSID */, 0x97 /* NEXT_BUFFER */, 0x8f /* EMPTY_SET */, 0x49 /* INT */, 0xff]) {
    refused(pickle(')', opcode), new RegExp(`byte 3: opcode 0x${opcode.toString(16)} is not allowed`));
  }
});

test('malformed pickles are refused where they break', () => {
  refused(new Uint8Array(), /byte 0: the file is cut off/);
  refused(Uint8Array.from([0x28, 0x2e]), /byte 0.*not a pickle of protocol/);
  refused(Uint8Array.from([0x80, 6, 0x4e, 0x2e]), /protocol 6 is not supported/);
  refused(pickle('.'), /the stack is empty/);
  refused(pickle('NN.'), /values are left over/);
  refused(pickle('Nt'), /there is no mark/);
  refused(pickle('(\x85.'), /the stack is empty/);
  refused(pickle('h\x05.'), /memo 5 is not set/);
  refused(pickle('N', 0x72, 0xff, 0xff, 0xff, 0x7f), /memo 2147483647 is put before/);
  refused(pickle('B', 0xff, 0xff, 0xff, 0xff, '.'), /BINBYTES.*cut off/);
  refused(pickle('\x8e', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, '.'), /BINBYTES8.*cut off/);
  refused(pickle('\x8c\x02', 0xc3, 0x28, '.'), /not valid UTF-8/);
  refused(pickle(')}s'), /the stack is empty/);
  refused(pickle('}]Ns.'), /neither text nor number/);
  refused(pickle('N)R.'), /no global is called/);
  refused(pickle('N)b.'), /no numpy array/);
});

test('a text in the memo cannot be blown up by encoding it again and again', () => {
  const encode = 'c_codecs\nencode\n\x94' + '\x8c\xc8' + 'a'.repeat(200) + '\x94\x8c\x06latin1\x94';
  refused(pickle(encode, 'h\x00h\x01h\x02\x86R'.repeat(100)), /REDUCE.*_codecs\.encode with unusual arguments/);
});

test('a dict that contains itself or shares itself is refused as a checkpoint', () => {
  const cyclic = pickle('}\x94(\x8c\x06config}\x8c\x06params}\x94\x8c\x01ah\x01su.');
  assert.ok(readPickle(cyclic, 'x.pkl') instanceof Map);
  refused(cyclic, /nested too deeply or too many/, readNeedle);
  // Each level holds the one before it 100 times.
  const entries = (level: number) => Array.from({ length: 100 }, (_, i) => ['K', i, 'h', level]).flat();
  const levels = Array.from({ length: 8 }, (_, level) => ['}(', ...entries(level), 'u\x940']).flat();
  refused(pickle('}\x940', ...levels, '}(\x8c\x06config}\x8c\x06paramsh\x08u.'), /nested too deeply or too many/, readNeedle);
});

test('every truncation of a checkpoint is refused', () => {
  for (const n of [2, 3, 4, 5]) {
    const bytes = protocol(n);
    for (let size = 0; size < bytes.length; size++) refused(bytes.subarray(0, size), /^x\.pkl: byte \d+/);
  }
});

test('every changed byte of a checkpoint is read or refused, never anything else', () => {
  for (const n of [2, 5]) {
    for (let at = 0; at < protocol(n).length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const bytes = protocol(n);
        bytes[at]! ^= change;
        try {
          readPickle(bytes, 'x.pkl');
        } catch (error) {
          if (!(error instanceof PackError)) throw error;
        }
      }
    }
  }
});

test('a checkpoint with a renamed, missing or additional parameter is refused with its path', () => {
  const changed = (from: string, to: string) => {
    const at = Buffer.from(needle).indexOf(from);
    assert.ok(at > 0);
    const bytes = new Uint8Array(needle);
    bytes.set(ascii(to), at);
    return bytes;
  };
  refused(changed('attn_gate', 'attn_gait'), /parameter (en|de)coder\/layers\/.*gate is missing/, readNeedle);
  refused(changed('log_temp', 'log_tomp'), /parameter log_tomp is unknown/, readNeedle);
  refused(changed('num_heads', 'nun_heads'), /config: num_heads is missing/, readNeedle);
  refused(pickle('}.'), /no dict "params"/, readNeedle);
  refused(pickle('N.'), /no dict "params"/, readNeedle);
});
