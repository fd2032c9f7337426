#include "compiler/passes/quantization/quantized_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/graph/shape_inference.h"

namespace sz::compiler {
namespace {

template <typename T>
void append(const Constant& constant, std::vector<double>* to) {
  for (std::size_t at = 0; at < constant.bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, constant.bytes.data() + at, sizeof(T));
    to->push_back(static_cast<double>(value));
  }
}

template <typename T>
void put(Constant* constant, double value) {
  const auto number = static_cast<T>(value);
  constant->bytes.resize(sizeof(T));
  std::memcpy(constant->bytes.data(), &number, sizeof(T));
}

}  // namespace

std::int32_t lowest_of(DType type) { return type == DType::kU8 ? 0 : -128; }
std::int32_t highest_of(DType type) { return type == DType::kU8 ? 255 : 127; }

std::vector<double> numbers(const Constant& constant) {
  std::vector<double> result;
  switch (constant.dtype) {
    case DType::kI8:
      append<std::int8_t>(constant, &result);
      break;
    case DType::kU8:
      append<std::uint8_t>(constant, &result);
      break;
    case DType::kI32:
      append<std::int32_t>(constant, &result);
      break;
    case DType::kF32:
      append<float>(constant, &result);
      break;
    default:
      break;
  }
  return result;
}

std::optional<Quantization> per_tensor(const Graph& graph, const Node& node) {
  const Constant* scale = graph.constant(node.input(1));
  const Constant* zero = graph.constant(node.input(2));
  if (scale == nullptr || element_count(scale->shape) != 1) return std::nullopt;
  if (node.input(2) != kNoValue && (zero == nullptr || element_count(zero->shape) != 1)) {
    return std::nullopt;
  }
  Quantization result;
  result.scale = numbers(*scale)[0];
  result.zero = zero == nullptr ? 0 : static_cast<std::int32_t>(numbers(*zero)[0]);
  if (!std::isfinite(result.scale) || !(result.scale > 0)) return std::nullopt;
  return result;
}

std::optional<QuantizedValue> dequantized(Rewriter& rewriter, ValueId id) {
  const Node* node = rewriter.producer(id);
  if (node == nullptr || node->op != Op::kDequantizeLinear) return std::nullopt;
  const DType type = rewriter.graph().value(node->inputs[0]).dtype;
  if (type != DType::kI8 && type != DType::kU8) return std::nullopt;
  const auto quantization = per_tensor(rewriter.graph(), *node);
  if (!quantization) return std::nullopt;
  return QuantizedValue{node->inputs[0], type, *quantization};
}

std::int32_t quantize(float x, const Quantization& q, DType type) {
  if (std::isnan(x)) return q.zero;
  const float scaled = std::nearbyint(x / static_cast<float>(q.scale));
  const double shifted = static_cast<double>(scaled) + q.zero;
  return static_cast<std::int32_t>(std::clamp<double>(shifted, lowest_of(type), highest_of(type)));
}

ValueId scalar_constant(Graph& graph, const std::string& name, DType type, double value) {
  auto constant = std::make_shared<Constant>();
  constant->dtype = type;
  switch (type) {
    case DType::kI8:
      put<std::int8_t>(constant.get(), value);
      break;
    case DType::kU8:
      put<std::uint8_t>(constant.get(), value);
      break;
    case DType::kI32:
      put<std::int32_t>(constant.get(), value);
      break;
    case DType::kF32:
      put<float>(constant.get(), value);
      break;
    default:
      throw InternalError("no constants of this type");
  }
  return graph.add_constant(name, std::move(constant));
}

ConstantPtr dequantize_constant(const Graph& graph, const Node& node) {
  const Constant* x = graph.constant(node.inputs[0]);
  const Constant* scale = graph.constant(node.inputs[1]);
  const Constant* zero = graph.constant(node.input(2));
  if (x == nullptr || scale == nullptr) return nullptr;
  if (node.input(2) != kNoValue && zero == nullptr) return nullptr;
  const std::vector<double> values = numbers(*x), scales = numbers(*scale);
  const std::vector<double> zeroes = zero == nullptr ? std::vector<double>{} : numbers(*zero);
  std::size_t block = values.size();  // elements with the same scale, one behind the other
  if (scales.size() > 1) {
    const std::size_t rank = x->shape.size();
    block = 1;
    for (std::size_t i = normal_axis(graph, node, node.get<AxisAttributes>().axis, rank) + 1;
         i < rank; ++i) {
      block *= static_cast<std::size_t>(x->shape[i]);
    }
  }
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t at = scales.size() == 1 ? 0 : i / block % scales.size();
    const double shift = zeroes.empty() ? 0 : zeroes[zeroes.size() == 1 ? 0 : at];
    result[i] = static_cast<float>(values[i] - shift) * static_cast<float>(scales[at]);
  }
  return make_f32(x->shape, result);
}

std::optional<ops::Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (node.op == Op::kClamp) return node.activation;
  if (node.op != Op::kClip) return std::nullopt;
  ops::Clamp clamp;
  for (std::size_t i = 1; i <= 2; ++i) {
    if (node.input(i) == kNoValue) continue;
    const Constant* bound = graph.constant(node.inputs[i]);
    if (bound == nullptr || bound->dtype != DType::kF32 || element_count(bound->shape) != 1) {
      return std::nullopt;
    }
    (i == 1 ? clamp.low : clamp.high) = bound->f32()[0];
  }
  if (!(clamp.low <= clamp.high)) return std::nullopt;
  return clamp;
}

ops::Clamp compose(const ops::Clamp& first, const ops::Clamp& second) {
  return {std::clamp(first.low, second.low, second.high),
          std::clamp(first.high, second.low, second.high)};
}

}  // namespace sz::compiler
