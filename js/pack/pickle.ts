// Reads the pickle of a checkpoint as data: dicts, lists, numbers, texts and numpy arrays. It knows
// the opcodes of protocols 2 to 5 that such data needs and a closed list of globals, each of which
// stands for a small function below; nothing named by the file is ever looked up, imported or called.
import { PackError } from './errors.ts';

/** A numpy array: `data` holds its elements in C order, or in Fortran order if `fortran`. */
export class NdArray {
  shape: number[] = [];
  dtype = new DType('?', 0);
  fortran = false;
  data: Uint8Array = new Uint8Array(0);
}

/** `kind` is the letter of numpy, e.g. 'f'; always little endian where size > 1. */
export class DType {
  constructor(readonly kind: string, readonly size: number) {}
}

class Global {
  constructor(readonly name: string, readonly make: (args: Value[]) => Value) {}
}

class Mark {}

export type Dict = Map<string | number, Value>;
/** Tuples and lists are both arrays. */
export type Value = null | boolean | number | string | Uint8Array | Value[] | Dict | NdArray | DType | Global;

type Maybe = Value | undefined;

class Refused extends Error {}
const refuse = (problem: string): never => {
  throw new Refused(problem);
};

const asNumber = (v: Maybe): number => (typeof v === 'number' ? v : refuse('a number is expected'));
const asText = (v: Maybe): string => (typeof v === 'string' ? v : refuse('a text is expected'));
const asList = (v: Maybe): Value[] => (Array.isArray(v) ? v : refuse('a list is expected'));
const asBytes = (v: Maybe): Uint8Array => (v instanceof Uint8Array ? v : refuse('bytes are expected'));
const asDType = (v: Maybe): DType => (v instanceof DType ? v : refuse('a dtype is expected'));

function fillArray(array: NdArray, shape: Maybe, dtype: Maybe, fortran: boolean, data: Maybe): NdArray {
  array.shape = asList(shape).map(asNumber);
  array.dtype = asDType(dtype);
  array.fortran = fortran;
  array.data = asBytes(data);
  const count = array.shape.reduce((n, d) => (Number.isInteger(d) && d >= 0 ? n * d : NaN), 1);
  if (array.data.length !== count * array.dtype.size) {
    refuse(`an array of shape [${array.shape}] and ${array.dtype.size}-byte elements has ${array.data.length} bytes`);
  }
  return array;
}

function makeDType([name]: Value[]): DType {
  const match = /^[<|]?([biuf])([1248])$/.exec(asText(name));
  if (!match) return refuse(`dtype ${String(name)} is not supported`);
  return new DType(match[1]!, Number(match[2]));
}

const GLOBALS = new Map<string, (args: Value[]) => Value>([
  ['numpy.ndarray', () => refuse('numpy.ndarray is not called in a checkpoint')],
  ['numpy.dtype', makeDType],
  ['collections.OrderedDict', (args) => (args.length ? refuse('OrderedDict with items') : new Map())],
]);
for (const core of ['numpy.core', 'numpy._core']) {
  GLOBALS.set(`${core}.multiarray._reconstruct`, () => new NdArray());
  GLOBALS.set(`${core}.multiarray.scalar`, ([dtype, data]) => fillArray(new NdArray(), [], dtype, false, data));
  GLOBALS.set(`${core}.numeric._frombuffer`, ([data, dtype, shape, order]) =>
    fillArray(new NdArray(), shape, dtype, order === 'F', data));
}

const OPCODES: Record<number, string> = {
  0x80: 'PROTO', 0x95: 'FRAME', 0x2e: 'STOP', 0x28: 'MARK', 0x30: 'POP', 0x31: 'POP_MARK',
  0x4e: 'NONE', 0x88: 'NEWTRUE', 0x89: 'NEWFALSE', 0x4a: 'BININT', 0x4b: 'BININT1', 0x4d: 'BININT2',
  0x8a: 'LONG1', 0x47: 'BINFLOAT', 0x58: 'BINUNICODE', 0x8c: 'SHORT_BINUNICODE', 0x8d: 'BINUNICODE8',
  0x42: 'BINBYTES', 0x43: 'SHORT_BINBYTES', 0x8e: 'BINBYTES8', 0x96: 'BYTEARRAY8',
  0x7d: 'EMPTY_DICT', 0x5d: 'EMPTY_LIST', 0x29: 'EMPTY_TUPLE', 0x74: 'TUPLE', 0x85: 'TUPLE1',
  0x86: 'TUPLE2', 0x87: 'TUPLE3', 0x61: 'APPEND', 0x65: 'APPENDS', 0x73: 'SETITEM', 0x75: 'SETITEMS',
  0x71: 'BINPUT', 0x72: 'LONG_BINPUT', 0x94: 'MEMOIZE', 0x68: 'BINGET', 0x6a: 'LONG_BINGET',
  0x63: 'GLOBAL', 0x93: 'STACK_GLOBAL', 0x52: 'REDUCE', 0x62: 'BUILD',
};

