// Moves: their arithmetic, and what the passes make of chains of them.
#include <gtest/gtest.h>

#include <random>

#include "compiler/error.h"
#include "compiler/graph/move.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/pass_harness.h"

namespace sz::compiler {
namespace {

using namespace testing;

// The elements of the result, by the number of the element of x; -1: filling.
std::vector<std::int64_t> apply(const MoveAttributes& move, const Shape& x,
                                const std::vector<std::int64_t>& elements) {
  std::vector<MoveLoop> loops;
  for (const auto& axis : move.axes) loops.insert(loops.end(), axis.begin(), axis.end());
  std::vector<std::int64_t> result;
  std::vector<std::int64_t> index(loops.size(), 0);
  const std::int64_t count = element_count(move_shape(move));
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<std::int64_t> at = move.start;
    bool copied = true;
    for (std::size_t k = 0; k < loops.size(); ++k) {
      copied = copied && index[k] >= loops[k].begin && index[k] < loops[k].end;
      if (loops[k].step != 0) at[loops[k].x_axis] += (index[k] - loops[k].begin) * loops[k].step;
    }
    std::int64_t element = 0;
    for (std::size_t axis = 0; copied && axis < x.size(); ++axis) {
      EXPECT_TRUE(at[axis] >= 0 && at[axis] < x[axis]);
      element = element * x[axis] + at[axis];
    }
    result.push_back(copied ? elements.at(static_cast<std::size_t>(element)) : -1);
    for (std::size_t k = loops.size(); k-- > 0;) {
      if (++index[k] < loops[k].size) break;
      index[k] = 0;
    }
  }
  return result;
}

using Random = std::mt19937;

std::int64_t pick(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

MoveAttributes random_move(Random& random, const Shape& x, bool may_fill) {
  switch (random() % (may_fill ? 5 : 4)) {
    case 0: {
      std::vector<std::int64_t> perm;
      for (std::size_t i = 0; i < x.size(); ++i) perm.push_back(static_cast<std::int64_t>(i));
      for (std::size_t i = perm.size(); i > 1; --i) std::swap(perm[i - 1], perm[random() % i]);
      return transpose_move(x, perm);
    }
    case 1: {
      std::vector<SliceRange> ranges;
      for (const std::int64_t size : x) {
        const std::int64_t start = random() % 2 ? 0 : pick(random, 0, size - 1);
        ranges.push_back({start, 1, random() % 2 ? size - start : pick(random, 1, size - start)});
        if (random() % 4 == 0) ranges.back() = {size - 1, -1, size};
        if (random() % 4 == 0) ranges.back() = {0, 2, (size + 1) / 2};
      }
      return slice_move(ranges);
    }
    case 2: {
      std::vector<std::int64_t> repeats;
      for (std::size_t i = 0; i < x.size(); ++i) repeats.push_back(pick(random, 1, 2));
      return tile_move(x, repeats);
    }
    case 3:
      return identity_move(x);
    default: {
      std::vector<PadRange> pads;
      for (std::size_t i = 0; i < x.size(); ++i) {
        pads.push_back({pick(random, 0, 2), pick(random, 0, 2)});
      }
      return *pad_move(x, pads, 0);
    }
  }
}

// Another shape of as many elements.
Shape random_reshape(Random& random, const Shape& x) {
  std::vector<std::int64_t> factors;
  for (std::int64_t size : x) {
    for (std::int64_t f = 2; f <= size; ++f) {
      for (; size % f == 0; size /= f) factors.push_back(f);
    }
  }
  Shape shape = {1};
  for (const std::int64_t factor : factors) {
    if (random() % 2 && shape.size() < 5) shape.push_back(1);
    shape.back() *= factor;
  }
  return shape;
}

TEST(Moves, PutTogetherMoveWhatTheyMoveOneAfterTheOther) {
  int composed_chains = 0;
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Shape x;
    for (std::int64_t i = pick(random, 1, 3); i > 0; --i) x.push_back(pick(random, 1, 6));
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < element_count(x); ++i) numbers.push_back(i);
    const MoveAttributes first = random_move(random, x, false);
    const std::vector<std::int64_t> between = apply(first, x, numbers);
    const Shape shape = random_reshape(random, move_shape(first));
    const auto grouped = regrouped(first, shape);
    if (!grouped) continue;
    EXPECT_EQ(move_shape(*grouped), shape);
    EXPECT_EQ(apply(*grouped, x, numbers), between);
    const MoveAttributes second = random_move(random, shape, true);
    const auto both = composed(*grouped, second);
    if (!both) continue;
    ++composed_chains;
    EXPECT_EQ(apply(*both, x, numbers), apply(second, shape, between));
  }
  EXPECT_GT(composed_chains, 1000);
}

OnnxBuilder shuffle() {
  OnnxBuilder b;
  b.input("x", {1, 6, 2, 3}).output("y", {1, 6, 2, 3});
  b.integers("apart", {1, 2, 3, 2, 3}).integers("whole", {1, 6, 2, 3});
  b.node("Relu", {"x"}, {"r"});
  b.node("Reshape", {"r", "apart"}, {"a"});
  set(b.node("Transpose", {"a"}, {"t"}), "perm", std::vector<std::int64_t>{0, 2, 1, 3, 4});
  b.node("Reshape", {"t", "whole"}, {"w"});
  b.node("LeakyRelu", {"w"}, {"y"});
  return b;
}

