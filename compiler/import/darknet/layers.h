// The layers of a Darknet network: what the sections of its .cfg say, checked, with the shapes that
// follow and the numbers of the weights file that each layer takes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/import/darknet/cfg_reader.h"

namespace sz::compiler::darknet {

enum class LayerKind {
  kConvolutional,
  kMaxPool,
  kAveragePool,
  kConnected,
  kSoftmax,
  kDropout,
  kRoute,
  kShortcut,
  kUpsample,
  kYolo,
  kCost,
};

enum class Activation { kLinear, kRelu, kRelu6, kLeaky };

// Channels, height, width; a vector of n numbers is {n, 1, 1}.
struct Image {
  std::int64_t channels = 0, height = 0, width = 0;
  bool operator==(const Image&) const = default;
  std::int64_t elements() const { return channels * height * width; }
};

// What comes in: the network's input, or the result of an earlier layer.
inline constexpr std::int64_t kNetworkInput = -1;

struct Layer {
  LayerKind kind = LayerKind::kDropout;
  std::string name;                  // "convolutional_3": section and number, as Darknet counts
  std::vector<std::int64_t> inputs;  // layers, or kNetworkInput
  Image input, output;               // of the first input, and of the result
  Activation activation = Activation::kLinear;
  bool batch_normalize = false;
  std::int64_t size = 1, stride = 1;  // window of a convolution or pool; factor of upsample
  std::int64_t pad_before = 0, pad_after = 0;
  std::int64_t groups = 1, group = 0;     // group: of a route
  std::uint64_t biases = 0, weights = 0;  // numbers in the weights file

  // A head of which the raw tensor leaves the network, or a loss: no layer may read its result.
  bool has_result() const { return kind != LayerKind::kYolo && kind != LayerKind::kCost; }
  // All numbers in the weights file: biases, with normalisation scales, means, variances, weights.
  std::uint64_t numbers() const { return biases * (batch_normalize ? 4 : 1) + weights; }
};

struct Network {
  std::string source;
  Image input;
  std::vector<Layer> layers;
  std::vector<std::size_t> outputs;  // layers; of a head, what it reads
};

// Reads the sections. Every shape fits kMaxTensorBytes; inputs lie before the layers that read
// them. Throws CompileError with the line, the section, and what is wrong or not implemented.
Network read_network(std::string_view cfg, const std::string& source);

// A shortcut from a larger image takes every n-th of its rows and columns; this n, or 0 if there is
// none.
std::int64_t shortcut_stride(const Image& from, const Image& to);

// How many numbers the weights file of the network has.
std::uint64_t weight_numbers(const Network& network);

}  // namespace sz::compiler::darknet
