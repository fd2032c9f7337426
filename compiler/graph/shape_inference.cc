#include "compiler/graph/shape_inference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

void expect_constant_vector(const Graph& graph, const Node& node, std::size_t input,
                            std::int64_t size, const char* what) {
  const Shape& shape = graph.shape(node.inputs[input]);
  if (shape != Shape{size}) {
    fail(graph, node,
         std::string(what) + " is " + to_string(shape) + "; it must have " + std::to_string(size) +
             " elements");
  }
}

Shape infer_conv(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const Shape& w = graph.shape(node.inputs[1]);
  if (w.size() != x.size() || w.size() < 3) {
    fail(graph, node, "its weights are " + to_string(w) + " for an input of " + to_string(x));
  }
  const WindowAttributes window = resolve_window(graph, node, x, Shape(w.begin() + 2, w.end()));
  const std::int64_t groups = window.groups;
  if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0 || w[1] != x[1] / groups) {
    fail(graph, node,
         "weights " + to_string(w) + " in " + std::to_string(groups) +
             " groups do not fit an input of " + to_string(x));
  }
  if (node.input(2) != kNoValue) expect_constant_vector(graph, node, 2, w[0], "the bias");
  Shape result = {x[0], w[0]};
  for (std::size_t axis = 0; axis + 2 < x.size(); ++axis) {
    result.push_back(window_output(graph, node, window, x[axis + 2], axis));
  }
  return result;
}

Shape infer_pool(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const WindowAttributes window = resolve_window(graph, node, x, {});
  Shape result = {x[0], x[1]};
  for (std::size_t axis = 0; axis + 2 < x.size(); ++axis) {
    result.push_back(window_output(graph, node, window, x[axis + 2], axis));
  }
  return result;
}

Shape infer_fully_connected(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const Shape& w = graph.shape(node.inputs[1]);
  if (x.empty() || w.size() != 2 || x.back() != w[1]) fail(graph, node, "operands do not fit");
  x.back() = w[0];
  return x;
}

Shape infer_global_pool(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  if (x.size() < 3) fail(graph, node, "its input " + to_string(x) + " has no pixels");
  std::fill(x.begin() + 2, x.end(), 1);
  return x;
}

Shape infer_concat(const Graph& graph, const Node& node) {
  Shape result = graph.shape(node.inputs[0]);
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, result.size());
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    Shape shape = graph.shape(node.inputs[i]);
    if (graph.value(node.inputs[i]).dtype != graph.value(node.inputs[0]).dtype) {
      fail(graph, node, "its inputs have different types");
    }
    const bool same_rank = shape.size() == result.size();
    const std::int64_t size = same_rank ? shape[axis] : 0;
    if (same_rank) shape[axis] = result[axis];
    if (!same_rank || shape != result) {
      fail(graph, node,
           "input " + std::to_string(i) + " is " + to_string(graph.shape(node.inputs[i])) +
               ", which does not fit " + to_string(result) + " but for axis " +
               std::to_string(axis));
    }
    if (__builtin_add_overflow(result[axis], size, &result[axis])) fail(graph, node, "too large");
  }
  return result;
}

Shape infer_reshape(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& known = graph.value(node.output).shape;
  if (node.inputs.size() == 1 && known) return *known;  // canonicalize has decided
  const std::vector<std::int64_t> wanted = constant_integers(graph, node, 1, "the shape");
  const auto complain = [&]() {
    fail(graph, node, to_string(x) + " cannot become " + to_string(wanted));
  };
  Shape result;
  std::ptrdiff_t open = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::int64_t dim = wanted[i];
    if (dim == 0 && !node.get<ReshapeAttributes>().allow_zero) {
      if (i >= x.size()) complain();
      dim = x[i];
    } else if (dim == -1 && open < 0) {
      open = static_cast<std::ptrdiff_t>(i);
      dim = 1;
    } else if (dim < 0) {
      complain();
    }
    result.push_back(dim);
  }
  if (!is_sane(result, DType::kBool, true)) complain();
  const std::int64_t total = element_count(x);
  const std::int64_t rest = element_count(result);
  if (open >= 0) {
    if (rest == 0 || total % rest != 0) complain();
    result[static_cast<std::size_t>(open)] = total / rest;
  } else if (rest != total) {
    complain();
  }
  return result;
}

