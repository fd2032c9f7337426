// Functions of single elements, and changes of their type.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/import/tflite/operations.h"
#include "compiler/import/tflite/quantization.h"
#include "compiler/import/tflite/tables.h"

namespace sz::compiler::tflite {
namespace {

ValueId operand(Translator& t) {
  return t.input_tensor(0).shape.size() == 4 ? t.image(0) : t.plain(0);
}

void clamp(Translator& t, file::Activation activation) {
  t.expect_operands(1, 1);
  const ValueId x = operand(t);
  switch (t.common_kind()) {
    case Kind::kFloat:
      return t.finish(activated(t, x, activation));
    case Kind::kQuantized:
      return t.finish(t.emit(Op::kRequantize, {x}, rescaling(t, {0}, activation)));
    case Kind::kInteger:
      t.refuse("works on FLOAT32, INT8 and UINT8 only");
  }
}

ConstantPtr scales_of(const Tensor& tensor) {
  const std::vector<float>& scales = tensor.scaling.scales;
  if (scales.size() == 1) return make_f32({}, scales);
  return make_f32({static_cast<std::int64_t>(scales.size())}, scales);
}

float scale_of(const Translator& t, std::size_t input) {
  return static_cast<float>(scaling_of(t, t.input_tensor(input)).scale);
}
float scale_of(const Translator& t) {
  return static_cast<float>(scaling_of(t, t.output_tensor()).scale);
}

// The table of a function of values less their zero points.
void finish_table(Translator& t, const Function& function) {
  if (t.common_kind() != Kind::kQuantized) t.refuse("works on FLOAT32, INT8 and UINT8 only");
  const std::int32_t x_zero = scaling_of(t, t.input_tensor(0)).zero;
  const std::int32_t y_zero = scaling_of(t, t.output_tensor()).zero;
  t.finish(lookup(t, operand(t), 0,
                  [&](std::int32_t value) { return function(value - x_zero) + y_zero; }));
}

void finish_float(Translator& t, UnaryFunction function) {
  t.finish(t.emit(Op::kUnary, {operand(t)}, function));
}

// TFLite's functions of a fixed range have a fixed scale.
void expect_output(const Translator& t, float scale, std::int32_t zero) {
  const Quantization output = scaling_of(t, t.output_tensor());
  if (output.scale != static_cast<double>(scale) || output.zero != zero) {
    t.refuse("its output must have the scale 1/" + std::to_string(static_cast<int>(1 / scale)) +
             " and the zero point " + std::to_string(zero));
  }
}

// Constant weights that are stored in 8 bits and used as f32.
ConstantPtr dequantised(const Tensor& tensor, const Constant& values) {
  const Scaling& scaling = tensor.scaling;
  const std::size_t count = scaling.scales.size();
  std::size_t inner = 1;  // elements from one step along the scales' dimension to the next
  for (std::size_t i = scaling.dimension + 1; i < tensor.shape.size(); ++i) {
    inner *= static_cast<std::size_t>(tensor.shape[i]);
  }
  std::vector<float> result(values.bytes.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::size_t channel = count == 1 ? 0 : i / inner % count;
    const auto byte = static_cast<std::uint8_t>(values.bytes[i]);
    const std::int32_t value = values.dtype == DType::kI8 ? static_cast<std::int8_t>(byte) : byte;
    result[i] = static_cast<float>(value - scaling.zeros[channel]) * scaling.scales[channel];
  }
  return make_f32(values.shape, result);
}

}  // namespace

void relu(Translator& t) { clamp(t, file::Activation::RELU); }
void relu6(Translator& t) { clamp(t, file::Activation::RELU6); }
void relu_n1_to_1(Translator& t) { clamp(t, file::Activation::RELU_N1_TO_1); }

void leaky_relu(Translator& t) {
  t.expect_operands(1, 1);
  const float alpha = options<file::LeakyReluOptions>(t).alpha();
  if (!std::isfinite(alpha)) t.refuse("its alpha is not a finite number");
  if (t.common_kind() == Kind::kFloat) {
    return t.finish(t.emit(Op::kLeakyRelu, {operand(t)}, LeakyReluAttributes{alpha}));
  }
  if (!(alpha > 0)) t.refuse("its alpha is not positive, which is not supported of 8-bit values");
  finish_table(t, leaky_relu_of(scale_of(t, 0), alpha, scale_of(t)));
}

void logistic(Translator& t) {
  t.expect_operands(1, 1);
  if (t.common_kind() == Kind::kFloat) return finish_float(t, {ops::UnaryKind::kSigmoid});
  expect_output(t, 1.0f / 256, lowest(t.output_tensor()));
  finish_table(t, logistic_of(scale_of(t, 0)));
}

void hyperbolic_tangent(Translator& t) {
  t.expect_operands(1, 1);
  if (t.common_kind() == Kind::kFloat) return finish_float(t, {ops::UnaryKind::kTanh});
  expect_output(t, 1.0f / 128, lowest(t.output_tensor()) + 128);
  finish_table(t, tanh_of(scale_of(t, 0)));
}

void hard_swish(Translator& t) {
  t.expect_operands(1, 1);
  if (t.common_kind() == Kind::kFloat) {
    return finish_float(t, {ops::UnaryKind::kHardSwish, 1.0f / 6, 0.5f});
  }
  const HardSwish function = hard_swish_of(scale_of(t, 0), scale_of(t));
  if (!function.valid) t.refuse("the scale of its output is too small for that of its input");
  finish_table(t, function.function);
}

void quantize(Translator& t) {
  t.expect_operands(1, 1);
  const ValueId x = operand(t);
  const Tensor& output = t.output_tensor();
  scaling_of(t, output);
  switch (t.kind(t.input_tensor(0))) {
    case Kind::kFloat:
      return t.finish(t.emit(
          Op::kQuantizeLinear,
          {x, t.add_constant("scale", scales_of(output)), t.add_constant("zero", zero_of(output))},
          AxisAttributes{}));
    case Kind::kQuantized: {
      QuantAttributes q;
      q.rescale = Rescale::kFixedPoint;
      q.inputs = {scaling_of(t, t.input_tensor(0))};
      q.type = output.type == file::TensorType::INT8 ? DType::kI8 : DType::kU8;
      q.output = scaling_of(t, output);
      q.low = lowest(output);
      q.high = highest(output);
      return t.finish(t.emit(Op::kRequantize, {x}, std::move(q)));
    }
    case Kind::kInteger:
      t.refuse("works on FLOAT32, INT8 and UINT8 only");
  }
}

void dequantize(Translator& t) {
  t.expect_operands(1, 1);
  const Tensor& input = t.input_tensor(0);
  if (t.kind(t.output_tensor()) != Kind::kFloat) t.refuse("its result must be FLOAT32");
  if (t.kind(input) == Kind::kFloat && input.constant) {  // FLOAT16 in the file
    return t.finish_plain(t.plain(0));
  }
  if (t.kind(input) != Kind::kQuantized) t.refuse("works on INT8, UINT8 and constant FLOAT16 only");
  if (input.constant) {
    return t.finish_constant(dequantised(input, *t.constant(0, "its input")));
  }
  scaling_of(t, input);
  t.finish(t.emit(
      Op::kDequantizeLinear,
      {operand(t), t.add_constant("scale", scales_of(input)), t.add_constant("zero", zero_of(input))},
      AxisAttributes{}));
}

}  // namespace sz::compiler::tflite
