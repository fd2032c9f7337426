// Darknet networks (.cfg and .weights): to graph, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "compiler/graph/graph.h"

namespace sz::compiler {

struct DarknetImportOptions {
  std::string source = "model.cfg";  // the files' names, for messages
  std::string weights_source = "model.weights";
  std::uint64_t constant_budget = kMaxTensorBytes;  // most bytes of all constants
};

// Reads a network and its weights. The graph has one input, 'data' [1, C, H, W]. Its outputs are
// what the [yolo] sections read, in their order, without the decoding of boxes, and the result of
// the last layer if that is none; each is called like its layer, 'softmax_8'. Both files are taken
// as hostile. Throws CompileError naming the line (or layer) and what is wrong or not implemented.
Graph import_darknet(std::string_view cfg, std::span<const std::byte> weights,
                     const DarknetImportOptions& options);

}  // namespace sz::compiler
