// Writes the tables of a language model's plan: constants, caches, and the steps of its entry points, whose
// intermediate tensors are placed in one arena. Unlike the planner of networks (compiler/plan), the order of
// the steps is the caller's: a chain leaves nothing to choose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/memory.h"
#include "compiler/plan/liveness.h"
#include "compiler/plan/plan_bytes.h"
#include "ops/operator.h"
#include "tensor/tensor.h"

namespace sz::compiler {

class PlanWriter {
 public:
  using Dims = std::initializer_list<std::uint32_t>;
  using Tensors = std::initializer_list<std::uint32_t>;

  // `keep`: intermediate tensors do not share memory, so that all can be looked at after a run.
  explicit PlanWriter(std::string source, bool keep = false)
      : source_(std::move(source)), keep_(keep) {}

  // Constants lie in the weights region in the order in which they are made; caches in the state
  // region. Return the tensor's number, as all functions here that make one do.
  std::uint32_t constant(const std::string& name, Dims dims, DType dtype, std::vector<std::byte> data);
  std::uint32_t state(Dims dims, DType dtype);

  // Bytes in the weights region that no step reads; the offset.
  std::uint64_t bytes(std::vector<std::byte> data);

  // Begins an entry point with one input; all that follow belong to it.
  std::uint32_t begin_entry(package::EntryKind kind, Dims dims, DType dtype);
  // An intermediate tensor.
  std::uint32_t fresh(Dims dims, DType dtype);
  // `name` is what messages call the step. Throws InternalError if its operator refuses it.
  template <typename Attributes>
  void step(const std::string& name, ops::OpCode op, Tensors inputs, Tensors outputs,
            const Attributes& attributes) {
    std::uint32_t words[sizeof(Attributes) / sizeof(std::uint32_t)];
    static_assert(sizeof(words) == sizeof(Attributes));
    copy_bytes(words, &attributes, sizeof(words));
    add_step(name, op, inputs, outputs, words);
  }
  void end_entry(std::uint32_t output);

  void describe(const package::LanguageRecord& record, std::uint64_t language_bytes);

  // The bytes of weights so far.
  std::uint64_t weights_bytes() const { return weights_.size(); }
  std::uint32_t steps() const { return static_cast<std::uint32_t>(parts_.steps.size()); }
  // The largest sum of intermediate tensors that are live at one moment, over all entry points.
  std::uint64_t live_bound() const { return live_bound_; }

  // Ends the plan; weights() is what goes with it. Throws CompileError if it is too large.
  std::vector<std::byte> finish();
  std::vector<std::byte> take_weights() { return std::move(weights_); }

 private:
  std::uint32_t add_tensor(package::RegionKind region, std::uint64_t offset, Dims dims, DType dtype);
  TensorView view(std::uint32_t tensor) const;
  void add_step(const std::string& name, ops::OpCode op, Tensors inputs, Tensors outputs,
                std::span<const std::uint32_t> attributes);
  void use(std::uint32_t tensor);

  std::string source_;
  bool keep_;
  PlanParts parts_;
  std::vector<std::byte> weights_;
  std::vector<Block> blocks_;          // of the current entry point's tensors
  std::uint32_t first_of_entry_ = 0;   // their first tensor
  std::uint64_t live_bound_ = 0;
};

}  // namespace sz::compiler
