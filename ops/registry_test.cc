#include <gtest/gtest.h>

#include <set>

#include "ops/operator.h"
#include "ops/testing/random_cases.h"

namespace sz::ops::testing {
namespace {

TEST(Registry, FindsEveryOperatorByItsCode) {
  std::set<std::uint16_t> codes;
  for (const Operator& op : all_operators()) {
    const auto code = static_cast<std::uint16_t>(op.code);
    EXPECT_EQ(find_operator(code), &op);
    EXPECT_TRUE(codes.insert(code).second) << code << " appears twice";
  }
  for (std::uint16_t code = 1; code <= static_cast<std::uint16_t>(OpCode::kUpsample); ++code) {
    EXPECT_TRUE(codes.contains(code)) << code;
  }
}

TEST(Registry, KnowsNoOtherCodes) {
  for (const std::uint32_t code : {0u, 49u, 42u, 255u, 256u, 65535u}) {
    EXPECT_EQ(find_operator(static_cast<std::uint16_t>(code)), nullptr) << code;
  }
}

TEST(Registry, OperatorsRefuseAbsentOperandsAndAbsurdTensors) {
  for (const Operator& op : all_operators()) {
    SCOPED_TRACE(static_cast<int>(op.code));
    TensorView view;
    view.rank = 4;
    const auto check = [&](const TensorView* first, const TensorView* output) {
      std::vector<const TensorView*> inputs(op.min_inputs, &view);
      inputs[0] = first;
      const std::vector<const TensorView*> outputs(op.outputs, output);
      return op.check({Kernel::kVector, inputs, outputs, {}});
    };
    EXPECT_EQ(check(nullptr, &view), Status::kShapeMismatch);
    EXPECT_EQ(check(&view, nullptr), Status::kShapeMismatch);
    TensorView absurd = view;
    absurd.dims[1] = 0;
    EXPECT_EQ(check(&absurd, &view), Status::kShapeMismatch) << "a dimension of 0";
    absurd = view;
    absurd.dims[3] = 2;
    EXPECT_EQ(check(&absurd, &view), Status::kShapeMismatch) << "pitch below the row";
    absurd = view;
    absurd.dims = {0xffffffffu, 0xffffffffu, 0xffffffffu, 1, 1, 1};
    EXPECT_EQ(check(&view, &absurd), Status::kShapeMismatch) << "size overflows";
    absurd.dims = {65536, 65536, 1, 1, 1, 1};
    EXPECT_EQ(check(&view, &absurd), Status::kShapeMismatch) << "larger than any region";
    absurd = view;
    absurd.dtype = DType::kBool;
    if (op.code == OpCode::kCast || op.code == OpCode::kWhere) continue;  // bool is right there
    // These read their attributes first, and there are none.
    const bool attributes_first = op.code >= OpCode::kEmbedding && op.code <= OpCode::kLinear;
    EXPECT_EQ(check(&absurd, &view),
              attributes_first ? Status::kBadAttribute : Status::kDtypeMismatch);
  }
}

// A plan may say anything: no attribute words may crash a check or pass with a hostile size.
TEST(Registry, ChecksSurviveRandomAttributesAndShapes) {
  Random random(test_seed());
  for (int i = 0; i < 200000; ++i) {
    const Operator& op =
        all_operators()[random.integer(0, static_cast<std::uint32_t>(all_operators().size()) - 1)];
    TensorView views[6];
    for (TensorView& view : views) {
      view.rank = static_cast<std::uint8_t>(random.integer(0, 7));
      for (std::uint32_t d = 0; d < kMaxRank; ++d) {
        view.dims[d] = random.chance(3) ? random.integer(0, 0xffffffffu) : random.integer(1, 4);
      }
      view.pitch = random.chance(2) ? random.integer(0, 0xffffffffu) : 4;
      view.dtype = random.pick({DType::kF32, DType::kF32, DType::kI8, DType::kU8, DType::kI32,
                                DType::kI64, DType::kBool});
    }
    std::vector<std::uint32_t> words(
        random.pick({0u, 1u, 2u, 3u, 5u, 6u, 8u, 12u, 13u, 14u, 17u, 18u, 19u, 24u}));
    for (std::uint32_t& word : words) {
      word = random.chance(2) ? random.integer(0, 3) : random.integer(0, 0xffffffffu);
    }
    const TensorView* inputs[] = {&views[0], &views[1], &views[5]};
    const TensorView* outputs[] = {&views[2], &views[3], &views[4]};
    const Step step{Kernel::kVector, std::span(inputs, op.min_inputs),
                    std::span(outputs, op.outputs), words};
    if (op.check(step) == Status::kOk) {
      EXPECT_LT(op.scratch_bytes(step), std::uint64_t{1} << 40);
    }
  }
}

}  // namespace
}  // namespace sz::ops::testing
