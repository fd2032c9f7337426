// Types and shapes of the operators that move elements.
#include <cmath>
#include <cstring>

#include "compiler/graph/families.h"
#include "compiler/graph/move.h"
#include "compiler/graph/movement_shapes.h"

namespace sz::compiler {
namespace {

DType dtype_of(const Graph& graph, const Node& node, std::size_t input) {
  if (node.input(input) == kNoValue) {
    fail(graph, node, "input " + std::to_string(input) + " is missing");
  }
  return graph.value(node.inputs[input]).dtype;
}

void expect_dtype(const Graph& graph, const Node& node, std::size_t input, DType wanted) {
  const DType type = dtype_of(graph, node, input);
  if (type == wanted) return;
  fail(graph, node,
       "input " + std::to_string(input) + " is " + to_string(type) + ", not " + to_string(wanted));
}

void expect_indices(const Graph& graph, const Node& node, std::size_t input) {
  const DType type = dtype_of(graph, node, input);
  if (type == DType::kI32 || type == DType::kI64) return;
  fail(graph, node, std::string("its indices are ") + to_string(type) + ", not i32 or i64");
}

Shape infer_pad(const Graph& graph, const Node& node) {
  Shape result = graph.shape(node.inputs[0]);
  if (node.input(2) != kNoValue) expect_dtype(graph, node, 2, dtype_of(graph, node, 0));
  const auto ranges = pad_ranges(graph, node, result.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] += ranges[i].before + ranges[i].after;
  return result;
}

Shape sizes_of(const std::vector<SliceRange>& ranges) {
  Shape shape;
  for (const SliceRange& range : ranges) shape.push_back(range.size);
  return shape;
}

Shape infer_expand(const Graph& graph, const Node& node) {
  const Shape wanted = constant_integers(graph, node, 1, "the shape");
  return broadcast(graph, node, graph.shape(node.inputs[0]), wanted);
}

Shape infer_tile(const Graph& graph, const Node& node) {
  Shape result = graph.shape(node.inputs[0]);
  const auto repeats = constant_integers(graph, node, 1, "the repeats");
  if (repeats.size() != result.size()) {
    fail(graph, node, "has not one number of repeats for each dimension");
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (repeats[i] < 0 || __builtin_mul_overflow(result[i], repeats[i], &result[i])) {
      fail(graph, node, "a number of repeats is out of range");
    }
  }
  return result;
}

Shape infer_blocks(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const std::int64_t block = node.get<BlockAttributes>().block;
  if (x.size() != 4) fail(graph, node, "takes images (rank 4), not " + to_string(x));
  if (block < 1 || block > 65536) fail(graph, node, "its blocksize is out of range");
  const bool to_space = node.op == Op::kDepthToSpace;
  if (to_space ? x[1] % (block * block) != 0 : x[2] % block != 0 || x[3] % block != 0) {
    fail(graph, node, to_string(x) + " cannot be divided by blocks of " + std::to_string(block));
  }
  if (to_space) return {x[0], x[1] / (block * block), x[2] * block, x[3] * block};
  return {x[0], x[1] * block * block, x[2] / block, x[3] / block};
}

Shape infer_center(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const auto ranges = center_ranges(graph, node, x);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += ranges[i].before + ranges[i].after;
  return x;
}

Shape infer_reverse(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& reverse = node.get<ReverseAttributes>();
  const std::size_t batch = normal_axis(graph, node, reverse.batch_axis, x.size());
  const std::size_t time = normal_axis(graph, node, reverse.time_axis, x.size());
  if (batch > 1 || time > 1 || batch == time) {
    fail(graph, node, "its batch and time must be the first two dimensions");
  }
  expect_dtype(graph, node, 1, DType::kI64);
  if (graph.shape(node.inputs[1]) != Shape{x[batch]}) {
    fail(graph, node, "has not one length for each sequence");
  }
  return x;
}

Shape infer_compress(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const auto& axis = node.get<CompressAttributes>().axis;
  const auto places = places_set(graph, node, 1, "the condition");
  const std::int64_t size =
      axis ? x.at(normal_axis(graph, node, *axis, x.size())) : element_count(x);
  if (!places.empty() && places.back() >= size) fail(graph, node, "the condition is too long");
  if (!axis) return {static_cast<std::int64_t>(places.size())};
  x[normal_axis(graph, node, *axis, x.size())] = static_cast<std::int64_t>(places.size());
  return x;
}

Shape infer_gather_elements(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  expect_indices(graph, node, 1);
  const Shape& indices = graph.shape(node.inputs[1]);
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, x.size());
  bool fits = indices.size() == x.size();
  for (std::size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) {
    fail(graph, node, "indices " + to_string(indices) + " do not fit an input of " + to_string(x));
  }
  return indices;
}

Shape infer_gather_nd(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  expect_indices(graph, node, 1);
  const Shape& indices = graph.shape(node.inputs[1]);
  const std::int64_t batch = node.get<GatherNdAttributes>().batch_dims;
  const auto rank = static_cast<std::int64_t>(x.size());
  bool fits = batch >= 0 && batch < static_cast<std::int64_t>(indices.size()) &&
              indices.back() >= 1 && indices.back() + batch <= rank;
  for (std::size_t i = 0; fits && i < static_cast<std::size_t>(batch); ++i) {
    fits = indices[i] == x[i];
  }
  if (!fits) {
    fail(graph, node,
         "indices " + to_string(indices) + " do not fit an input of " + to_string(x) + " with " +
             std::to_string(batch) + " dimensions of batches");
  }
  Shape result(indices.begin(), indices.end() - 1);
  result.insert(result.end(), x.begin() + batch + indices.back(), x.end());
  return result;
}

void expect_reducible(const Graph& graph, const Node& node) {
  const DType type = dtype_of(graph, node, 0);
  expect_dtype(graph, node, 2, type);
  expect_indices(graph, node, 1);
  const bool number = type == DType::kF32 || type == DType::kI32 || type == DType::kI64;
  if (node.get<ScatterAttributes>().reduction != ScatterReduction::kNone && !number) {
    fail(graph, node, std::string("a reduction of ") + to_string(type) + " is not implemented");
  }
}

Shape infer_scatter_elements(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  expect_reducible(graph, node);
  const Shape& indices = graph.shape(node.inputs[1]);
  const std::size_t axis = normal_axis(graph, node, node.get<ScatterAttributes>().axis, x.size());
  bool fits = indices.size() == x.size() && graph.shape(node.inputs[2]) == indices;
  for (std::size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) {
    fail(graph, node, "indices " + to_string(indices) + " do not fit an input of " + to_string(x));
  }
  return x;
}

Shape infer_scatter_nd(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  expect_reducible(graph, node);
  const Shape& indices = graph.shape(node.inputs[1]);
  if (indices.empty() || indices.back() < 1 ||
      indices.back() > static_cast<std::int64_t>(x.size())) {
    fail(graph, node, "indices " + to_string(indices) + " do not fit an input of " + to_string(x));
  }
  Shape updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), x.begin() + indices.back(), x.end());
  if (graph.shape(node.inputs[2]) != updates) {
    fail(graph, node,
         "its updates are " + to_string(graph.shape(node.inputs[2])) + ", not " +
             to_string(updates));
  }
  return x;
}