class Reader {
  at = 0;
  private readonly view: DataView;
  private readonly stack: (Value | Mark)[] = [];
  private readonly memo: Value[] = [];
  private encodedBytes = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Runs one opcode; true after STOP. */
  step(name: string): boolean {
    switch (name) {
      case 'PROTO': this.protocol(this.uint(1)); break;
      case 'FRAME': this.uint(8); break;
      case 'STOP': return true;
      case 'MARK': this.stack.push(new Mark()); break;
      case 'POP': this.popAny(); break;
      case 'POP_MARK': this.popMark(); break;
      case 'NONE': this.stack.push(null); break;
      case 'NEWTRUE': this.stack.push(true); break;
      case 'NEWFALSE': this.stack.push(false); break;
      case 'BININT': this.stack.push(this.uint(4) | 0); break;
      case 'BININT1': this.stack.push(this.uint(1)); break;
      case 'BININT2': this.stack.push(this.uint(2)); break;
      case 'LONG1': this.stack.push(this.long(this.uint(1))); break;
      case 'BINFLOAT': this.take(8); this.stack.push(this.view.getFloat64(this.at - 8)); break;
      case 'SHORT_BINUNICODE': this.stack.push(this.text(this.uint(1))); break;
      case 'BINUNICODE': this.stack.push(this.text(this.uint(4))); break;
      case 'BINUNICODE8': this.stack.push(this.text(this.uint(8))); break;
      case 'SHORT_BINBYTES': this.stack.push(this.take(this.uint(1))); break;
      case 'BINBYTES': this.stack.push(this.take(this.uint(4))); break;
      case 'BINBYTES8': case 'BYTEARRAY8': this.stack.push(this.take(this.uint(8))); break;
      case 'EMPTY_DICT': this.stack.push(new Map()); break;
      case 'EMPTY_LIST': case 'EMPTY_TUPLE': this.stack.push([]); break;
      case 'TUPLE': this.stack.push(this.popMark()); break;
      case 'TUPLE1': this.tuple(1); break;
      case 'TUPLE2': this.tuple(2); break;
      case 'TUPLE3': this.tuple(3); break;
      case 'APPEND': this.append([this.pop()]); break;
      case 'APPENDS': this.append(this.popMark()); break;
      case 'SETITEM': { const value = this.pop(); this.setItems([this.pop(), value]); break; }
      case 'SETITEMS': this.setItems(this.popMark()); break;
      case 'BINPUT': this.memo[this.put(this.uint(1))] = this.top(); break;
      case 'LONG_BINPUT': this.memo[this.put(this.uint(4))] = this.top(); break;
      case 'MEMOIZE': this.memo.push(this.top()); break;
      case 'BINGET': this.stack.push(this.get(this.uint(1))); break;
      case 'LONG_BINGET': this.stack.push(this.get(this.uint(4))); break;
      case 'GLOBAL': this.stack.push(this.global(this.line(), this.line())); break;
      case 'STACK_GLOBAL': {
        const symbol = asText(this.pop());
        this.stack.push(this.global(asText(this.pop()), symbol));
        break;
      }
      case 'REDUCE': this.reduce(); break;
      case 'BUILD': this.build(this.pop()); break;
    }
    return false;
  }

  result(): Value {
    const value = this.pop();
    return this.stack.length === 0 ? value : refuse('values are left over');
  }

  private protocol(version: number): void {
    if (version < 2 || version > 5) refuse(`pickle protocol ${version} is not supported, save with protocol 2 to 5`);
  }

