#include "math/elementary.h"
#include "ops/rules.h"
#include "ops/softmax/softmax.h"

namespace sz::ops {

void softmax_reference(const Softmax& softmax, float* row) {
  for (std::size_t r = 0; r < softmax.rows; ++r) {
    const float* x = softmax.x + r * softmax.x_pitch;
    float* y = softmax.y + r * softmax.y_pitch;
    float max = -__builtin_inff();
    for (std::size_t i = 0; i < softmax.inner; ++i) max = maximum(max, x[i]);
    float lanes[kSumLanes] = {};
    for (std::size_t i = 0; i < softmax.inner; ++i) {
      row[i] = math::exp(x[i] - max);
      lanes[i % kSumLanes] += row[i];
    }
    const float sum = sum_of_lanes(lanes);
    const float log_sum = softmax.log ? math::log<math::Scalar>(sum) : 0.0f;
    for (std::size_t i = 0; i < softmax.inner; ++i) {
      y[i] = canonical(softmax.log ? (x[i] - max) - log_sum : row[i] / sum);
    }
  }
}

}  // namespace sz::ops
