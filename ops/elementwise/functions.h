// The functions of Unary on single floats, and their list.
#pragma once

#include "math/elementary.h"
#include "ops/attributes.h"

// Calls use(kind) for every kind of ActivationAttributes.
#define SZ_OPS_ACTIVATIONS(use)                                                              \
  use(kAbs) use(kNeg) use(kExp) use(kLog) use(kSqrt) use(kReciprocal) use(kSin) use(kCos)    \
      use(kTanh) use(kSigmoid) use(kErf) use(kFloor) use(kCeil) use(kRound) use(kSign)       \
          use(kSoftplus) use(kSoftsign) use(kGelu) use(kGeluTanh) use(kElu) use(kCelu)       \
              use(kHardSigmoid) use(kHardSwish) use(kSwish) use(kMish) use(kThresholdedRelu) \
                  use(kShrink)

namespace sz::ops {

namespace em = sz::math;

#define SZ_OPS_INLINE inline
#include "ops/elementwise/functions.inc"
#undef SZ_OPS_INLINE

// The function `kind` of ActivationAttributes.
inline float activation(const ActivationAttributes& a, float x) {
  switch (a.kind) {
#define SZ_OPS_CASE(kind) \
  case UnaryKind::kind:   \
    return unary_function<UnaryKind::kind, math::Scalar>(x, a.alpha, a.beta);
    SZ_OPS_ACTIVATIONS(SZ_OPS_CASE)
#undef SZ_OPS_CASE
    default:
      return x;
  }
}

}  // namespace sz::ops
