#include "compiler/import/tflite/operations.h"

namespace sz::compiler::tflite {

Translate find_operation(file::Operation code) {
  switch (code) {
    case file::Operation::CONV_2D:
      return convolution;
    case file::Operation::DEPTHWISE_CONV_2D:
      return depthwise_convolution;
    case file::Operation::AVERAGE_POOL_2D:
      return average_pool;
    case file::Operation::MAX_POOL_2D:
      return max_pool;
    case file::Operation::RESIZE_NEAREST_NEIGHBOR:
      return resize_nearest;
    case file::Operation::RESIZE_BILINEAR:
      return resize_bilinear;
    case file::Operation::ADD:
      return add;
    case file::Operation::SUB:
      return sub;
    case file::Operation::MUL:
      return mul;
    case file::Operation::DIV:
      return div;
    case file::Operation::FULLY_CONNECTED:
      return fully_connected;
    case file::Operation::SOFTMAX:
      return softmax;
    case file::Operation::MEAN:
      return mean;
    case file::Operation::RELU:
      return relu;
    case file::Operation::RELU6:
      return relu6;
    case file::Operation::RELU_N1_TO_1:
      return relu_n1_to_1;
    case file::Operation::LEAKY_RELU:
      return leaky_relu;
    case file::Operation::LOGISTIC:
      return logistic;
    case file::Operation::TANH:
      return hyperbolic_tangent;
    case file::Operation::HARD_SWISH:
      return hard_swish;
    case file::Operation::QUANTIZE:
      return quantize;
    case file::Operation::DEQUANTIZE:
      return dequantize;
    case file::Operation::RESHAPE:
      return reshape;
    case file::Operation::SQUEEZE:
      return squeeze;
    case file::Operation::EXPAND_DIMS:
      return expand_dims;
    case file::Operation::TRANSPOSE:
      return transpose;
    case file::Operation::CONCATENATION:
      return concatenation;
    case file::Operation::PAD:
    case file::Operation::PADV2:
      return pad;
    case file::Operation::STRIDED_SLICE:
      return strided_slice;
    case file::Operation::SHAPE:
      return shape_of;
    case file::Operation::PACK:
      return pack;
    default:
      return nullptr;
  }
}

}  // namespace sz::compiler::tflite
