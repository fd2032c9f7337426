// Functions of single quantised values, as TFLite's reference kernels compute them in integers. The
// compiler makes a table of all 256 values of each, so the device needs no arithmetic of its own.
#pragma once

#include <cstdint>
#include <functional>

namespace sz::compiler::tflite {

// From the value less its zero point to the result less its own. Saturation is left to the caller.
using Function = std::function<std::int32_t(std::int32_t)>;

// 1 / (1 + exp(-x)) in steps of 1/256.
Function logistic_of(float scale);
// tanh(x) in steps of 1/128.
Function tanh_of(float scale);
// x, or alpha * x below zero; alpha > 0.
Function leaky_relu_of(float scale, float alpha, float output_scale);
// x * min(max(x + 3, 0), 6) / 6. Its arithmetic has 16 bits; it holds for output scales above 1/128
// of the input's: `valid`.
struct HardSwish {
  bool valid = false;
  Function function;
};
HardSwish hard_swish_of(float scale, float output_scale);

}  // namespace sz::compiler::tflite
