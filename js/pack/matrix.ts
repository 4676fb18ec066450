// Puts one tensor into the file in kernel order (src/weights/FORMAT.md, section 5).
import { PANEL_ROWS, roundUp } from './layout.ts';

const { fround } = Math;
const TINY = fround(1e-30); // kTiny of src/kernels/kernels.h
const ROUND_HALF_EVEN = 1.5 * 2 ** 52; // adding it leaves no fraction bits, so the sum is rounded half to even

/**
 * Quantizes w (rows x cols, row by row) symmetrically, one scale a row, every step in float32, and
 * writes P scales and P * cols codes to `buffer` at `offset`; P is rows rounded up to 32. The bytes
 * there must be zero.
 */
export function writeMatrixI8(buffer: ArrayBuffer, offset: number, w: Float32Array, rows: number, cols: number): void {
  const padded = roundUp(rows, PANEL_ROWS);
  const scales = new Float32Array(buffer, offset, padded);
  const codes = new Int8Array(buffer, offset + padded * 4, padded * cols);
  for (let r = 0; r < rows; r++) {
    let max = 0;
    for (let i = r * cols; i < (r + 1) * cols; i++) max = Math.max(max, Math.abs(w[i]!));
    if (max < TINY) continue; // a zero row: codes and scale stay 0
    const inverse = fround(127 / max);
    scales[r] = max / 127;
    const row = Math.floor(r / PANEL_ROWS) * cols * PANEL_ROWS + (r % PANEL_ROWS) * 4;
    for (let c = 0; c < cols; c++) {
      const scaled = fround(w[r * cols + c]! * inverse);
      codes[row + (c >> 2) * 4 * PANEL_ROWS + (c & 3)] = scaled + ROUND_HALF_EVEN - ROUND_HALF_EVEN;
    }
  }
}

/** Writes w (rows x cols) as float32 in panels of 32 rows; the padding rows stay zero. */
export function writeMatrixF32(buffer: ArrayBuffer, offset: number, w: Float32Array, rows: number, cols: number): void {
  const out = new Float32Array(buffer, offset, roundUp(rows, PANEL_ROWS) * cols);
  for (let r = 0; r < rows; r++) {
    const row = Math.floor(r / PANEL_ROWS) * cols * PANEL_ROWS + (r % PANEL_ROWS);
    for (let c = 0; c < cols; c++) out[row + c * PANEL_ROWS] = w[r * cols + c]!;
  }
}
