// The baseline's client: builds a network in the TA layer by layer, runs it layer by layer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bench/original/channel.h"
#include "bench/original/translate.h"

namespace sz::original {

class Session {
 public:
  // Opens a session and builds the package's network in it. Throws Error, TranslationError.
  Session(Backend backend, const Package& package);

  // One inference: the inputs go in, one command for every layer, the outputs come out. Outputs
  // lie dense, in the package's order of elements.
  std::vector<std::vector<float>> run(std::span<const Tensor> inputs);

  // Bytes that the TA has taken from its heap.
  std::uint64_t memory();

  std::size_t layers() const { return network_.layers.size(); }

 private:
  void build();
  void set_input(std::uint32_t number, std::span<const std::byte> bytes);
  void command(std::uint32_t number, Call call, const char* doing);

  Translation network_;  // without the weights once they are sent
  std::unique_ptr<Channel> channel_;
};

}  // namespace sz::original