Shape infer_top_k(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  if (dtype_of(graph, node, 0) == DType::kBool) fail(graph, node, "bool has no order");
  const std::size_t axis = normal_axis(graph, node, node.get<TopKAttributes>().axis, x.size());
  const auto k = constant_integers(graph, node, 1, "k");
  if (k.size() != 1 || k[0] < 0 || k[0] > x[axis]) {
    fail(graph, node, "k is not within the " + std::to_string(x[axis]) + " elements");
  }
  x[axis] = k[0];
  return x;
}

Shape infer_one_hot(const Graph& graph, const Node& node) {
  Shape shape = graph.shape(node.inputs[0]);
  const DType type = dtype_of(graph, node, 0);
  if (type != DType::kF32 && type != DType::kI32 && type != DType::kI64) {
    fail(graph, node, std::string("indices of ") + to_string(type) + " are not implemented");
  }
  const auto depth = constant_whole_numbers(graph, node, 1, "the depth");
  if (depth.size() != 1 || depth[0] < 1) fail(graph, node, "the depth is out of range");
  if (graph.shape(node.inputs[2]) != Shape{2}) fail(graph, node, "takes two values");
  const std::size_t axis =
      normal_axis(graph, node, node.get<AxisAttributes>().axis, shape.size() + 1);
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), depth[0]);
  return shape;
}

Shape infer_trilu(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  if (x.size() < 2) fail(graph, node, "takes matrices, not " + to_string(x));
  if (node.input(1) != kNoValue && constant_integers(graph, node, 1, "k").size() != 1) {
    fail(graph, node, "k must be one number");
  }
  return x;
}

Shape infer_non_zero(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto places = places_set(graph, node, 0, "the input");
  return {static_cast<std::int64_t>(x.size()), static_cast<std::int64_t>(places.size())};
}

Shape infer_range(const Graph& graph, const Node& node) {
  const DType type = dtype_of(graph, node, 0);
  if (type == DType::kF32) {
    std::vector<double> values;
    for (std::size_t i = 0; i < 3; ++i) {
      expect_dtype(graph, node, i, type);
      const Constant* constant = graph.constant(node.inputs[i]);
      if (constant == nullptr || constant->f32().size() != 1) {
        fail(graph, node, "its numbers must be known when the model is compiled");
      }
      values.push_back(constant->f32()[0]);
    }
    const double count = std::ceil((values[1] - values[0]) / values[2]);
    if (!(std::abs(count) < 1e9)) fail(graph, node, "is too long");
    return {std::max<std::int64_t>(0, static_cast<std::int64_t>(count))};
  }
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < 3; ++i) {
    expect_dtype(graph, node, i, type);
    const auto value = constant_integers(graph, node, i, "its numbers");
    if (value.size() != 1 || std::abs(value[0]) > (std::int64_t{1} << 61)) {
      fail(graph, node, "its numbers are out of range");
    }
    values.push_back(value[0]);
  }
  const std::int64_t step = values[2];
  if (step == 0) fail(graph, node, "its step is 0");
  const std::int64_t way = step > 0 ? values[1] - values[0] : values[0] - values[1];
  return {way <= 0 ? 0 : (way - 1) / std::abs(step) + 1};
}

