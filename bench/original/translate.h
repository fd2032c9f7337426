// A compiled package as a network of the baseline: images in the order N, C, H, W, plain weights,
// one layer with an output of its own for every step that computes. The plan's clever places are
// undone: what lies as a slice in a wider tensor there is concatenated by a layer here.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "base/memory.h"
#include "bench/original/layer.h"

namespace sz::original {

// The package has something that the baseline cannot do; what() is one sentence.
class TranslationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Layer {
  LayerRecord record;
  std::vector<float> weights;
};

// Buffers are numbered: the inputs, the constants, then the output of each layer.
struct Translation {
  std::vector<std::uint32_t> input_elements;
  std::vector<std::vector<float>> constants;  // set once, as if they were inputs
  std::vector<Layer> layers;
  std::vector<std::uint32_t> outputs;          // buffers
  std::vector<std::uint32_t> output_elements;  // in the package's order of elements
};

// Entry point 0 of the plan. Throws TranslationError.
Translation translate(ByteSpan plan, ByteSpan weights);

}  // namespace sz::original
