#include "ops/normalize/normalize.h"
#include "ops/rules.h"
#include "ops/softmax/softmax.h"

namespace sz::ops {
namespace {

RowFactors factors_of(const Normalize& normalize, const float* x) {
  float mean = 0.0f;
  if (normalize.attributes.kind == NormalizeKind::kDeviation) {
    float lanes[kSumLanes] = {};
    for (std::size_t i = 0; i < normalize.inner; ++i) lanes[i % kSumLanes] += x[i];
    mean = sum_of_lanes(lanes) / static_cast<float>(normalize.inner);
  }
  float lanes[kSumLanes] = {};
  for (std::size_t i = 0; i < normalize.inner; ++i) {
    float& lane = lanes[i % kSumLanes];
    const float value = x[i] - mean;
    const bool absolute = normalize.attributes.kind == NormalizeKind::kNorm1;
    lane = absolute ? lane + __builtin_fabsf(value) : fused_multiply_add(value, value, lane);
  }
  return row_factors(normalize, mean, sum_of_lanes(lanes));
}

}  // namespace

void normalize_reference(const Normalize& normalize) {
  for (std::size_t r = 0; r < normalize.rows; ++r) {
    const float* x = normalize.x + r * normalize.x_pitch;
    float* y = normalize.y + r * normalize.y_pitch;
    const RowFactors factors = factors_of(normalize, x);
    if (normalize.attributes.result == NormalizeResult::kMean) {
      y[0] = canonical(factors.mean);
      continue;
    }
    if (normalize.attributes.result == NormalizeResult::kInverseDeviation) {
      y[0] = canonical(factors.factor);
      continue;
    }
    for (std::size_t i = 0; i < normalize.inner; ++i) {
      float value = (x[i] - factors.mean) * factors.factor;
      if (normalize.scale != nullptr) {
        const float bias = normalize.bias != nullptr ? normalize.bias[i] : 0.0f;
        value = fused_multiply_add(value, normalize.scale[i], bias);
      } else if (normalize.bias != nullptr) {
        value += normalize.bias[i];
      }
      y[i] = canonical(value);
    }
  }
}

}  // namespace sz::ops
