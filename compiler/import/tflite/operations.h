// What the operations mean. Each function translates the Translator's operator, and refuses what it
// does not do.
#pragma once

#include "compiler/import/tflite/translator.h"

namespace sz::compiler::tflite {

using Translate = void (*)(Translator&);

// Null if the operation is not supported.
Translate find_operation(file::Operation code);

// windows.cc
void convolution(Translator& t);
void depthwise_convolution(Translator& t);
void average_pool(Translator& t);
void max_pool(Translator& t);
void resize_nearest(Translator& t);
void resize_bilinear(Translator& t);
// arithmetic.cc
void add(Translator& t);
void sub(Translator& t);
void mul(Translator& t);
void div(Translator& t);
void fully_connected(Translator& t);
void softmax(Translator& t);
void mean(Translator& t);
// unary.cc
void relu(Translator& t);
void relu6(Translator& t);
void relu_n1_to_1(Translator& t);
void leaky_relu(Translator& t);
void logistic(Translator& t);
void hyperbolic_tangent(Translator& t);
void hard_swish(Translator& t);
void quantize(Translator& t);
void dequantize(Translator& t);
// movement.cc
void reshape(Translator& t);
void squeeze(Translator& t);
void expand_dims(Translator& t);
void transpose(Translator& t);
void concatenation(Translator& t);
void pad(Translator& t);
void strided_slice(Translator& t);
void shape_of(Translator& t);
void pack(Translator& t);

}  // namespace sz::compiler::tflite
