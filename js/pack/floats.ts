// Little-endian float16, bfloat16 and float32 bytes as float32 values; all three convert exactly.

export type FloatType = 'f16' | 'bf16' | 'f32';

export const FLOAT_BYTES: Record<FloatType, number> = { f16: 2, bf16: 2, f32: 4 };

let halfTable: Float32Array | undefined;

function halfToFloat(): Float32Array {
  if (halfTable) return halfTable;
  halfTable = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    halfTable[bits] =
      exponent === 0 ? sign * fraction * 2 ** -24
      : exponent === 31 ? (fraction ? NaN : sign * Infinity)
      : sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return halfTable;
}

/** Values of `bytes`, whose length is a multiple of the type's size; any alignment. */
export function decodeFloats(bytes: Uint8Array, type: FloatType): Float32Array {
  const own = new Uint8Array(bytes); // aligned, on a buffer of its own (a Node Buffer's slice() would share)
  if (type === 'f32') return new Float32Array(own.buffer);
  const bits = new Uint16Array(own.buffer);
  const out = new Float32Array(bits.length);
  if (type === 'f16') {
    const table = halfToFloat();
    for (let i = 0; i < bits.length; i++) out[i] = table[bits[i]!]!; // Float32Array.from with a function is far slower
  } else {
    const outBits = new Uint32Array(out.buffer);
    for (let i = 0; i < bits.length; i++) outBits[i] = bits[i]! << 16;
  }
  return out;
}

export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) return false;
  }
  return true;
}
