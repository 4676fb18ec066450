// The elementary functions of the kernels: one formula for scalars and vectors, so that every
// kernel set gives the same bits. Nothing here calls libm. Includes no C++ header, because the
// relaxed-SIMD kernel is compiled without a standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace thimble {

typedef float F32x4 __attribute__((vector_size(16)));
typedef int32_t I32x4 __attribute__((vector_size(16)));

namespace math {

inline uint32_t bits(float x) { return __builtin_bit_cast(uint32_t, x); }
inline I32x4 bits(F32x4 x) { return (I32x4)x; }
inline float from_bits(uint32_t b) { return __builtin_bit_cast(float, b); }
inline F32x4 from_bits(I32x4 b) { return (F32x4)b; }
// y where x >= limit, else 0.
inline float keep(float x, float limit, float y) { return x >= limit ? y : 0.0f; }
inline F32x4 keep(F32x4 x, F32x4 limit, F32x4 y) { return (F32x4)((I32x4)y & (I32x4)(x >= limit)); }

/// Adding 1.5 * 2^23 to |x| < 2^22 rounds x to an integer, half to even, and leaves that integer
/// in the low bits of the sum.
inline constexpr float kRound = 12582912.0f;
inline constexpr int32_t kRoundBits = 0x4B400000;

/// 2^x. The constants are members, because a vector loop wants them in registers: V8 builds a
/// vector constant from three instructions at every use, so the kernels load them from kExp2 once.
template <class F>
struct Exp2 {
  F c5, c4, c3, c2, c1, c0;  // minimax polynomial, c0 = 1 fixed
  F round;                   // kRound
  F lowest;                  // -126

  /// 2^r for r in [-0.5, 0.5], relative error below 1e-7 before rounding; exactly 1 at 0.
  F fraction(F r) const { return ((((c5 * r + c4) * r + c3) * r + c2) * r + c1) * r + c0; }

  /// 2^x for x <= 0 (up to 127); 0 below -126 and for NaN.
  F operator()(F x) const {
    const F rounded = x + round;
    const F p = fraction(x - (rounded - round));
    return keep(x, lowest, from_bits(bits(p) + (bits(rounded) << 23)));
  }
};

inline constexpr Exp2<float> kExp2{0x1.5bba14p-10f, 0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f,
                                   0x1.62e42ap-1f,  1.0f,           kRound,         -126.0f};

inline float exp2(float x) { return kExp2(x); }

/// e^x for x <= 88; 0 below -87.3 and for NaN. Relative error below 3e-7.
inline float exp(float x) {
  const float rounded = x * 0x1.715476p+0f + kRound;  // log2(e)
  const float n = rounded - kRound;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;  // ln 2 in two parts, n * first exact
  const float p = kExp2.fraction(r * 0x1.715476p+0f);
  return keep(x, -87.3f, from_bits(bits(p) + (bits(rounded) << 23)));
}

/// 1 / (1 + e^-x).
inline float sigmoid(float x) {
  const float e = exp(x < 0.0f ? x : -x);
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/// The code nearest to x, half to even, |x| < 2^22. Any other x gives some integer, never a trap.
inline int32_t nearest(float x) {
  return static_cast<int32_t>(bits(x + kRound) - static_cast<uint32_t>(kRoundBits));
}

/// sin and cos of x in radians, |x| < 1e6, absolute error below 1e-12.
double sin(double x);
double cos(double x);

}  // namespace math

/// Rotary tables for positions 0..positions-1: cos and sin are [positions][head_dim / 2]. As the
/// original (JAX, float32): inv_freq[i] = float32(theta^(-2i / head_dim)), the angle is the float32
/// product position * inv_freq[i]. head_dim is a power of two, so roots of theta are square roots.
void build_rope_tables(double theta, size_t head_dim, size_t positions, float* cos, float* sin);

}  // namespace thimble
