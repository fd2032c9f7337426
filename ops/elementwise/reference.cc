#include "ops/elementwise/elementwise.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

float combine(BinaryKind kind, float a, float b) {
  switch (kind) {
    case BinaryKind::kAdd:
      return a + b;
    case BinaryKind::kSub:
      return a - b;
    case BinaryKind::kMul:
      return a * b;
    case BinaryKind::kDiv:
      return a / b;
  }
  return 0.0f;
}

}  // namespace

void unary_reference(const Unary& unary) {
  for (std::size_t r = 0; r < unary.rows; ++r) {
    for (std::size_t i = 0; i < unary.inner; ++i) {
      const float x = unary.x[r * unary.x_pitch + i];
      unary.y[r * unary.y_pitch + i] =
          unary.kind == UnaryKind::kLeakyRelu ? leaky_relu(x, unary.slope) : finish(x, unary.clamp);
    }
  }
}

void binary_reference(const Binary& binary) {
  const std::uint32_t last = binary.rank - 1;
  for (std::size_t row = 0; row < binary.rows(); ++row) {
    const RowOffsets at = row_offsets(binary, row);
    for (std::size_t i = 0; i < binary.inner(); ++i) {
      const float a = binary.a[at.a + i * binary.a_strides[last]];
      const float b = binary.b[at.b + i * binary.b_strides[last]];
      binary.y[at.y + i] = finish(combine(binary.kind, a, b), binary.clamp);
    }
  }
}

}  // namespace sz::ops