Shape infer_flatten(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const std::size_t axis =
      normal_axis(graph, node, node.get<AxisAttributes>().axis, x.size(), true);
  Shape result = {1, 1};
  for (std::size_t i = 0; i < x.size(); ++i) result[i < axis ? 0 : 1] *= x[i];
  return result;
}

std::vector<bool> axis_set(const Graph& graph, const Node& node, std::size_t rank) {
  std::vector<bool> set(rank, false);
  for (const std::int64_t axis : constant_integers(graph, node, 1, "the axes")) {
    const std::size_t normal = normal_axis(graph, node, axis, rank);
    if (set[normal]) fail(graph, node, "axis " + std::to_string(axis) + " occurs twice");
    set[normal] = true;
  }
  return set;
}

Shape infer_squeeze(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const bool all = node.input(1) == kNoValue;
  const std::vector<bool> drop = all ? std::vector<bool>() : axis_set(graph, node, x.size());
  Shape result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (all ? x[i] == 1 : drop[i]) {
      if (x[i] != 1)
        fail(graph, node, "axis " + std::to_string(i) + " of " + to_string(x) + " is not 1");
    } else {
      result.push_back(x[i]);
    }
  }
  return result;
}

Shape infer_unsqueeze(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto axes = constant_integers(graph, node, 1, "the axes");
  if (axes.size() + x.size() > kMaxRank) fail(graph, node, "makes a tensor of too many dimensions");
  const std::vector<bool> insert = axis_set(graph, node, x.size() + axes.size());
  Shape result;
  std::size_t next = 0;
  for (const bool fresh : insert) result.push_back(fresh ? 1 : x[next++]);
  return result;
}

Shape infer_gather(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const Shape& indices = graph.shape(node.inputs[1]);
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, x.size());
  Shape result(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  result.insert(result.end(), indices.begin(), indices.end());
  result.insert(result.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  return result;
}

Shape infer_batch_norm(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() < 2) fail(graph, node, "its input has no channels");
  static constexpr const char* kNames[] = {"", "the scale", "the bias", "the mean", "the variance"};
  for (std::size_t i = 1; i < 5; ++i) expect_constant_vector(graph, node, i, x[1], kNames[i]);
  return x;
}

Shape infer_shape(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& range = node.get<ShapeAttributes>();
  const auto rank = static_cast<std::int64_t>(x.size());
  const auto clamp = [&](std::int64_t at) { return std::clamp<std::int64_t>(at, -rank, rank); };
  const auto wrap = [&](std::int64_t at) { return clamp(at) < 0 ? clamp(at) + rank : clamp(at); };
  return {std::max<std::int64_t>(0, wrap(range.end.value_or(rank)) - wrap(range.start))};
}

Shape infer_slice(const Graph& graph, const Node& node) {
  Shape result;
  for (const SliceRange& range : slice_ranges(graph, node, graph.shape(node.inputs[0]))) {
    result.push_back(range.size);
  }
  return result;
}

Shape infer_upsample(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const UpsampleAttributes factors = upsample_factors(graph, node, x);
  return {x[0], x[1], x[2] * factors.factor_h, x[3] * factors.factor_w};
}

