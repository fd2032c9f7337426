#include "engine/testing/damages.h"

#include <utility>

namespace sz::engine::testing {
namespace {

// What to do to the sequence plan, and the status and the step or tensor that must be named.
struct Recipe {
  const char* name;
  void (*apply)(SequencePlan& plan);
  Status status;
  std::uint32_t SequencePlan::*detail;
};

package::TensorRecord& tensor(SequencePlan& plan, std::uint32_t index) {
  return plan.builder.tables.tensors[index];
}
package::StepRecord& step(SequencePlan& plan, std::uint32_t index) {
  return plan.builder.tables.steps[index];
}
std::uint32_t& operand(SequencePlan& plan, std::uint32_t of_step, std::uint32_t index) {
  return plan.builder.tables.operands[step(plan, of_step).operand_begin + index];
}
std::uint32_t& attribute(SequencePlan& plan, std::uint32_t of_step, std::uint32_t index) {
  return plan.builder.tables.attributes[step(plan, of_step).attribute_begin + index];
}
void set_height(SequencePlan& plan, std::uint32_t index, std::uint32_t height) {
  tensor(plan, index).dims[1] = height;
}

using P = SequencePlan;

const Recipe kRecipes[] = {
    {"UnknownOperator", [](P& p) { step(p, p.pool).op = 999; }, Status::kUnknownOperator, &P::pool},
    {"OperatorZero", [](P& p) { step(p, p.conv).op = 0; }, Status::kUnknownOperator, &P::conv},
    {"UnknownKernel", [](P& p) { step(p, p.pool).kernel = 77; }, Status::kUnknownKernel, &P::pool},
    {"KernelBeyondAll", [](P& p) { step(p, p.softmax).kernel = 0xffff; }, Status::kUnknownKernel,
     &P::softmax},
    {"InputMissing", [](P& p) { step(p, p.conv).input_count = 1; }, Status::kOperandCount,
     &P::conv},
    {"ManyInputs", [](P& p) { step(p, p.conv).input_count = 0xffff; }, Status::kOperandCount,
     &P::conv},
    {"NoOutput", [](P& p) { step(p, p.pool).output_count = 0; }, Status::kOperandCount, &P::pool},
    {"ManyOutputs", [](P& p) { step(p, p.pool).output_count = 0xffff; }, Status::kOperandCount,
     &P::pool},
    {"OperandsBehindTheTable", [](P& p) { step(p, p.pool).operand_begin = 0xffffffff; },
     Status::kOperandIndex, &P::pool},
    {"InputNamesNoTensor", [](P& p) { operand(p, p.pool, 0) = 10000; }, Status::kOperandIndex,
     &P::pool},
    {"RequiredInputAbsent", [](P& p) { operand(p, p.conv, 1) = package::kNoTensor; },
     Status::kOperandIndex, &P::conv},
    {"OutputAbsent", [](P& p) { operand(p, p.conv, 2) = package::kNoTensor; },
     Status::kOperandIndex, &P::conv},
    {"AttributesBehindTheTable", [](P& p) { step(p, p.conv).attribute_begin = 0xfffffff0; },
     Status::kBadAttribute, &P::conv},
    {"AttributeMissing", [](P& p) { step(p, p.conv).attribute_count -= 1; }, Status::kBadAttribute,
     &P::conv},
    {"AttributeTooMany", [](P& p) { step(p, p.softmax).attribute_count = 1; },
     Status::kBadAttribute, &P::softmax},
    {"StrideZero", [](P& p) { attribute(p, p.pool, 2) = 0; }, Status::kBadAttribute, &P::pool},
    {"KernelOf2GiB", [](P& p) { attribute(p, p.conv, 0) = 0x80000000; }, Status::kBadAttribute,
     &P::conv},
    {"GroupsZero", [](P& p) { attribute(p, p.conv, 10) = 0; }, Status::kBadAttribute, &P::conv},
    {"ClampNan", [](P& p) { attribute(p, p.conv, 11) = 0x7fc00000; }, Status::kBadAttribute,
     &P::conv},
    {"UnknownPoolKind", [](P& p) { attribute(p, p.pool, 10) = 2; }, Status::kBadAttribute,
     &P::pool},

    {"UnknownDtype", [](P& p) { tensor(p, p.flat).dtype = 0; }, Status::kTensorDtype, &P::flat},
    {"DtypeBeyondAll", [](P& p) { tensor(p, p.flat).dtype = 255; }, Status::kTensorDtype, &P::flat},
    {"RankSeven", [](P& p) { tensor(p, p.flat).rank = 7; }, Status::kTensorRank, &P::flat},
    {"DimensionBehindTheRank", [](P& p) { tensor(p, p.flat).dims[5] = 2; }, Status::kTensorRank,
     &P::flat},
    {"DimensionZero", [](P& p) { set_height(p, p.pooled, 0); }, Status::kTensorShape, &P::pooled},
    {"Dimension2GiB", [](P& p) { set_height(p, p.pooled, 0x80000000); }, Status::kTensorBounds,
     &P::pooled},
    {"Dimension4GiB", [](P& p) { set_height(p, p.pooled, 0xffffffff); }, Status::kTensorBounds,
     &P::pooled},
    {"DimensionsThatOverflow",
     [](P& p) { tensor(p, p.pooled).dims = {1u << 31, 1u << 31, 4, 8, 1, 1}; },
     Status::kTensorShape, &P::pooled},
    {"UnknownRegion", [](P& p) { tensor(p, p.scores).region = 3; }, Status::kTensorRegion,
     &P::scores},
    {"PitchBelowTheRow", [](P& p) { tensor(p, p.features).pitch = 7; }, Status::kTensorPitch,
     &P::features},
    {"PitchBeyondTheRegion", [](P& p) { tensor(p, p.features).pitch = 1u << 31; },
     Status::kTensorPitch, &P::features},
    {"PitchPastTheEnd", [](P& p) { tensor(p, p.features).pitch = 64; }, Status::kTensorBounds,
     &P::features},
    {"OffsetPastTheEnd", [](P& p) { tensor(p, p.scores).offset = 1u << 20; }, Status::kTensorBounds,
     &P::scores},
    {"OffsetThatOverflows", [](P& p) { tensor(p, p.scores).offset = ~std::uint64_t{63}; },
     Status::kTensorBounds, &P::scores},
    {"OffsetIntoTheMiddleOfAnElement", [](P& p) { tensor(p, p.scores).offset += 2; },
     Status::kTensorAlignment, &P::scores},
    {"WeightsPastTheEnd", [](P& p) { p.builder.tables.header.weights_bytes -= 4; },
     Status::kTensorBounds, &P::dense_weights},
    {"ArenaTooSmall", [](P& p) { p.builder.tables.header.arena_bytes -= 4; }, Status::kTensorBounds,
     &P::result},
    {"ArenaEmpty", [](P& p) { p.builder.tables.header.arena_bytes = 0; }, Status::kTensorPitch,
     &P::image},

    {"ConvOutputTooTall", [](P& p) { set_height(p, p.features, 5); }, Status::kShapeMismatch,
     &P::conv},
    {"PoolOfOtherHeight", [](P& p) { set_height(p, p.pooled, 2); }, Status::kShapeMismatch,
     &P::pool},
    {"WeightsTooShort",
     [](P& p) {
       tensor(p, p.conv_weights).dims[0] -= 1;
       tensor(p, p.conv_weights).pitch -= 1;
     },
     Status::kShapeMismatch, &P::conv},
    {"SoftmaxOfOtherShape", [](P& p) { operand(p, p.softmax, 1) = p.features; },
     Status::kShapeMismatch, &P::softmax},
    {"IntegersForFloats",
     [](P& p) { tensor(p, p.scores).dtype = static_cast<std::uint8_t>(DType::kI32); },
     Status::kDtypeMismatch, &P::fully_connected},

    {"WritesWeights", [](P& p) { operand(p, p.fully_connected, 2) = p.dense_weights; },
     Status::kWriteToConstant, &P::fully_connected},
    {"ReadsWhatIsWrittenLater", [](P& p) { operand(p, p.conv, 0) = p.result; },
     Status::kReadBeforeWrite, &P::conv},
    {"ReadsItsOwnOutput", [](P& p) { operand(p, p.softmax, 0) = p.result; },
     Status::kReadBeforeWrite, &P::softmax},
    {"Cycle", [](P& p) { operand(p, p.fully_connected, 0) = p.result; }, Status::kReadBeforeWrite,
     &P::fully_connected},
    {"StepsOutOfOrder", [](P& p) { std::swap(step(p, p.conv), step(p, p.softmax)); },
     Status::kReadBeforeWrite, &P::conv},
    {"ConvOverItsInput", [](P& p) { tensor(p, p.features).offset = tensor(p, p.image).offset; },
     Status::kIllegalAlias, &P::conv},
    {"PoolOverItsInput",
     [](P& p) { tensor(p, p.pooled).offset = tensor(p, p.features).offset + 64; },
     Status::kIllegalAlias, &P::pool},
    {"OutputOverAnInputByOneElement",
     [](P& p) {
       tensor(p, p.scores).dims = {2, 5, 1, 1, 1, 1};
       tensor(p, p.scores).offset = tensor(p, p.flat).offset + 71 * sizeof(float);
       tensor(p, p.scores).pitch = 6;
     },
     Status::kIllegalAlias, &P::fully_connected},
    {"NoScratch",
     [](P& p) {
       p.builder.tables.header.scratch_bytes = 0;
       step(p, p.conv).kernel = static_cast<std::uint16_t>(ops::Kernel::kVector);
     },
     Status::kScratchTooSmall, &P::conv},
};

}  // namespace

std::vector<Damage> all_damages() {
  std::vector<Damage> damages;
  for (const Recipe& recipe : kRecipes) {
    SequencePlan plan = sequence_plan();
    recipe.apply(plan);
    damages.push_back({recipe.name, plan.builder.finish(), {recipe.status, plan.*recipe.detail}});
  }
  return damages;
}

}  // namespace sz::engine::testing
