// What this engine's relaxed int8 dot does, asked directly and apart from the code under test.

// (func (export "dot") (param $a i32) (param $b i32) (param $c i32) (result i32)
//   (i32x4.extract_lane 0 (i32x4.relaxed_dot_i8x16_i7x16_add_s
//     (i8x16.splat (local.get $a)) (i8x16.splat (local.get $b)) (i32x4.splat (local.get $c)))))
const dotModule = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x01, 0x60, 0x03, 0x7f, 0x7f, 0x7f, 0x01, 0x7f,
  0x03, 0x02, 0x01, 0x00, 0x07, 0x07, 0x01, 0x03, 0x64, 0x6f, 0x74, 0x00, 0x00,
  0x0a, 0x16, 0x01, 0x14, 0x00, 0x20, 0x00, 0xfd, 0x0f, 0x20, 0x01, 0xfd, 0x0f, 0x20, 0x02, 0xfd, 0x11,
  0xfd, 0x93, 0x02, 0xfd, 0x1b, 0x00, 0x0b,
]);

/**
 * Whether a relaxed kernel must attach here: the dot exists and sums int8 products without saturating, its second
 * operand read as signed or as unsigned throughout.
 */
export function hasExactRelaxedDot(): boolean {
  if (!WebAssembly.validate(dotModule)) return false;
  const { dot } = new WebAssembly.Instance(new WebAssembly.Module(dotModule)).exports as
    { dot(a: number, b: number, c: number): number };
  if (dot(1, 1, 5) !== 9 || dot(-128, 127, 0) !== -65024 || dot(127, 127, -3) !== 64513) return false;
  const unsigned = dot(127, -1, 0) === 129540 && dot(-128, -1, 0) === -130560;
  const signed = dot(127, -1, 0) === -508 && dot(-128, -128, 0) === 65536;
  return unsigned || signed;
}
