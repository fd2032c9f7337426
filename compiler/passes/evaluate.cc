#include "compiler/passes/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/graph/shape_inference.h"
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

ConstantPtr evaluate_shape(const Graph& graph, const Node& node, const Shape& shape) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto rank = static_cast<std::int64_t>(x.size());
  std::int64_t start = std::clamp<std::int64_t>(node.get<ShapeAttributes>().start, -rank, rank);
  if (start < 0) start += rank;
  const auto first = x.begin() + start;
  return make_i64(shape, std::vector<std::int64_t>(first, first + shape[0]));
}

// Blocks of `block` bytes from each input in turn.
ConstantPtr evaluate_concat(const Graph& graph, const Node& node, const Shape& shape) {
  auto result = blank(graph.value(node.inputs[0]).dtype, shape);
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, shape.size());
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
  std::size_t at = 0;
  for (std::int64_t row = 0; row < outer; ++row) {
    for (const ValueId id : node.inputs) {
      const Constant& part = *graph.constant(id);
      const std::size_t block = part.bytes.size() / static_cast<std::size_t>(outer);
      if (block == 0) continue;
      std::memcpy(result->bytes.data() + at,
                  part.bytes.data() + static_cast<std::size_t>(row) * block, block);
      at += block;
    }
  }
  return result;
}

ConstantPtr evaluate_gather(const Graph& graph, const Node& node, const Shape& shape) {
  const Constant& x = *graph.constant(node.inputs[0]);
  const std::size_t axis =
      normal_axis(graph, node, node.get<AxisAttributes>().axis, x.shape.size());
  Node flat = node;  // constant_integers wants a list
  Graph scratch;
  scratch.source = graph.source;
  const Constant& indices = *graph.constant(node.inputs[1]);
  flat.inputs = {scratch.add_constant("", reshaped(indices, {element_count(indices.shape)}))};
  std::vector<std::int64_t> wanted = constant_integers(scratch, flat, 0, "the indices");
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= x.shape[i];
  const std::int64_t size = x.shape[axis];
  for (std::int64_t& index : wanted) {
    if (index < -size || index >= size) {
      fail(graph, node, "index " + std::to_string(index) + " is out of range");
    }
    if (index < 0) index += size;
  }
  auto result = blank(x.dtype, shape);
  if (result->bytes.empty()) return result;
  const std::size_t block = x.bytes.size() / static_cast<std::size_t>(outer * size);
  std::size_t at = 0;
  for (std::int64_t row = 0; row < outer; ++row) {
    for (const std::int64_t index : wanted) {
      std::memcpy(result->bytes.data() + at,
                  x.bytes.data() + static_cast<std::size_t>(row * size + index) * block, block);
      at += block;
    }
  }
  return result;
}

ConstantPtr evaluate_slice(const Graph& graph, const Node& node, const Shape& shape) {
  const Constant& x = *graph.constant(node.inputs[0]);
  const auto ranges = slice_ranges(graph, node, x.shape);
  auto result = blank(x.dtype, shape);
  const std::size_t size = dtype_bytes(x.dtype);
  std::vector<std::int64_t> index(shape.size(), 0);
  const std::int64_t count = element_count(shape);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t source = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      source = source * x.shape[axis] + ranges[axis].start + index[axis] * ranges[axis].step;
    }
    std::memcpy(result->bytes.data() + static_cast<std::size_t>(i) * size,
                x.bytes.data() + static_cast<std::size_t>(source) * size, size);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

template <typename T>
T element(const Constant& constant, std::int64_t index) {
  T value;
  std::memcpy(&value, constant.bytes.data() + static_cast<std::size_t>(index) * sizeof(T),
              sizeof(T));
  return value;
}

double as_double(const Constant& c, std::int64_t i) {
  switch (c.dtype) {
    case DType::kF32:
      return static_cast<double>(element<float>(c, i));
    case DType::kI64:
      return static_cast<double>(element<std::int64_t>(c, i));
    case DType::kI32:
      return element<std::int32_t>(c, i);
    case DType::kI8:
      return element<std::int8_t>(c, i);
    case DType::kU8:
    case DType::kBool:
      return element<std::uint8_t>(c, i);
  }
  return 0;
}

