// Scales, zero points and bounds of quantised operators, as TFLite derives them from a file.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>

#include "compiler/import/tflite/translator.h"

namespace sz::compiler::tflite {

// Lowest and highest value of a quantised tensor's type.
std::int32_t lowest(const Tensor& tensor);
std::int32_t highest(const Tensor& tensor);

// The one scale and zero point of a tensor of activations. Refuses several.
Quantization scaling_of(const Translator& t, const Tensor& tensor);
bool same_scaling(const Translator& t, const Tensor& a, const Tensor& b);

// The zero points as a constant of the tensor's type: one number, or a list.
ConstantPtr zero_of(const Tensor& tensor);

// The attributes of an operator that reads these inputs and writes the output, with the bounds of
// its activation; in fixed-point arithmetic.
QuantAttributes rescaling(const Translator& t, std::initializer_list<std::size_t> inputs,
                          file::Activation activation);

// The scales of constant weights, one for all or one for each output channel, which is dimension
// `channels`; their zero point; and the bias. For convolutions and fully connected layers.
struct Weights {
  std::vector<double> scales;
  std::int32_t zero = 0;
};
Weights weights_of(const Translator& t, const Tensor& tensor, std::size_t channels);

// A table that gives the result for each value of x's type, and its node; x is the operand `input`.
// `function` maps value to value; the result is bounded by the type of the output.
ValueId lookup(Translator& t, ValueId x, std::size_t input,
               const std::function<std::int32_t(std::int32_t)>& function);

// y = clamp(x) within the attributes' bounds, if they are narrower than the type.
ValueId bounded(Translator& t, ValueId x, const QuantAttributes& q);

// What a fused activation is on f32.
ops::Clamp clamp_of(const Translator& t, file::Activation activation);
// The activation on top of a f32 value.
ValueId activated(Translator& t, ValueId x, file::Activation activation);

}  // namespace sz::compiler::tflite
