// What came out of a compilation, in figures.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sz::compiler {

// Of a language model.
struct LanguageReport {
  std::uint32_t context = 0, batch = 0;
  std::uint64_t parameters = 0;
  std::uint64_t state = 0;         // key-value caches
  std::uint64_t conversation = 0;  // tokens, text, working memory
  std::string cache;               // format of the caches
  std::map<std::string, unsigned> conversions;  // "Q6_K -> q8_0": number of matrices
};

// Bytes, where nothing else is said. Memory is what engine::memory_need says for one core.
struct Report {
  std::string model;
  std::string format;      // of the model file: "onnx", "darknet", "GGUF v3", ...
  std::int64_t opset = 0;  // of ONNX; 0 otherwise
  std::uint32_t nodes = 0;  // of the graph after the passes
  std::uint32_t steps = 0;
  std::uint64_t plan = 0;
  std::uint64_t package = 0;

  std::uint64_t control = 0;
  std::uint64_t weights = 0;  // as packed
  std::uint64_t arena = 0;
  std::uint64_t scratch = 0;

  std::uint64_t weights_bound = 0;  // the constants as they are in the graph, unpacked
  std::uint64_t live_bound = 0;     // largest set of live tensors, see plan/liveness.h

  std::uint32_t banded_chains = 0;  // chains of steps that are computed in bands of rows
  std::string order;      // how the order of the steps was found
  std::string placement;  // how the places in the arena were found
  std::optional<LanguageReport> language;
};

// A table for people; several lines, ends with a newline.
std::string to_text(const Report& report);

}  // namespace sz::compiler
