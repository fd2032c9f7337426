// Random steps of the matrix operators (host only), as in ops/testing/random_cases.h.
#pragma once

#include "ops/recurrent/recurrent.h"
#include "ops/testing/test_support.h"

namespace sz::ops::testing {

Case random_matmul(Random& random);
Case random_normalize(Random& random);
Case random_lrn(Random& random);
Case random_recurrent(Random& random);

// A recurrent layer as a model file has it, beside its packed step.
struct RecurrentCase {
  Case step;
  RecurrentAttributes attributes;
  std::vector<float> weights;  // [G * H, H]
  std::vector<float> bias;     // [G * H]
};
RecurrentCase random_recurrent_case(Random& random);
Tensor packed_recurrent(const std::vector<float>& weights, const std::vector<float>& bias,
                        std::uint32_t gates, std::uint32_t units);

}  // namespace sz::ops::testing
