// Chooses Highway's targets. Included before any Highway header by every file with vector code.
//
// x86: AVX2 and AVX-512, chosen at run time; older sets have no fused multiply-add, so their
// results would differ. Arm: what the compiler was told, without run-time dispatch.
#pragma once

#include "ops/isa.h"

#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_AVX2
#define HWY_DISABLED_TARGETS (~(HWY_AVX2 | HWY_AVX3))
// Address of `function` of the chosen target's namespace; nullptr if the machine has none.
#define SZ_VECTOR_SELECT(function)                  \
  (vector_isa() == Isa::kAvx512 ? &N_AVX3::function \
   : vector_isa() == Isa::kAvx2 ? &N_AVX2::function \
                                : nullptr)
#else
#define HWY_COMPILE_ONLY_STATIC
#define SZ_VECTOR_SELECT(function) (::sz::ops::only_choice(&HWY_NAMESPACE::function))
namespace sz::ops {
// A function call keeps compilers from pointing out that the choice is never null.
template <typename Function>
Function* only_choice(Function* function) {
  return function;
}
}  // namespace sz::ops
#endif
