#include "ops/isa.h"

namespace sz::ops {

#if defined(__x86_64__)

namespace {

Isa isa_limit = Isa::kAvx512;
bool dot_product_allowed = true;

// Conversions of f16. Clang 14 has no name for them, so there the processor itself is asked; that
// is slow in a virtual machine, and Clang builds the fuzz targets only.
bool converts_halves() {
#if defined(__clang__)
  std::uint32_t a = 1, b = 0, c = 0, d = 0;
  __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return (c >> 29 & 1u) != 0;
#else
  return __builtin_cpu_supports("f16c");
#endif
}

Isa machine_isa() {
  __builtin_cpu_init();
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && converts_halves();
  if (!avx2) return Isa::kNone;
  // What Highway's AVX3 target is compiled for.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  return avx512 ? Isa::kAvx512 : Isa::kAvx2;
}

}  // namespace

Isa vector_isa() {
  const Isa machine = machine_isa();
  return machine < isa_limit ? machine : isa_limit;
}

void limit_vector_isa(Isa limit) { isa_limit = limit; }

bool dot_product() {
  return dot_product_allowed && vector_isa() == Isa::kAvx512 &&
         __builtin_cpu_supports("avx512vnni");
}

void limit_dot_product(bool allowed) { dot_product_allowed = allowed; }

#elif defined(__aarch64__)

Isa vector_isa() { return Isa::kNeon; }
void limit_vector_isa(Isa) {}

bool dot_product() {
#if defined(__ARM_FEATURE_DOTPROD)
  return true;
#else
  return false;
#endif
}

void limit_dot_product(bool) {}

#else
#error "SmartZone's kernels are written for x86-64 and AArch64"
#endif

}  // namespace sz::ops
