// TensorFlow Lite models (.tflite): to graph, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "compiler/graph/graph.h"

namespace sz::compiler {

struct TfliteImportOptions {
  std::string source = "model.tflite";              // the file's name, for messages
  std::uint64_t constant_budget = kMaxTensorBytes;  // most bytes of all constants
};

// Reads a model of f32 or of quantised 8-bit values. The graph's inputs and outputs are those of
// the file, in the file's order of dimensions (images: N, H, W, C) and with its types. Quantised
// operators become integer operators that give the values of TFLite's reference kernels. The file
// is taken as hostile. Throws CompileError naming the operator or tensor, by index and name, and
// what is wrong or not implemented.
Graph import_tflite(std::span<const std::byte> bytes, const TfliteImportOptions& options);

}  // namespace sz::compiler
