// A .tflite file, read and checked: every index names something, every size fits, operators stand
// in an order in which tensors are written before they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/graph/constant.h"
#include "tflite_generated.h"

namespace sz::compiler::tflite {

namespace file = sz::tflite::file;

inline constexpr std::size_t kMaxTensors = 1 << 17;
inline constexpr std::size_t kMaxOperators = 1 << 16;
inline constexpr std::int32_t kNoTensor = -1;  // an optional operand that is absent

// real = scale * (value - zero): one of each, or one for each element along `dimension`.
struct Scaling {
  std::vector<float> scales;  // empty: the tensor is not quantised
  std::vector<std::int32_t> zeros;
  std::size_t dimension = 0;
};

struct Tensor {
  std::string name;  // "tensor 3 'conv/bias'"
  std::string label;  // the file's name for it, shortened; may be empty
  file::TensorType type{};
  Shape shape;  // each dimension 1 or more; of constants, also 0
  Scaling scaling;
  bool constant = false;
  std::span<const std::byte> data;  // of a constant: as many bytes as shape and type say
};

struct Operator {
  std::string name;  // "operator 3 (CONV_2D)"
  file::Operation code{};
  std::vector<std::int32_t> inputs;   // of tensors; kNoTensor
  std::vector<std::int32_t> outputs;  // of tensors
  const file::Operator* record = nullptr;  // for its options
};

// Points into the bytes that it was read from.
struct Network {
  std::vector<Tensor> tensors;
  std::vector<Operator> operators;
  std::vector<std::int32_t> inputs, outputs;  // of tensors

  const Tensor& tensor(std::int32_t index) const {
    return tensors[static_cast<std::size_t>(index)];
  }
};

// Throws CompileError "source: what". `bytes` must outlive the result.
Network read_network(std::span<const std::byte> bytes, const std::string& source);

// Bytes of one element, 0 for the types that the importer does not read.
std::size_t element_bytes(file::TensorType type);

}  // namespace sz::compiler::tflite
