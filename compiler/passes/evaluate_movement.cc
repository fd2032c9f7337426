// Values of the movement operators that only exist when the model is compiled.
#include <cstring>

#include "compiler/graph/movement_shapes.h"
#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

std::shared_ptr<Constant> blank(DType dtype, const Shape& shape) {
  auto result = std::make_shared<Constant>();
  result->dtype = dtype;
  result->shape = shape;
  result->bytes.resize(static_cast<std::size_t>(element_count(shape)) * dtype_bytes(dtype));
  return result;
}

template <typename T>
void store(Constant& constant, std::size_t index, T value) {
  std::memcpy(constant.bytes.data() + index * sizeof(T), &value, sizeof(T));
}

ConstantPtr eye(const Node& node, DType dtype, const Shape& shape) {
  auto result = blank(dtype, shape);
  const std::int64_t diagonal = node.get<EyeAttributes>().diagonal;
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    for (std::int64_t column = 0; column < shape[1]; ++column) {
      if (column - row != diagonal) continue;
      const auto at = static_cast<std::size_t>(row * shape[1] + column);
      switch (dtype) {
        case DType::kF32:
          store(*result, at, 1.0f);
          break;
        case DType::kI64:
          store(*result, at, std::int64_t{1});
          break;
        case DType::kI32:
          store(*result, at, std::int32_t{1});
          break;
        default:
          store(*result, at, std::uint8_t{1});
      }
    }
  }
  return result;
}

ConstantPtr range(const Graph& graph, const Node& node, DType dtype, const Shape& shape) {
  auto result = blank(dtype, shape);
  const auto count = static_cast<std::size_t>(shape[0]);
  if (dtype == DType::kF32) {
    const float start = graph.constant(node.inputs[0])->f32()[0];
    const float step = graph.constant(node.inputs[2])->f32()[0];
    for (std::size_t i = 0; i < count; ++i) {
      store(*result, i, start + static_cast<float>(i) * step);
    }
    return result;
  }
  const std::int64_t start = constant_integers(graph, node, 0, "the start")[0];
  const std::int64_t step = constant_integers(graph, node, 2, "the step")[0];
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t value = start + static_cast<std::int64_t>(i) * step;
    if (dtype == DType::kI64) {
      store(*result, i, value);
    } else {
      store(*result, i, static_cast<std::int32_t>(value));
    }
  }
  return result;
}

// Column i holds the coordinates of the i-th element that is not zero.
ConstantPtr non_zero(const Graph& graph, const Node& node, const Shape& shape) {
  const auto places = places_set(graph, node, 0, "the input");
  const Shape& x = graph.shape(node.inputs[0]);
  std::vector<std::int64_t> values(x.size() * places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::int64_t rest = places[i];
    for (std::size_t axis = x.size(); axis-- > 0; rest /= x[axis]) {
      values[axis * places.size() + i] = rest % x[axis];
    }
  }
  return make_i64(shape, values);
}

}  // namespace

ConstantPtr evaluate_movement(const Graph& graph, const Node& node, DType dtype,
                              const Shape& shape) {
  switch (node.op) {
    case Op::kSize: {
      const std::int64_t count = element_count(graph.shape(node.inputs[0]));
      return make_i64({}, std::span(&count, 1));
    }
    case Op::kEyeLike:
      return eye(node, dtype, shape);
    case Op::kRange:
      return range(graph, node, dtype, shape);
    case Op::kNonZero:
      return non_zero(graph, node, shape);
    default:
      return nullptr;
  }
}

}  // namespace sz::compiler