  private take(size: number): Uint8Array {
    if (size > this.bytes.length - this.at) refuse('the file is cut off');
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  uint(size: 1 | 2 | 4 | 8): number {
    this.take(size);
    const start = this.at - size;
    switch (size) {
      case 1: return this.view.getUint8(start);
      case 2: return this.view.getUint16(start, true);
      case 4: return this.view.getUint32(start, true);
      case 8: return Number(this.view.getBigUint64(start, true));
    }
  }

  private long(size: number): number {
    let value = 0n;
    const bytes = this.take(size);
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    return Number(BigInt.asIntN(8 * size, value));
  }

  private text(size: number): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(size));
    } catch (error) {
      if (error instanceof Refused) throw error;
      return refuse('a text is not valid UTF-8');
    }
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0 || end - this.at > 200) refuse('the name of a global is cut off');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  private popAny(): Value | Mark {
    const value = this.stack.pop();
    return value === undefined ? refuse('the stack is empty') : value;
  }

  private pop(): Value {
    const value = this.popAny();
    return value instanceof Mark ? refuse('the stack is empty') : value;
  }

  private popMark(): Value[] {
    const mark = this.stack.findLastIndex((v) => v instanceof Mark);
    if (mark < 0) refuse('there is no mark');
    return this.stack.splice(mark).slice(1) as Value[];
  }

  private top(): Value {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  private tuple(size: number): void {
    const items: Value[] = [];
    for (let i = 0; i < size; i++) items.unshift(this.pop());
    this.stack.push(items);
  }

  private append(items: Value[]): void {
    const list = asList(this.top());
    for (const item of items) list.push(item);
  }

  private setItems(items: Value[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2) return refuse('a dict and pairs are expected');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (typeof key !== 'string' && typeof key !== 'number') return refuse('a dict key is neither text nor number');
      dict.set(key, items[i + 1]!);
    }
  }

  private put(index: number): number {
    return index <= this.memo.length ? index : refuse(`memo ${index} is put before memo ${this.memo.length}`);
  }

  private get(index: number): Value {
    const value = this.memo[index];
    return value === undefined ? refuse(`memo ${index} is not set`) : value;
  }

  private global(module: string, name: string): Global {
    const full = `${module}.${name}`;
    if (full === '_codecs.encode') return new Global(full, (args) => this.encode(args));
    const make = GLOBALS.get(full);
    return make ? new Global(full, make) : refuse(`global ${full} is not allowed in a checkpoint`);
  }

  // How protocol 2 spells bytes. Bounded, because a text in the memo could be encoded again and again.
  private encode([text, encoding]: Value[]): Uint8Array {
    const from = asText(text);
    this.encodedBytes += from.length;
    if (encoding !== 'latin1' || this.encodedBytes > this.bytes.length) {
      return refuse('_codecs.encode with unusual arguments');
    }
    return Uint8Array.from(from, (c) => (c.charCodeAt(0) < 256 ? c.charCodeAt(0) : refuse('a byte above 255')));
  }

  private reduce(): void {
    const args = asList(this.pop());
    const callee = this.pop();
    this.stack.push(callee instanceof Global ? callee.make(args) : refuse('something that is no global is called'));
  }

  private build(state: Value): void {
    const target = this.top();
    const fields = asList(state);
    if (target instanceof NdArray) {
      fillArray(target, fields[1], fields[2], fields[3] === true || fields[3] === 1, fields[4]);
    } else if (target instanceof DType) {
      if (fields[1] !== '<' && fields[1] !== '|') refuse('a dtype is not little endian');
      if (fields.slice(2, 5).some((f) => f !== null)) refuse('a dtype with fields');
    } else {
      refuse('state is set on something that is no numpy array');
    }
  }
}

/**
 * The value that a pickle describes.
 * @throws PackError (`bad_pickle`) that names the byte offset, and the opcode or global at fault.
 */
export function readPickle(bytes: Uint8Array, file: string): Value {
  const reader = new Reader(bytes);
  let start = 0;
  let name = '';
  try {
    for (;;) {
      start = reader.at;
      name = '';
      const code = reader.uint(1);
      name = OPCODES[code] ?? refuse(`opcode 0x${code.toString(16).padStart(2, '0')} is not allowed in a checkpoint`);
      if (start === 0 && name !== 'PROTO') refuse('this is not a pickle of protocol 2 to 5');
      if (reader.step(name)) return reader.result();
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new PackError('bad_pickle', `${file}: byte ${start}${name ? ` (${name})` : ''}: ${error.message}`);
  }
}
