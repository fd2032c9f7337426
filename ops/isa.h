// Which vector instructions the kernels use. In the TA and on Arm this is fixed when compiling
// (NEON); on x86 the machine decides at run time.
#pragma once

#include <cstdint>

namespace sz::ops {

enum class Isa : std::uint8_t {
  kNone = 0,  // Kernel::kVector runs the reference kernels
  kAvx2 = 1,  // AVX2 with FMA
  kAvx512 = 2,
  kNeon = 3,
};

// What Kernel::kVector runs on here.
Isa vector_isa();

// Allows x86 kernels up to `limit` only, for tests and benchmarks that compare instruction sets;
// kAvx512 lifts the limit. No effect elsewhere. Not while an operator runs.
void limit_vector_isa(Isa limit);

// Whether the kernels of quantised products use instructions that add products of bytes in fours:
// on x86 with kAvx512 and AVX-512 VNNI; on Arm where the compiler was told of them.
bool dot_product();

// Allows them or not, for tests and benchmarks; allowed at first. No effect on Arm. Not while an
// operator runs.
void limit_dot_product(bool allowed);

}  // namespace sz::ops
