// What Binary computes on one pair of elements.
#pragma once

#include "math/fmod.h"
#include "math/pow.h"
#include "ops/rules.h"

namespace sz::ops {

// The result is bool, whatever the operands are.
constexpr bool is_comparison(BinaryKind kind) {
  return kind >= BinaryKind::kEqual && kind <= BinaryKind::kLessOrEqual;
}

// Of f32 operands. No comparison; before the clamp.
inline float combine(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
    case BinaryKind::kMin:
      return minimum(a, b);
    case BinaryKind::kMax:
      return maximum(a, b);
    case BinaryKind::kPow:
      return math::pow(a, b);
    case BinaryKind::kFmod:
      return math::fmod(a, b);
    case BinaryKind::kPRelu:
      return a < 0.0f ? a * b : a;
    default:
      return 0.0f;
  }
}

template <typename T>
bool compare(BinaryKind kind, T a, T b) {
  if (kind == BinaryKind::kEqual) return a == b;
  return kind == BinaryKind::kLess ? a < b : a <= b;
}

// a^b modulo 2^64, of integers.
inline std::uint64_t integer_power(std::int64_t a, std::int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : ~std::uint64_t{0}) : 0;
  std::uint64_t result = 1;
  auto square = static_cast<std::uint64_t>(a);
  for (auto rest = static_cast<std::uint64_t>(b); rest != 0; rest >>= 1) {
    if (rest & 1) result *= square;
    square *= square;
  }
  return result;
}

// Of integers of any type, widened to 64 bits. The low bits of the result, as many as the type has,
// are what the operation gives in that type, which wraps around. No comparison. `bits`: those of
// the type, 1 of bool.
inline std::int64_t combine(BinaryKind kind, std::int64_t a, std::int64_t b, std::uint32_t bits) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  const bool divides = b != 0 && !(b == -1);  // by -1: the smallest number would trap
  switch (kind) {
    case BinaryKind::kAdd:
      return static_cast<std::int64_t>(x + y);
    case BinaryKind::kSub:
      return static_cast<std::int64_t>(x - y);
    case BinaryKind::kMul:
      return static_cast<std::int64_t>(x * y);
    case BinaryKind::kDiv:
      return divides ? a / b : b == 0 ? 0 : static_cast<std::int64_t>(0 - x);
    case BinaryKind::kMin:
      return b < a ? b : a;
    case BinaryKind::kMax:
      return b > a ? b : a;
    case BinaryKind::kPow:
      return static_cast<std::int64_t>(integer_power(a, b));
    case BinaryKind::kMod: {
      const std::int64_t rest = divides ? a % b : 0;
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case BinaryKind::kFmod:
      return divides ? a % b : 0;
    case BinaryKind::kAnd:
      return a & b;
    case BinaryKind::kOr:
      return a | b;
    case BinaryKind::kXor:
      return a ^ b;
    case BinaryKind::kShiftLeft:
      return y < bits ? static_cast<std::int64_t>(x << y) : 0;
    case BinaryKind::kShiftRight:
      return y < bits ? a >> y : 0;
    default:
      return 0;
  }
}

}  // namespace sz::ops
