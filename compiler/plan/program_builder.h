// Makes the storages, tensors and steps of a program, and keeps the bounds of a plan.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/plan/program.h"

namespace sz::compiler {

using Dims = std::vector<std::uint32_t>;
using TensorId = std::uint32_t;

// Attribute structs one after the other.
struct AttributeWords {
  std::vector<std::uint32_t> words;

  template <typename Attributes>
  void add(const Attributes& attributes) {
    static_assert(sizeof(Attributes) % sizeof(std::uint32_t) == 0);
    const std::size_t at = words.size();
    words.resize(at + sizeof(Attributes) / sizeof(std::uint32_t));
    copy_bytes(words.data() + at, &attributes, sizeof(Attributes));
  }
};

class ProgramBuilder {
 public:
  ProgramBuilder(const Graph& graph, ops::Kernel kernel) : graph_(graph) {
    program_.kernel = kernel;
  }

  const ProgramTensor& tensor(TensorId id) const { return program_.tensors[id]; }
  bool is_constant(TensorId id) const { return storage_of(id).constant(); }

  // A tensor in a storage of its own.
  TensorId fresh(const std::string& name, Dims dims, DType dtype = DType::kF32);
  // A constant: its elements, or (a packed blob) whatever its reader takes them for. Throws
  // CompileError when the weights exceed what a plan may have.
  TensorId constant(const std::string& name, Dims dims, DType dtype, Blob data);
  // The same bytes under other dimensions. The tensor must be dense.
  TensorId view(TensorId id, Dims dims);
  // The tensor, or, if it is a slice of a wider one, a dense copy of it.
  TensorId dense(const std::string& name, TensorId id);
  // Columns [begin, begin + dims.back()) of the rows of `wide`.
  TensorId slice(TensorId wide, std::uint64_t begin, Dims dims);

  // The same of a tensor that has been written, for reading: of a dense copy where it was written
  // in pieces of other rows, because the engine does not follow those (docs/plan-format.md).
  TensorId columns(const std::string& name, TensorId id, std::uint64_t begin, Dims dims);

  // Makes the tensor, with all that lies in its storage, the columns from `begin` of `wide`. False,
  // with nothing done, if it must stay where it is: an input, a constant, seen under other
  // dimensions, or of a step that takes no gaps between rows.
  bool place_in(TensorId id, TensorId wide, std::uint64_t begin);

  // Adds a step after its operator has checked it. Throws CompileError "node ...: refused".
  template <typename Attributes>
  void step(const Node& node, ops::OpCode op, std::vector<TensorId> inputs, TensorId output,
            const Attributes& attributes) {
    static_assert(sizeof(Attributes) % sizeof(std::uint32_t) == 0);
    std::vector<std::uint32_t> words(sizeof(Attributes) / sizeof(std::uint32_t));
    copy_bytes(words.data(), &attributes, sizeof(Attributes));
    add_step({node.name, op, std::move(inputs), output, std::move(words)});
  }
  void step(const Node& node, ops::OpCode op, std::vector<TensorId> inputs, TensorId output) {
    add_step({node.name, op, std::move(inputs), output, {}});
  }
  void step_words(const Node& node, ops::OpCode op, std::vector<TensorId> inputs, TensorId output,
                  std::vector<std::uint32_t> words) {
    add_step({node.name, op, std::move(inputs), output, std::move(words)});
  }
  void copy(const std::string& name, TensorId from, TensorId to);
  void transpose(const std::string& name, TensorId from, TensorId to,
                 const std::vector<std::size_t>& perm);

  void add_input(TensorId id);
  void add_output(TensorId id) { program_.outputs.push_back(id); }
  bool is_input(TensorId id) const { return storage_is_input_[tensor(id).storage]; }
  void count_raw_weights(std::uint64_t bytes) { program_.raw_weight_bytes += bytes; }

  Program take() { return std::move(program_); }

 private:
  const Storage& storage_of(TensorId id) const { return program_.storages[tensor(id).storage]; }
  TensorId add(ProgramTensor tensor);
  void add_step(ProgramStep step);
  Status check(const ProgramStep& step) const;
  // All steps with these operands still pass their check.
  bool steps_take(const std::vector<TensorId>& changed) const;
  // A copy of any type, its dimensions reordered.
  void reorder(const std::string& name, TensorId from, TensorId to,
               const std::vector<std::size_t>& perm);

  const Graph& graph_;
  Program program_;
  std::vector<bool> storage_is_input_;
  std::uint64_t weight_bytes_ = 0;
};

}  // namespace sz::compiler
