// Makes small plans for tests and fuzz targets: valid ones, and, by editing their tables, every
// kind of broken one. Host only.
//
//   PlanBuilder builder;
//   const auto x = builder.arena({1, 8, 8, 3});
//   const auto y = builder.arena({1, 8, 8, 3});
//   builder.step(ops::OpCode::kUnary, {x}, {y}, ops::UnaryAttributes{});
//   builder.entry({x}, {y});
//   const TestPlan plan = builder.finish();
//
// To break it: `builder.tables.tensors[x].pitch = 1;` before finish(), or change bytes of
// `plan.plan` and reseal() it.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "base/memory.h"
#include "ops/attributes.h"
#include "ops/gemm/pack.h"
#include "ops/operator.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::engine::testing {

// The tables of a plan as they are in the file, in the open.
struct PlanTables {
  PlanTables();  // magic and version set, everything else empty

  package::PlanHeader header;
  std::vector<package::TensorRecord> tensors;
  std::vector<package::StepRecord> steps;
  std::vector<package::EntryRecord> entries;
  std::vector<package::LanguageRecord> language;
  std::vector<std::uint32_t> operands;
  std::vector<std::uint32_t> attributes;

  // The plan's bytes; counts and digest are set, the rest of the header is taken as it is.
  std::vector<std::byte> encode() const;

  // The inverse; nothing if the bytes are no plan in structure. The digest is not looked at.
  static std::optional<PlanTables> decode(ByteSpan plan);
};

// Recomputes the digest in place, so that a change gets past it. Does nothing to fewer bytes than
// a header.
void reseal(std::span<std::byte> plan);

// A plan and what goes into its weights region.
struct TestPlan {
  std::vector<std::byte> plan;
  std::vector<std::byte> weights;
};

using Dims = std::initializer_list<std::uint32_t>;
using Tensors = std::initializer_list<std::uint32_t>;

class PlanBuilder {
 public:
  PlanTables tables;

  // Kernel of the steps added from here on.
  ops::Kernel kernel = ops::Kernel::kReference;

  // A new dense f32 tensor in the arena, behind all others. Returns the tensor's index, as all
  // functions here that make one do.
  std::uint32_t arena(Dims dims);

  // An f32 tensor in the arena at an offset of the caller's; pitch 0: dense. Grows the arena.
  std::uint32_t arena_at(std::uint64_t offset, Dims dims, std::uint32_t pitch = 0);

  // `channels` channels of arena tensor `whole`, from channel `begin` on.
  std::uint32_t slice(std::uint32_t whole, std::uint32_t begin, std::uint32_t channels);

  // A dense f32 constant.
  std::uint32_t constant(Dims dims, std::span<const float> values);

  // Dense tensors of bytes: a constant, and one that is kept from run to run, behind the others.
  std::uint32_t constant_bytes(Dims dims, ByteSpan values);
  std::uint32_t state(Dims dims);

  // Packed weights and bias with reproducible pseudo-random values in [-0.5, 0.5).
  std::uint32_t conv_weights(const ops::ConvWeightShape& shape, std::uint32_t seed);
  std::uint32_t fully_connected_weights(std::uint32_t outputs, std::uint32_t inputs,
                                        std::uint32_t seed);

  // Appends a step; returns its index.
  std::uint32_t step_words(std::uint16_t op, Tensors inputs, Tensors outputs,
                           std::span<const std::uint32_t> attributes);
  std::uint32_t step(ops::OpCode op, Tensors inputs, Tensors outputs) {
    return step_words(static_cast<std::uint16_t>(op), inputs, outputs, {});
  }
  template <typename Attributes>
  std::uint32_t step(ops::OpCode op, Tensors inputs, Tensors outputs,
                     const Attributes& attributes) {
    std::uint32_t words[ops::kAttributeWords<Attributes>];
    std::memcpy(words, &attributes, sizeof(words));
    return step_words(static_cast<std::uint16_t>(op), inputs, outputs, words);
  }

  // An entry point that runs all steps since the last one; returns its index.
  std::uint32_t entry(Tensors inputs, Tensors outputs,
                      package::EntryKind kind = package::EntryKind::kRun);

  // Makes it a language model. The tokenizer's tables go into the weights; where they are is filled in.
  void language(package::LanguageRecord record, ByteSpan tokenizer);

  TestPlan finish() const;

 private:
  std::uint32_t add_tensor(package::RegionKind region, std::uint64_t offset, Dims dims,
                           std::uint32_t pitch, DType dtype = DType::kF32);

  std::vector<std::byte> weights_;
};

// Where things are in sequence_plan.
struct SequencePlan {
  PlanBuilder builder;
  std::uint32_t image, conv_weights, features, pooled, flat, dense_weights, scores, result;
  std::uint32_t conv, pool, fully_connected, softmax;  // steps
};

// A small classifier, one after the other: Conv2d 3x3 with Relu, max pool 2x2, FullyConnected,
// Softmax. Input [1,6,6,3], output [1,5].
SequencePlan sequence_plan(ops::Kernel kernel = ops::Kernel::kReference);

// Where things are in branches_plan.
struct BranchesPlan {
  PlanBuilder builder;
  std::uint32_t image, left_weights, right_weights, joined, left, right, bias, turned, mean, result;
  std::uint32_t conv_left, conv_right, add, transpose, average, copy;  // steps
};

// What sequence_plan lacks: two convolutions into the channel slices of one tensor, Binary with
// broadcasting and in place, Transpose, GlobalAveragePool, Unary in place, Copy. Input [1,4,4,4],
// output [1,1,1,4].
BranchesPlan branches_plan(ops::Kernel kernel = ops::Kernel::kReference);

// The other kinds of convolution, one after the other: depthwise, more channels than a panel of
// weights is wide, strided, dilated; an average pool at the end. Input [1,7,7,20], output
// [1,2,2,20].
PlanBuilder convolutions_plan(ops::Kernel kernel = ops::Kernel::kReference);

// Convolutions with residuals and leaky ends: one by Winograd's method, one plain. Input [1,5,4,6],
// output [1,5,4,6].
PlanBuilder residuals_plan(ops::Kernel kernel = ops::Kernel::kReference);

// A leaky Relu in place of its own input, then every pixel repeated. Input [1,3,2,5], output
// [1,6,6,5].
PlanBuilder enlarging_plan(ops::Kernel kernel = ops::Kernel::kReference);

// Elementwise functions, a comparison, a choice and a cast, and what works along axes: Reduce, Arg,
// CumulativeSum, the logarithm of a softmax; with tensors of bool and i64. Input [1,3,4,5], outputs
// [1,1,1,5] and [1,3,4,1].
PlanBuilder functions_plan(ops::Kernel kernel = ops::Kernel::kReference);

// Two layers of a language model, with caches of halves and of bytes, as a plain entry point: all
// operators of ops/transformer. Input [3,16], outputs [1,20] and [3,16].
PlanBuilder language_plan(ops::Kernel kernel = ops::Kernel::kReference);

}  // namespace sz::engine::testing