Shape infer_resize(const Graph& graph, const Node& node) {
  Shape shape;
  for (const ResizeAxis& axis : resize_axes(graph, node, graph.shape(node.inputs[0]))) {
    shape.push_back(axis.out);
  }
  return shape;
}

Shape infer_interpolate(const Graph& graph, const Node& node) {
  Shape shape = graph.shape(node.inputs[0]);
  const Shape& table = graph.shape(node.inputs[1]);
  shape.at(static_cast<std::size_t>(node.get<InterpolateAttributes>().axis)) = table.at(0);
  return shape;
}

Shape infer_grid_sample(const Graph& graph, const Node& node) {
  Shape x = graph.shape(node.inputs[0]);
  const Shape& grid = graph.shape(node.inputs[1]);
  expect_dtype(graph, node, 0, DType::kF32);
  expect_dtype(graph, node, 1, DType::kF32);
  const auto axes = static_cast<std::int64_t>(x.size()) - 2;
  if ((axes != 2 && axes != 3) || grid.size() != x.size() || grid[0] != x[0] ||
      grid.back() != axes) {
    fail(graph, node, "a grid of " + to_string(grid) + " does not fit an image of " + to_string(x));
  }
  if (axes == 3 && node.get<GridSampleAttributes>().mode == SampleMode::kCubic) {
    fail(graph, node, "mode 'cubic' is not implemented for volumes");
  }
  for (std::size_t i = 2; i < x.size(); ++i) x[i] = grid[i - 1];
  return x;
}

Shape infer_roi_align(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const Shape& regions = graph.shape(node.inputs[1]);
  const auto& align = node.get<RoiAlignAttributes>();
  expect_dtype(graph, node, 0, DType::kF32);
  expect_dtype(graph, node, 1, DType::kF32);
  expect_dtype(graph, node, 2, DType::kI64);
  if (x.size() != 4 || regions.size() != 2 || regions[1] != 4 ||
      graph.shape(node.inputs[2]) != Shape{regions[0]}) {
    fail(graph, node,
         "regions of " + to_string(regions) + " do not fit an image of " + to_string(x));
  }
  if (align.height < 1 || align.width < 1) fail(graph, node, "its output has no size");
  return {regions[0], x[1], align.height, align.width};
}

std::optional<TypedShape> infer_of_other_type(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  switch (node.op) {
    case Op::kTopK:
      return {{DType::kI64, infer_top_k(graph, node)}};
    case Op::kOneHot:
      return {{dtype_of(graph, node, 2), infer_one_hot(graph, node)}};
    case Op::kNonZero:
      return {{DType::kI64, infer_non_zero(graph, node)}};
    case Op::kSize:
      return {{DType::kI64, {}}};
    case Op::kEyeLike:
      if (x.size() != 2) fail(graph, node, "takes a matrix, not " + to_string(x));
      return {{node.get<EyeAttributes>().type.value_or(dtype_of(graph, node, 0)), x}};
    default:
      return {};
  }
}

std::optional<Shape> infer_of_same_type(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  switch (node.op) {
    case Op::kMove:
      return move_shape(node.get<MoveAttributes>());
    case Op::kPad:
      return infer_pad(graph, node);
    case Op::kSplit:
      return sizes_of(split_ranges(graph, node, x));
    case Op::kExpand:
      return infer_expand(graph, node);
    case Op::kTile:
      return infer_tile(graph, node);
    case Op::kDepthToSpace:
    case Op::kSpaceToDepth:
      return infer_blocks(graph, node);
    case Op::kCenterCropPad:
      return infer_center(graph, node);
    case Op::kReverseSequence:
      return infer_reverse(graph, node);
    case Op::kCompress:
      return infer_compress(graph, node);
    case Op::kGatherElements:
      return infer_gather_elements(graph, node);
    case Op::kGatherNd:
      return infer_gather_nd(graph, node);
    case Op::kScatterElements:
      return infer_scatter_elements(graph, node);
    case Op::kScatterNd:
      return infer_scatter_nd(graph, node);
    case Op::kTrilu:
      return infer_trilu(graph, node);
    case Op::kRange:
      return infer_range(graph, node);
    case Op::kResize:
      return infer_resize(graph, node);
    case Op::kGridSample:
      return infer_grid_sample(graph, node);
    case Op::kRoiAlign:
      return infer_roi_align(graph, node);
    case Op::kInterpolate:
      return infer_interpolate(graph, node);
    default:
      return {};
  }
}

}  // namespace

std::optional<TypedShape> infer_movement(const Graph& graph, const Node& node) {
  if (auto result = infer_of_other_type(graph, node)) return result;
  auto shape = infer_of_same_type(graph, node);
  if (!shape) return {};
  return {{dtype_of(graph, node, 0), *std::move(shape)}};
}

}  // namespace sz::compiler
