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
  if (type === 'f16') {
    const table = halfToFloat();
    return Float32Array.from(bits, (b) => table[b]!);
  }
  return new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);
}
