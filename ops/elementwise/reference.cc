#include "ops/elements.h"
#include "ops/elementwise/combine.h"
#include "ops/elementwise/elementwise.h"
#include "ops/elementwise/functions.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

float apply(const Unary& unary, float x) {
  if (unary.kind == UnaryKind::kClamp) return finish(x, unary.clamp);
  if (unary.kind == UnaryKind::kLeakyRelu) return leaky_relu(x, unary.slope);
  return canonical(activation(unary.activation, x));
}

// The element of y, as its type.
void combine_element(const Binary& binary, std::size_t at_a, std::size_t at_b, std::size_t at_y) {
  if (binary.type == DType::kF32) {
    const float a = reinterpret_cast<const float*>(binary.a)[at_a];
    const float b = reinterpret_cast<const float*>(binary.b)[at_b];
    if (is_comparison(binary.kind)) {
      store_integer(binary.result, binary.y, at_y, compare(binary.kind, a, b));
    } else {
      reinterpret_cast<float*>(binary.y)[at_y] = finish(combine(binary.kind, a, b), binary.clamp);
    }
    return;
  }
  const std::int64_t a = load_integer(binary.type, binary.a, at_a);
  const std::int64_t b = load_integer(binary.type, binary.b, at_b);
  const std::int64_t y = is_comparison(binary.kind)
                             ? compare(binary.kind, a, b)
                             : combine(binary.kind, a, b, bits_of(binary.type));
  store_integer(binary.result, binary.y, at_y, y);
}

}  // namespace

void unary_reference(const Unary& unary) {
  for (std::size_t r = 0; r < unary.rows; ++r) {
    for (std::size_t i = 0; i < unary.inner; ++i) {
      unary.y[r * unary.y_pitch + i] = apply(unary, unary.x[r * unary.x_pitch + i]);
    }
  }
}

void binary_reference(const Binary& binary) {
  const Broadcast& shape = binary.shape;
  const std::size_t a_step = shape.repeats(0) ? 0 : 1;
  const std::size_t b_step = shape.repeats(1) ? 0 : 1;
  RowWalk at(shape, 0);
  for (std::size_t row = 0; row < shape.rows(); ++row, at.next()) {
    for (std::size_t i = 0; i < shape.inner(); ++i) {
      combine_element(binary, at.offset(0) + i * a_step, at.offset(1) + i * b_step,
                      at.offset(2) + i);
    }
  }
}

}  // namespace sz::ops