TEST(FuseMoves, AChannelShuffleIsOneMove) {
  EXPECT_EQ(operators(optimised(shuffle())), "Clamp Move LeakyRelu");
  EXPECT_EQ(change_by_fusing(shuffle(), 3), 0);
}

TEST(FuseMoves, ADetectionHeadIsOneMove) {
  OnnxBuilder b;
  b.input("x", {1, 6, 2, 5}).output("y", {1, 20, 3});
  b.integers("apart", {1, 2, 3, 2, 5}).integers("list", {1, 20, 3});
  b.node("Relu", {"x"}, {"r"});
  b.node("Reshape", {"r", "apart"}, {"a"});
  set(b.node("Transpose", {"a"}, {"t"}), "perm", std::vector<std::int64_t>{0, 1, 3, 4, 2});
  b.node("Reshape", {"t", "list"}, {"y"});
  EXPECT_EQ(operators(optimised(b)), "Clamp Move Reshape");
  EXPECT_EQ(change_by_fusing(b, 3), 0);
}

TEST(FuseMoves, LeavesAnImageAloneThatIsOnlyTurnedAndFlattened) {
  OnnxBuilder b;
  b.input("x", {1, 6, 2, 5}).output("y", {1, 20, 3}).integers("list", {1, 20, 3});
  b.node("Relu", {"x"}, {"r"});
  set(b.node("Transpose", {"r"}, {"t"}), "perm", std::vector<std::int64_t>{0, 2, 3, 1});
  b.node("Reshape", {"t", "list"}, {"y"});
  EXPECT_EQ(change_by_fusing(b, 3), 0);
}

// What is read twice stays, and is right.
TEST(FuseMoves, LeavesWhatOthersReadAlone) {
  OnnxBuilder b = shuffle();
  b.output("z", {1, 2, 3, 2, 3});
  b.node("Relu", {"a"}, {"z"});
  EXPECT_EQ(operators(optimised(b)), "Clamp Reshape Move LeakyRelu Clamp");
  EXPECT_EQ(change_by_fusing(b, 3), 0);
}

void expect_refused(const OnnxBuilder& b, const std::string& what) {
  try {
    run(b, 1);
    FAIL() << "was not refused: " << what;
  } catch (const CompileError& error) {
    EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
  }
}

TEST(Movement, RefusesByNameWhatItDoesNotDo) {
  OnnxBuilder pad;
  pad.input("x", {2, 2}).output("y").integers("pads", {-2, 0, 1, 0});
  pad.node("Pad", {"x", "pads"}, {"y"});
  expect_refused(pad, "padding alone");
  OnnxBuilder mode = pad;
  set(*mode.graph().mutable_node(0), "mode", "mirror");
  expect_refused(mode, "mode 'mirror' is not implemented");
  OnnxBuilder split;
  split.input("x", {5}).output("y").output("z").integers("sizes", {2, 2});
  split.node("Split", {"x", "sizes"}, {"y", "z"});
  expect_refused(split, "the parts have 4 of 5");
  OnnxBuilder gather;
  gather.input("x", {3}).output("y").integers("i", {0, 3});
  gather.node("Gather", {"x", "i"}, {"y"});
  expect_refused(gather, "index 3 is out of range");
  OnnxBuilder top;
  top.input("x", {3}).output("v").output("i").integers("k", {4});
  top.node("TopK", {"x", "k"}, {"v", "i"});
  expect_refused(top, "k is not within the 3 elements");
  OnnxBuilder resize;
  resize.input("x", {1, 1, 2, 2}).output("y").floats("s", {4}, {1, 1, 1e30f, 1});
  resize.node("Resize", {"x", "", "s"}, {"y"});
  expect_refused(resize, "a scale is out of range");
}

// A Gather that writes the columns of a concatenation: its operator takes dense tensors only.
TEST(Movement, AGatherCanBePartOfAConcatenation) {
  OnnxBuilder b;
  b.input("x", {3, 4}).output("y", {3, 5}).integers("i", {2, 0, 3});
  b.node("Relu", {"x"}, {"r"});
  set(b.node("Gather", {"r", "i"}, {"g"}), "axis", std::int64_t{1});
  b.integers("s", {0}).integers("e", {2}).integers("a", {1});
  b.node("Slice", {"r", "s", "e", "a"}, {"c"});
  set(b.node("Concat", {"g", "c"}, {"y"}), "axis", std::int64_t{1});
  const auto x = random_floats(12, 2);
  const auto y = run(b, 2).at(0);
  for (std::size_t row = 0; row < 3; ++row) {
    const std::size_t from[] = {2, 0, 3, 0, 1};
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(y[row * 5 + i], std::max(0.0f, x[row * 4 + from[i]]));
    }
  }
}

}  // namespace
}  // namespace sz::compiler