Shape dispatch(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  switch (node.op) {
    case Op::kConv:
      return infer_conv(graph, node);
    case Op::kMaxPool:
    case Op::kAveragePool:
      return infer_pool(graph, node);
    case Op::kGlobalAveragePool:
    case Op::kGlobalMaxPool:
      return infer_global_pool(graph, node);
    case Op::kSoftmax:
      normal_axis(graph, node, node.get<SoftmaxAttributes>().axis, x.size(),
                  node.get<SoftmaxAttributes>().flattened);
      return x;
    case Op::kConcat:
      return infer_concat(graph, node);
    case Op::kTranspose: {
      Shape result;
      for (const std::int64_t axis : permutation(graph, node, x.size())) {
        result.push_back(x[static_cast<std::size_t>(axis)]);
      }
      return result;
    }
    case Op::kReshape:
      return infer_reshape(graph, node);
    case Op::kBatchNorm:
      return infer_batch_norm(graph, node);
    case Op::kClamp:
    case Op::kLeakyRelu:
    case Op::kIdentity:
      return x;
    case Op::kFlatten:
      return infer_flatten(graph, node);
    case Op::kSqueeze:
      return infer_squeeze(graph, node);
    case Op::kUnsqueeze:
      return infer_unsqueeze(graph, node);
    case Op::kSlice:
      return infer_slice(graph, node);
    case Op::kUpsample:
      return infer_upsample(graph, node);
    case Op::kShape:
      return infer_shape(graph, node);
    case Op::kGather:
      return infer_gather(graph, node);
    case Op::kConstantOfShape:
      return constant_integers(graph, node, 0, "the shape");
    case Op::kFullyConnected:
      return infer_fully_connected(graph, node);
    default:
      break;  // kIf: fold_constants takes it apart; the families have their own
  }
  fail(graph, node, "has no shape rule");
}

// Each knows the types and shapes of one family, and leaves the others alone.
constexpr std::array kFamilies = {
    infer_movement,
    infer_elementwise,
    infer_reduction,
    infer_attention,
    infer_matrix,
    infer_normalization,
    infer_recurrent,
    infer_window,
    infer_quantized,
};

DType result_dtype(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kShape:
      return DType::kI64;
    case Op::kConstantOfShape:
      return node.get<FillAttributes>().value->dtype;
    default:
      return graph.value(node.inputs[0]).dtype;
  }
}

// Data is f32; only the operators that shape arithmetic needs take other types.
void check_dtypes(const Graph& graph, const Node& node) {
  const DType dtype = graph.value(node.inputs[0]).dtype;
  switch (node.op) {
    case Op::kConcat:
    case Op::kTranspose:
    case Op::kReshape:
    case Op::kFlatten:
    case Op::kSqueeze:
    case Op::kUnsqueeze:
    case Op::kIdentity:
    case Op::kSlice:
    case Op::kShape:
    case Op::kGather:
    case Op::kConstantOfShape:
      return;
    case Op::kMaxPool: {
      if (dtype == DType::kI8 || dtype == DType::kU8) return;
      break;
    }
    default:
      break;
  }
  const bool all_f32 = node.op == Op::kConv || node.op == Op::kBatchNorm;
  for (std::size_t i = 0; i < (all_f32 ? node.inputs.size() : 1); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const DType type = graph.value(node.inputs[i]).dtype;
    if (type != DType::kF32) {
      fail(graph, node, "works on f32 only; input " + std::to_string(i) + " is " + to_string(type));
    }
  }
}

TypedShape infer_any(const Graph& graph, const Node& node) {
  for (const auto family : kFamilies) {
    if (auto result = family(graph, node)) return *std::move(result);
  }
  check_dtypes(graph, node);
  return {result_dtype(graph, node), dispatch(graph, node)};
}

}  // namespace

TypedShape infer(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue) fail(graph, node, "has no input");
  TypedShape result = infer_any(graph, node);
  const bool constants_only = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id == kNoValue || graph.constant(id) != nullptr;
  });
  const bool allow_empty = constants_only || node.op == Op::kShape;
  if (!is_sane(result.shape, result.dtype, allow_empty)) {
    fail(graph, node,
         "its result would be " + to_string(result.shape) +
             ", which is empty, too large, or of too many dimensions");
  }
  return result;
}

}  // namespace sz::compiler
