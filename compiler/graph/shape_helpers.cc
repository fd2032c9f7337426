// Axes, slices, paddings, broadcasting: ONNX's rules, shared by inference, folding and lowering.
#include <algorithm>
#include <cstring>

#include "compiler/graph/shape_inference.h"

namespace sz::compiler {

std::size_t normal_axis(const Graph& graph, const Node& node, std::int64_t axis, std::size_t rank,
                        bool end_allowed) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis > size || (axis == size && !end_allowed)) {
    fail(graph, node,
         "axis " + std::to_string(axis) + " is out of range for " + std::to_string(rank) +
             " dimensions");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

std::vector<std::int64_t> constant_integers(const Graph& graph, const Node& node, std::size_t input,
                                            const char* what) {
  const Constant* constant = graph.constant(node.input(input));
  if (constant == nullptr) {
    fail(graph, node, std::string(what) + " must be known when the model is compiled");
  }
  if (constant->shape.size() > 1) fail(graph, node, std::string(what) + " must be a list");
  if (constant->dtype == DType::kI64) {
    const auto values = constant->i64();
    return {values.begin(), values.end()};
  }
  if (constant->dtype != DType::kI32) {
    fail(graph, node, std::string(what) + " must be integers, not " + to_string(constant->dtype));
  }
  std::vector<std::int64_t> values(constant->bytes.size() / sizeof(std::int32_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t value = 0;
    std::memcpy(&value, constant->bytes.data() + i * sizeof(value), sizeof(value));
    values[i] = value;
  }
  return values;
}

std::vector<SliceRange> slice_ranges(const Graph& graph, const Node& node, const Shape& input) {
  std::vector<SliceRange> ranges;
  for (const std::int64_t size : input) ranges.push_back({0, 1, size});
  const auto starts = constant_integers(graph, node, 1, "the starts");
  const auto ends = constant_integers(graph, node, 2, "the ends");
  std::vector<std::int64_t> axes(starts.size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  if (node.input(3) != kNoValue) axes = constant_integers(graph, node, 3, "the axes");
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (node.input(4) != kNoValue) steps = constant_integers(graph, node, 4, "the steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    fail(graph, node, "starts, ends, axes and steps have different lengths");
  }
  std::vector<bool> seen(input.size(), false);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = normal_axis(graph, node, axes[i], input.size());
    if (seen[axis]) fail(graph, node, "axis " + std::to_string(axis) + " occurs twice");
    seen[axis] = true;
    const std::int64_t size = input[axis];
    const std::int64_t step = steps[i];
    if (step == 0 || step == INT64_MIN) fail(graph, node, "a step is 0 or out of range");
    const auto wrap = [&](std::int64_t at) { return at < 0 ? std::max(at, -size - 1) + size : at; };
    SliceRange& range = ranges[axis];
    range.step = step;
    if (step > 0) {
      range.start = std::clamp<std::int64_t>(wrap(starts[i]), 0, size);
      const std::int64_t end = std::clamp<std::int64_t>(wrap(ends[i]), 0, size);
      range.size = end <= range.start ? 0 : (end - range.start - 1) / step + 1;
    } else {
      range.start = std::clamp<std::int64_t>(wrap(starts[i]), -1, size - 1);
      const std::int64_t end = std::clamp<std::int64_t>(wrap(ends[i]), -1, size - 1);
      range.size = end >= range.start ? 0 : (range.start - end - 1) / -step + 1;
    }
  }
  return ranges;
}

std::vector<PadRange> pad_ranges(const Graph& graph, const Node& node, std::size_t rank) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const auto pads = constant_integers(graph, node, 1, "the pads");
  std::vector<std::int64_t> axes;
  if (node.input(3) != kNoValue) {
    axes = constant_integers(graph, node, 3, "the axes");
  } else {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (pads.size() != 2 * axes.size()) {
    fail(graph, node,
         "has " + std::to_string(pads.size()) + " pads; it needs " +
             std::to_string(2 * axes.size()));
  }
  std::vector<PadRange> ranges(rank);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    PadRange& range = ranges[normal_axis(graph, node, axes[i], rank)];
    range = {pads[i], pads[i + axes.size()]};
    if (range.before < -kMost || range.after < -kMost || range.before > kMost ||
        range.after > kMost) {
      fail(graph, node, "huge pads are not implemented");
    }
  }
  return ranges;
}

Shape broadcast(const Graph& graph, const Node& node, const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      fail(graph, node, to_string(a) + " and " + to_string(b) + " cannot be broadcast together");
    }
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

std::vector<std::int64_t> permutation(const Graph& graph, const Node& node, std::size_t rank) {
  std::vector<std::int64_t> perm = node.get<PermAttributes>().perm;
  if (perm.empty()) {
    for (std::size_t i = rank; i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<bool> seen(rank, false);
  bool good = perm.size() == rank;
  for (std::size_t i = 0; good && i < rank; ++i) {
    good = perm[i] >= 0 && perm[i] < static_cast<std::int64_t>(rank) &&
           !seen[static_cast<std::size_t>(perm[i])];
    if (good) seen[static_cast<std::size_t>(perm[i])] = true;
  }
  if (!good) fail(graph, node, "perm is no permutation of " + std::to_string(rank) + " dimensions");
  return perm;
}

}  // namespace sz::compiler
