// A network of the baseline inside the TA: layers, each with an output buffer and weights of its
// own from the TA's heap, run one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/memory.h"
#include "bench/original/layer.h"

namespace sz::original {

inline constexpr std::uint32_t kMaxBuffers = 1024;

// What went wrong; entry.cc makes a TEE_Result of it.
enum class [[nodiscard]] Outcome{kOk, kBadParameters, kBadState, kOutOfMemory};

// The TA's heap; zero-filled.
using Allocate = void* (*)(std::size_t bytes);
using Release = void (*)(void* memory);

class Network {
 public:
  Network(Allocate allocate, Release release) : allocate_(allocate), release_(release) {}
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Outcome add_input(std::uint32_t elements);
  Outcome add_layer(ByteSpan record);
  Outcome push_weights(std::uint32_t layer, std::uint32_t offset, ByteSpan bytes);
  Outcome finish();
  Outcome set_input(std::uint32_t input, ByteSpan bytes);
  Outcome forward(std::uint32_t layer);
  Outcome get_output(std::uint32_t buffer, MutableByteSpan bytes) const;

  // Bytes taken from the heap. Nothing is given back before the end, so this is the peak too.
  std::uint64_t taken() const { return taken_; }

 private:
  struct Buffer {
    float* data = nullptr;
    std::uint32_t elements = 0;
  };
  struct Layer {
    LayerRecord* record = nullptr;
    float* weights = nullptr;
  };

  void* take(std::uint64_t bytes);
  Outcome add_buffer(std::uint32_t elements);
  bool fits(const LayerRecord& layer) const;
  const float* input_of(const LayerRecord& layer, std::uint32_t index) const {
    return buffers_[layer.inputs[index]].data;
  }
  void run(const Layer& layer, float* y);

  Allocate allocate_;
  Release release_;
  std::uint32_t input_count_ = 0;
  std::uint32_t layer_count_ = 0;
  bool finished_ = false;
  Buffer buffers_[kMaxBuffers];  // inputs, then the output of each layer
  Layer layers_[kMaxBuffers];
  float* workspace_ = nullptr;
  std::uint64_t taken_ = 0;
};

// Whether every access of the layer stays within buffers of these sizes. `inputs` are the elements
// of its inputs. Records come from the normal world.
bool layer_fits(const LayerRecord& layer, std::span<const std::uint32_t> inputs);

}  // namespace sz::original
