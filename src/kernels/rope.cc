// Sine, cosine and the rotary tables, in double precision and without libm, so that native and
// WASM builds make the same tables.
#include <cmath>

#include "kernels/math.h"

namespace thimble {
namespace {

// Taylor series on |r| <= pi/4; the first term left out is below 1e-15.
double sin_core(double r) {
  const double q = r * r;
  double p = -1.0 / 1307674368000.0;
  p = p * q + 1.0 / 6227020800.0;
  p = p * q - 1.0 / 39916800.0;
  p = p * q + 1.0 / 362880.0;
  p = p * q - 1.0 / 5040.0;
  p = p * q + 1.0 / 120.0;
  p = p * q - 1.0 / 6.0;
  return p * q * r + r;
}

double cos_core(double r) {
  const double q = r * r;
  double p = 1.0 / 20922789888000.0;
  p = p * q - 1.0 / 87178291200.0;
  p = p * q + 1.0 / 479001600.0;
  p = p * q - 1.0 / 3628800.0;
  p = p * q + 1.0 / 40320.0;
  p = p * q - 1.0 / 720.0;
  p = p * q + 1.0 / 24.0;
  p = p * q - 0.5;
  return p * q + 1.0;
}

// sin(x + quarter * pi / 2). pi/2 is taken off in two parts; the first has 33 bits, so that its
// product with the count of quarters is exact.
double sin_quarters(double x, int64_t quarter) {
  const double turns = x * 0.63661977236758134308;
  const auto n = static_cast<int64_t>(turns < 0 ? turns - 0.5 : turns + 0.5);
  const auto count = static_cast<double>(n);
  const double r = (x - count * 1.57079632673412561417) - count * 6.07710050650619224932e-11;
  const uint64_t phase = static_cast<uint64_t>(n + quarter) & 3;
  const double value = (phase & 1) != 0 ? cos_core(r) : sin_core(r);
  return (phase & 2) != 0 ? -value : value;
}

}  // namespace

double math::sin(double x) { return sin_quarters(x, 0); }
double math::cos(double x) { return sin_quarters(x, 1); }

void build_rope_tables(double theta, size_t head_dim, size_t positions, float* cos, float* sin) {
  const size_t half = head_dim / 2;
  double root = theta;  // becomes theta^(1 / half)
  for (size_t n = half; n > 1; n /= 2) root = std::sqrt(root);
  double power = 1.0;
  for (size_t i = 0; i < half; ++i, power *= root) {
    const auto inv_freq = static_cast<float>(1.0 / power);
    for (size_t pos = 0; pos < positions; ++pos) {
      const float angle = static_cast<float>(pos) * inv_freq;
      cos[pos * half + i] = static_cast<float>(math::cos(static_cast<double>(angle)));
      sin[pos * half + i] = static_cast<float>(math::sin(static_cast<double>(angle)));
    }
  }
}

}  // namespace thimble
