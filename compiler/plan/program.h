// The network as the device runs it, before order and places are decided: steps of the engine's
// operators on tensors in memory order (images [N, H, W, C]).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "ops/operator.h"
#include "tensor/tensor.h"

namespace sz::compiler {

// The bytes of a constant, shared.
using Blob = std::shared_ptr<const std::vector<std::byte>>;

// A piece of memory that tensors lie in: of the arena, or, if it has data, of the weights.
struct Storage {
  std::string name;
  std::uint64_t bytes = 0;
  Blob data;  // not null: constant

  bool constant() const { return data != nullptr; }
};

// A view of a storage. Several tensors may show the same bytes under different dimensions, or be
// the channel slices of a wider tensor.
struct ProgramTensor {
  std::string name;
  std::uint32_t storage = 0;
  std::uint64_t offset = 0;  // bytes from the start of the storage
  std::vector<std::uint32_t> dims;
  std::uint32_t pitch = 1;  // elements, as in TensorView
  DType dtype = DType::kF32;

  std::uint64_t bytes() const;  // of its elements, gaps not counted
  TensorView view() const;      // with null data
};

struct ProgramStep {
  std::string name;  // of the node, for messages and reports
  ops::OpCode op{};
  std::vector<std::uint32_t> inputs;
  std::uint32_t output = 0;
  std::vector<std::uint32_t> attributes;
};

// Every byte of the arena is written by one step, or as an input, and steps stand in an order in
// which it is written before it is read.
struct Program {
  std::vector<Storage> storages;
  std::vector<ProgramTensor> tensors;
  std::vector<ProgramStep> steps;
  std::vector<std::uint32_t> inputs, outputs;  // tensors
  std::uint64_t raw_weight_bytes = 0;          // the constants before packing
  ops::Kernel kernel = ops::Kernel::kVector;
};

// What the step's operator says of it.
Status check(const Program& program, const ProgramStep& step);

// The bytes of two tensors that lie in the same storage have something in common. Exact for equal
// pitches, true in doubt otherwise.
bool overlap(const ProgramTensor& a, const ProgramTensor& b);

// The tensor is all of its storage.
bool covers_storage(const Program& program, const ProgramTensor& tensor);

}  // namespace sz::compiler
