#include <algorithm>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

void expect_f32(const Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const DType type = graph.value(node.inputs[i]).dtype;
    if (type != DType::kF32) {
      fail(graph, node, "works on f32 only; input " + std::to_string(i) + " is " + to_string(type));
    }
  }
}

Shape infer_lp_pool(const Graph& graph, const Node& node) {
  const auto& attributes = node.get<LpPoolAttributes>();
  Shape x = graph.shape(node.inputs[0]);
  if (x.size() < 3) fail(graph, node, "its input " + to_string(x) + " has no pixels");
  if (node.op == Op::kGlobalLpPool) {
    std::fill(x.begin() + 2, x.end(), 1);
    return x;
  }
  Node pool = node;
  pool.attributes = attributes.window;
  const WindowAttributes window = resolve_window(graph, pool, x, {});
  for (std::size_t axis = 0; axis + 2 < x.size(); ++axis) {
    x[axis + 2] = window_output(graph, node, window, x[axis + 2], axis);
  }
  return x;
}

}  // namespace

TransposedWindow resolve_transposed(const Graph& graph, const Node& node) {
  const auto& attributes = node.get<ConvTransposeAttributes>();
  const Shape& x = graph.shape(node.inputs[0]);
  const Shape& w = graph.shape(node.inputs[1]);
  if (x.size() != w.size() || x.size() < 3 || x.size() > 4) {
    fail(graph, node,
         "its input is " + to_string(x) + " and its weights " + to_string(w) +
             "; ranks 3 and 4 are implemented");
  }
  const std::int64_t groups = attributes.window.groups;
  if (groups < 1 || x[1] != w[0] || x[1] % groups != 0) {
    fail(graph, node,
         "weights " + to_string(w) + " in " + std::to_string(groups) +
             " groups do not fit an input of " + to_string(x));
  }
  const std::size_t axes = x.size() - 2;
  // Everything but the padding follows the rules of a convolution.
  Node plain = node;
  WindowAttributes window = attributes.window;
  window.auto_pad = AutoPad::kExplicit;
  plain.attributes = window;
  TransposedWindow result{resolve_window(graph, plain, x, Shape(w.begin() + 2, w.end())), {}};
  const auto list = [&](const std::vector<std::int64_t>& values, const char* what) {
    const bool fits = values.empty() || values.size() == axes;
    for (const std::int64_t value : values) {
      if (!fits || value < 0 || value > 65536 * 1024) {
        fail(graph, node, std::string(what) + " is out of range, or not one number for each axis");
      }
    }
  };
  list(attributes.output_padding, "output_padding");
  list(attributes.output_shape, "output_shape");
  const AutoPad mode = attributes.window.auto_pad;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    WindowAttributes& r = result.window;
    const std::int64_t extent = (r.kernel[axis] - 1) * r.dilations[axis] + 1;
    const std::int64_t extra =
        attributes.output_padding.empty() ? 0 : attributes.output_padding[axis];
    const std::int64_t full = r.strides[axis] * (x[axis + 2] - 1) + extra + extent;
    const bool same = mode == AutoPad::kSameUpper || mode == AutoPad::kSameLower;
    std::int64_t size = full - r.pads[axis] - r.pads[axis + axes];
    if (same) size = x[axis + 2] * r.strides[axis];
    if (!attributes.output_shape.empty()) size = attributes.output_shape[axis];
    if (same || !attributes.output_shape.empty()) {
      const std::int64_t total = std::max<std::int64_t>(0, full - size);
      r.pads[axis] = mode == AutoPad::kSameUpper ? total / 2 : total - total / 2;
      r.pads[axis + axes] = total - r.pads[axis];
    }
    if (size < 1) fail(graph, node, "its result would be empty");
    result.sizes.push_back(size);
  }
  return result;
}

std::optional<TypedShape> infer_window(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kConvTranspose: {
      expect_f32(graph, node);
      const TransposedWindow window = resolve_transposed(graph, node);
      const Shape& x = graph.shape(node.inputs[0]);
      Shape result = {x[0], graph.shape(node.inputs[1])[1] * window.window.groups};
      if (node.input(2) != kNoValue && graph.shape(node.inputs[2]) != Shape{result[1]}) {
        fail(graph, node,
             "its bias is " + to_string(graph.shape(node.inputs[2])) +
                 ", not one for "
                 "each of " +
                 std::to_string(result[1]) + " channels");
      }
      result.insert(result.end(), window.sizes.begin(), window.sizes.end());
      return TypedShape{DType::kF32, result};
    }
    case Op::kLpPool:
    case Op::kGlobalLpPool:
      expect_f32(graph, node);
      return TypedShape{DType::kF32, infer_lp_pool(graph, node)};
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