std::int64_t as_integer(const Graph& graph, const Node& node, const Constant& c, std::int64_t i) {
  if (c.dtype == DType::kI64) return element<std::int64_t>(c, i);
  const double value = as_double(c, i);
  if (!(std::abs(value) < 9e18)) fail(graph, node, "casts a value that is out of range");
  return static_cast<std::int64_t>(value);
}

ConstantPtr evaluate_cast(const Graph& graph, const Node& node, DType to) {
  const Constant& x = *graph.constant(node.inputs[0]);
  auto result = blank(to, x.shape);
  const std::int64_t count = element_count(x.shape);
  const auto store = [&](std::int64_t i, auto value) {
    std::memcpy(result->bytes.data() + static_cast<std::size_t>(i) * sizeof(value), &value,
                sizeof(value));
  };
  for (std::int64_t i = 0; i < count; ++i) {
    switch (to) {
      case DType::kF32:
        store(i, static_cast<float>(as_double(x, i)));
        break;
      case DType::kI64:
        store(i, as_integer(graph, node, x, i));
        break;
      case DType::kI32:
        store(i, static_cast<std::int32_t>(as_integer(graph, node, x, i)));
        break;
      case DType::kBool:
        store(i, static_cast<std::uint8_t>(as_double(x, i) != 0));
        break;
      default:
        return nullptr;
    }
  }
  return result;
}

std::int64_t apply(const Graph& graph, const Node& node, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (node.op) {
    case Op::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case Op::kSub:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case Op::kMul:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    default:
      if (b == 0 || (b == -1 && a == INT64_MIN)) fail(graph, node, "divides by zero");
      result = a / b;
  }
  if (overflow) fail(graph, node, "overflows on constants");
  return result;
}

float apply(const Graph&, const Node& node, float a, float b) {
  switch (node.op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    default:
      return a / b;
  }
}

template <typename T>
ConstantPtr evaluate_binary(const Graph& graph, const Node& node, DType dtype, const Shape& shape) {
  const Constant& a = *graph.constant(node.inputs[0]);
  const Constant& b = *graph.constant(node.inputs[1]);
  auto result = blank(dtype, shape);
  std::vector<std::int64_t> index(shape.size(), 0);
  const auto offset = [&](const Shape& of) {
    std::int64_t at = 0;
    for (std::size_t axis = 0; axis < of.size(); ++axis) {
      const std::int64_t i = index[axis + shape.size() - of.size()];
      at = at * of[axis] + (of[axis] == 1 ? 0 : i);
    }
    return at;
  };
  const std::int64_t count = element_count(shape);
  for (std::int64_t i = 0; i < count; ++i) {
    const T value =
        apply(graph, node, element<T>(a, offset(a.shape)), element<T>(b, offset(b.shape)));
    std::memcpy(result->bytes.data() + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

ConstantPtr evaluate_fill(const Node& node, const Shape& shape) {
  const Constant& value = *node.get<FillAttributes>().value;
  auto result = blank(value.dtype, shape);
  const std::size_t size = value.bytes.size();
  for (std::size_t at = 0; at < result->bytes.size(); at += size) {
    std::memcpy(result->bytes.data() + at, value.bytes.data(), size);
  }
  return result;
}

}  // namespace

ConstantPtr evaluate(const Graph& graph, const Node& node, DType dtype, const Shape& shape) {
  if (node.op == Op::kShape) return evaluate_shape(graph, node, shape);
  if (auto constant = evaluate_movement(graph, node, dtype, shape)) return constant;
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && graph.constant(id) == nullptr) return nullptr;
  }
  switch (node.op) {
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kIdentity:
      return reshaped(*graph.constant(node.inputs[0]), shape);
    case Op::kTranspose:
      return transposed(*graph.constant(node.inputs[0]), permutation(graph, node, shape.size()));
    case Op::kConcat:
      return evaluate_concat(graph, node, shape);
    case Op::kGather:
      return evaluate_gather(graph, node, shape);
    case Op::kSlice:
      return evaluate_slice(graph, node, shape);
    case Op::kCast:
      return evaluate_cast(graph, node, dtype);
    case Op::kConstantOfShape:
      return evaluate_fill(node, shape);
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
      if (dtype == DType::kI64) return evaluate_binary<std::int64_t>(graph, node, dtype, shape);
      if (dtype == DType::kF32) return evaluate_binary<float>(graph, node, dtype, shape);
      return nullptr;
    default:
      return nullptr;
  }
}

}  // namespace sz::compiler
