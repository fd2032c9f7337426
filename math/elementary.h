// Elementary functions, freestanding, for single floats: math::log<Scalar>(x) and so on. The
// functions and their bounds are in elementary.inc and docs/numerics.md; elementary_inl.h has the
// same for vectors, with the same bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "math/exp.h"
#include "math/large_angle.h"
#include "math/sqrt.h"

namespace sz::math {

// The arithmetic of one float.
struct Scalar {
  using F = float;
  using I = std::int32_t;
  using M = bool;

  static F set(float x) { return x; }
  static I seti(std::int32_t x) { return x; }
  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F fma(F a, F b, F c) { return __builtin_fmaf(a, b, c); }
  static F sqrt(F x) { return math::sqrt(x); }
  static F exp(F x) { return math::exp(x); }
  static F abs(F x) { return from_bits(bits(x) & 0x7fffffff); }
  static F copy_sign(F size, F sign) {
    return from_bits((bits(size) & 0x7fffffff) | (bits(sign) & INT32_MIN));
  }
  static M less(F a, F b) { return a < b; }
  static M equal(F a, F b) { return a == b; }
  static M is_nan(F x) { return x != x; }
  static F choose(M which, F yes, F no) { return which ? yes : no; }
  static I bits(F x) { return std::bit_cast<I>(x); }
  static F from_bits(I x) { return std::bit_cast<F>(x); }
  // Wraps, as vectors do.
  static I iadd(I a, I b) { return static_cast<I>(word(a) + word(b)); }
  static I isub(I a, I b) { return static_cast<I>(word(a) - word(b)); }
  static I iand(I a, I b) { return a & b; }
  static I ixor(I a, I b) { return a ^ b; }
  template <int count>
  static I shift_left(I x) {
    return static_cast<I>(word(x) << count);
  }
  template <int count>
  static I shift_right(I x) {
    return x >> count;
  }
  static M is_odd(I x) { return (x & 1) != 0; }
  // 2^n for n in [-126, 127]; any number for other n.
  static F power_of_two(I n) { return math::power_of_two(word(n)); }

  static void large_quarters(F x, F& r, I& n) {
    if (is_large_angle(x)) n = reduce_large_angle(x, &r);
  }

 private:
  static std::uint32_t word(I x) { return static_cast<std::uint32_t>(x); }
};

#define SZ_MATH_INLINE inline
#include "math/elementary.inc"
#undef SZ_MATH_INLINE

}  // namespace sz::math
