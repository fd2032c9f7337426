// ONNX model files: bytes to graph, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "compiler/graph/graph.h"

namespace sz::compiler {

// Opsets of the default domain whose semantics are implemented.
inline constexpr std::int64_t kMinOpset = 6;
inline constexpr std::int64_t kMaxOpset = 25;
// Most nodes of a file.
inline constexpr int kMaxNodes = 65536;

struct OnnxImportOptions {
  std::string source = "model";                     // the file's name, for messages
  std::map<std::string, Shape> input_shapes = {};        // inputs whose shape the file leaves open
  std::map<std::string, ConstantPtr> input_values = {};  // inputs that become constants
  std::uint64_t constant_budget = kMaxTensorBytes;  // most bytes of all constants
};

// Reads a serialised onnx.ModelProto. The graph has no unknown operators or attributes; shapes
// are those of inputs and constants only. Everything in the file is taken as hostile.
// Throws CompileError naming the node (or tensor) and what is wrong or not implemented.
Graph import_onnx(std::span<const std::byte> bytes, const OnnxImportOptions& options);

// Reads a serialised onnx.TensorProto of at most `budget` bytes. Throws CompileError.
ConstantPtr import_tensor_bytes(std::span<const std::byte> bytes, const std::string& source,
                                std::uint64_t budget);

}  // namespace sz::compiler
