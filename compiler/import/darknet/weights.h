// Darknet's .weights files: a header and nothing but floats, in the order of the layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/import/darknet/layers.h"

namespace sz::compiler::darknet {

// Hands out the numbers one after the other.
class Weights {
 public:
  // Throws CompileError, naming the layer, unless the file has just the numbers of the network.
  Weights(std::span<const std::byte> bytes, const std::string& source, const Network& network);

  // The matrices of fully connected layers stand turned, [inputs, outputs].
  bool transposed() const { return transposed_; }
  std::vector<float> take(std::uint64_t count);

 private:
  std::span<const std::byte> rest_;
  bool transposed_ = false;
};

}  // namespace sz::compiler::darknet
