#include "compiler/import/tflite/quantization.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sz::compiler::tflite {
namespace {

bool is_signed(const Tensor& tensor) { return tensor.type == file::TensorType::INT8; }

// The quantised value of a bound of an activation: TFLite divides in f32 and rounds half away from
// zero.
double quantised(float bound, const Tensor& tensor) {
  const float steps = std::round(bound / tensor.scaling.scales[0]);
  return static_cast<double>(steps) + tensor.scaling.zeros[0];
}

}  // namespace

std::int32_t lowest(const Tensor& tensor) { return is_signed(tensor) ? -128 : 0; }
std::int32_t highest(const Tensor& tensor) { return is_signed(tensor) ? 127 : 255; }

Quantization scaling_of(const Translator& t, const Tensor& tensor) {
  if (t.kind(tensor) != Kind::kQuantized) {
    t.refuse(tensor.name + " is " + file::EnumNameTensorType(tensor.type) +
             "; only INT8 and UINT8 are supported beside quantised operands");
  }
  if (tensor.scaling.scales.size() != 1) {
    t.refuse(tensor.name + " has a scale for each channel, which is supported of weights only");
  }
  return {static_cast<double>(tensor.scaling.scales[0]), tensor.scaling.zeros[0]};
}

bool same_scaling(const Translator& t, const Tensor& a, const Tensor& b) {
  const Quantization left = scaling_of(t, a);
  const Quantization right = scaling_of(t, b);
  return a.type == b.type && left.scale == right.scale && left.zero == right.zero;
}

ConstantPtr zero_of(const Tensor& tensor) {
  auto zero = std::make_shared<Constant>();
  zero->dtype = tensor.type == file::TensorType::INT8 ? DType::kI8 : DType::kU8;
  if (tensor.scaling.zeros.size() > 1) {
    zero->shape = {static_cast<std::int64_t>(tensor.scaling.zeros.size())};
  }
  for (const std::int32_t value : tensor.scaling.zeros) {
    zero->bytes.push_back(static_cast<std::byte>(value));
  }
  return zero;
}

ops::Clamp clamp_of(const Translator& t, file::Activation activation) {
  constexpr float kNone = std::numeric_limits<float>::infinity();
  switch (activation) {
    case file::Activation::NONE:
      return {-kNone, kNone};
    case file::Activation::RELU:
      return {0.0f, kNone};
    case file::Activation::RELU_N1_TO_1:
      return {-1.0f, 1.0f};
    case file::Activation::RELU6:
      return {0.0f, 6.0f};
    default:
      break;
  }
  const std::string name = file::EnumNameActivation(activation);
  t.refuse("its activation " +
           (name.empty() ? std::to_string(static_cast<int>(activation)) : name) +
           " is not supported; RELU, RELU6, RELU_N1_TO_1 and, of FLOAT32, TANH are");
}

ValueId activated(Translator& t, ValueId x, file::Activation activation) {
  if (activation == file::Activation::TANH) {
    return t.emit(Op::kUnary, {x}, UnaryFunction{ops::UnaryKind::kTanh});
  }
  const ops::Clamp clamp = clamp_of(t, activation);
  return activation == file::Activation::NONE ? x : t.emit(Op::kClamp, {x}, {}, clamp);
}

QuantAttributes rescaling(const Translator& t, std::initializer_list<std::size_t> inputs,
                          file::Activation activation) {
  QuantAttributes q;
  q.rescale = Rescale::kFixedPoint;
  for (const std::size_t input : inputs) {
    const Tensor& tensor = t.input_tensor(input);
    if (tensor.type != t.output_tensor().type) {
      t.refuse(tensor.name + " and " + t.output_tensor().name +
               " have different types, which is not supported");
    }
    q.inputs.push_back(scaling_of(t, tensor));
  }
  const Tensor& output = t.output_tensor();
  q.type = is_signed(output) ? DType::kI8 : DType::kU8;
  q.output = scaling_of(t, output);
  q.low = lowest(output);
  q.high = highest(output);
  const ops::Clamp clamp = clamp_of(t, activation);
  const auto narrow = [&](double bound) {
    return static_cast<std::int32_t>(std::clamp<double>(bound, q.low, q.high));
  };
  if (std::isfinite(clamp.high)) q.high = narrow(quantised(clamp.high, output));
  if (std::isfinite(clamp.low)) q.low = narrow(quantised(clamp.low, output));
  return q;
}

Weights weights_of(const Translator& t, const Tensor& tensor, std::size_t channels) {
  if (!tensor.constant) t.refuse("its weights must be known when the model is compiled");
  if (t.kind(tensor) != Kind::kQuantized || tensor.type != t.input_tensor(0).type) {
    t.refuse("its weights, " + tensor.name + ", are " + file::EnumNameTensorType(tensor.type) +
             " and its input is " + file::EnumNameTensorType(t.input_tensor(0).type) +
             ", which is not supported");
  }
  const Scaling& scaling = tensor.scaling;
  if (scaling.scales.size() > 1 && scaling.dimension != channels) {
    t.refuse("its weights, " + tensor.name + ", have scales along dimension " +
             std::to_string(scaling.dimension) + ", which is not that of the output's channels");
  }
  const std::int32_t zero = scaling.zeros[0];
  for (const std::int32_t other : scaling.zeros) {
    if (other != zero || (is_signed(tensor) && other != 0)) {
      t.refuse("its weights, " + tensor.name + ", have zero points; of INT8 they must be 0, of " +
               "UINT8 the same for all channels");
    }
  }
  return {{scaling.scales.begin(), scaling.scales.end()}, zero};
}

ValueId lookup(Translator& t, ValueId x, std::size_t input,
               const std::function<std::int32_t(std::int32_t)>& function) {
  const Tensor& output = t.output_tensor();
  const std::int32_t first = t.graph().value(x).dtype == DType::kI8 ? -128 : 0;
  auto table = std::make_shared<Constant>();
  table->dtype = is_signed(output) ? DType::kI8 : DType::kU8;
  table->shape = {256};
  for (std::int32_t i = 0; i < 256; ++i) {
    const std::int32_t y = std::clamp(function(first + i), lowest(output), highest(output));
    table->bytes.push_back(static_cast<std::byte>(y));
  }
  const ValueId id = t.add_constant("table", std::move(table));
  return t.emit(Op::kLookup, {x, id}, rescaling(t, {input}, file::Activation::NONE));
}

ValueId bounded(Translator& t, ValueId x, const QuantAttributes& q) {
  if (q.low == lowest(t.output_tensor()) && q.high == highest(t.output_tensor())) return x;
  return lookup(t, x, 0, [&](std::int32_t value) { return std::clamp(value, q.low, q.high); });
}

}  // namespace sz::compiler::tflite
