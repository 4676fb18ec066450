// How sure an answer is, 0 to 1: section 6 of src/weights/FORMAT.md.
#pragma once

#include <cmath>
#include <span>

namespace thimble {

class Calibration {
 public:
  /// Without coefficients: the probability that the model gives the answer among all legal ones.
  Calibration() = default;
  /// a, b, c of the model file; any other number of coefficients counts as none.
  explicit Calibration(std::span<const float> coefficients) {
    if (coefficients.size() != 3) return;
    a_ = coefficients[0], b_ = coefficients[1], c_ = coefficients[2];
    fitted_ = true;
  }

  /// `log_probability`: sum over the decisions that count, at most 0. Rises with it as long as b <= 0,
  /// which training/calibrate.py sees to.
  float confidence(double log_probability, bool no_call) const {
    if (!fitted_) return std::exp(static_cast<float>(log_probability));
    const float x = a_ + b_ * std::log(static_cast<float>(1e-4 - log_probability)) + (no_call ? c_ : 0);
    return 1 / (1 + std::exp(-x));
  }

 private:
  float a_ = 0, b_ = 0, c_ = 0;
  bool fitted_ = false;
};

}  // namespace thimble
