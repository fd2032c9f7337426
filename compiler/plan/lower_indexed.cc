// Gathers, Scatters, TopK, OneHot, Trilu and Interpolate become steps.
#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/plan/families.h"
#include "ops/movement/attributes.h"

namespace sz::compiler {
namespace {

using ops::IndexedCoordinate;
using ops::IndexedHead;
using ops::IndexedPosition;
using ops::OpCode;

std::uint32_t word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

std::uint64_t product(const Dims& dims, std::size_t begin, std::size_t end) {
  std::uint64_t result = 1;
  for (std::size_t i = begin; i < end; ++i) result *= dims[i];
  return result;
}

// Elements from one to the next along a dimension of a dense tensor.
std::uint32_t stride(const Dims& dims, std::size_t axis) {
  return word(product(dims, axis + 1, dims.size()));
}

// The walk of a Gather or Scatter, as attribute words.
struct IndexedWalk {
  std::vector<IndexedPosition> positions;
  std::vector<IndexedCoordinate> coordinates;
  std::uint64_t block = 1;
  ScatterReduction reduction = ScatterReduction::kNone;

  std::vector<std::uint32_t> words() const {
    AttributeWords result;
    result.add(IndexedHead{word(positions.size()), word(coordinates.size()), word(block),
                           static_cast<std::uint32_t>(reduction)});
    for (const IndexedPosition& position : positions) result.add(position);
    for (const IndexedCoordinate& coordinate : coordinates) result.add(coordinate);
    return result.words;
  }
};

class IndexedLowering {
 public:
  IndexedLowering(Lowering& l, const Node& node)
      : graph_(l.graph), builder_(l.builder), layout_(l.layout), node_(node) {}

  // Slabs of x along one axis. Images stay in native order where the result is one too.
  void gather() {
    const Shape& shape = graph_.shape(node_.inputs[0]);
    const DType type = graph_.value(node_.inputs[1]).dtype;
    if (type != DType::kI32 && type != DType::kI64) {
      fail(graph_, node_, std::string("its indices are ") + to_string(type) + ", not i32 or i64");
    }
    const bool native = graph_.shape(node_.inputs[1]).size() == 1;
    const std::size_t axis =
        normal_axis(graph_, node_, node_.get<AxisAttributes>().axis, shape.size());
    const std::size_t place = native ? native_place(axis, shape.size()) : axis;
    const TensorId x = operand(0, native);
    const TensorId indices = operand(1, false);
    const Dims dims = builder_.tensor(x).dims;
    const Dims list = builder_.tensor(indices).dims;
    IndexedWalk walk;
    walk.block = product(dims, place + 1, dims.size());
    walk.positions = {{word(product(dims, 0, place)), word(dims[place] * walk.block), 0},
                      {word(product(list, 0, list.size())), 0, 1}};
    walk.coordinates = {{dims[place], word(walk.block)}};
    finish(OpCode::kGather, {x, indices}, native, walk);
  }

  void gather_elements() {
    const std::size_t place = axis_place(node_.get<AxisAttributes>().axis);
    const TensorId x = operand(0, true);
    const TensorId indices = operand(1, true);
    finish(OpCode::kGather, {x, indices}, true,
           elements(builder_.tensor(x).dims, builder_.tensor(indices).dims, place));
  }

  void scatter_elements() {
    const auto& scatter = node_.get<ScatterAttributes>();
    const std::size_t place = axis_place(scatter.axis);
    const std::vector<TensorId> inputs = {operand(0, true), operand(1, true), operand(2, true)};
    IndexedWalk walk =
        elements(builder_.tensor(inputs[0]).dims, builder_.tensor(inputs[1]).dims, place);
    walk.reduction = scatter.reduction;
    finish(OpCode::kScatter, inputs, true, walk);
  }

  void gather_nd() {
    const TensorId x = operand(0, false);
    const TensorId indices = operand(1, false);
    const auto batch = static_cast<std::size_t>(node_.get<GatherNdAttributes>().batch_dims);
    finish(OpCode::kGather, {x, indices}, false,
           tuples(builder_.tensor(x).dims, builder_.tensor(indices).dims, batch));
  }

  void scatter_nd() {
    const std::vector<TensorId> inputs = {operand(0, false), operand(1, false), operand(2, false)};
    IndexedWalk walk = tuples(builder_.tensor(inputs[0]).dims, builder_.tensor(inputs[1]).dims, 0);
    walk.reduction = node_.get<ScatterAttributes>().reduction;
    finish(OpCode::kScatter, inputs, false, walk);
  }

  void top_k() {
    const auto& top = node_.get<TopKAttributes>();
    const std::size_t place = axis_place(top.axis);
    const TensorId x = operand(0, true);
    builder_.step(node_, OpCode::kTopK, {x}, layout_.make_native(node_.output),
                  ops::TopKAttributes{word(place), top.largest ? 1u : 0u});
  }

  void one_hot() {
    const std::size_t rank = graph_.shape(node_.output).size();
    const std::size_t axis = normal_axis(graph_, node_, node_.get<AxisAttributes>().axis, rank);
    const TensorId x = operand(0, false);
    const TensorId values = operand(2, false);
    builder_.step(node_, OpCode::kOneHot, {x, values}, layout_.make_plain(node_.output),
                  ops::OneHotAttributes{word(axis)});
  }

  void trilu() {
    const auto& trilu = node_.get<TriluAttributes>();
    const std::int64_t diagonal = std::clamp<std::int64_t>(trilu.diagonal, INT32_MIN, INT32_MAX);
    const TensorId x = layout_.plain(node_.inputs[0]);
    builder_.step(
        node_, OpCode::kTriangle, {x}, layout_.make_plain(node_.output),
        ops::TriangleAttributes{static_cast<std::int32_t>(diagonal), trilu.upper ? 1u : 0u});
  }

  // Volumes lie as in ONNX and are turned before and after.
  void grid_sample() {
    const auto& a = node_.get<GridSampleAttributes>();
    const ops::GridSampleAttributes words{static_cast<ops::SampleMode>(a.mode),
                                          static_cast<ops::SamplePadding>(a.padding),
                                          a.align_corners ? 1u : 0u};
    const TensorId grid = operand(1, false);
    const TensorId x = operand(0, true);
    if (graph_.shape(node_.inputs[0]).size() == 4) {
      return builder_.step(node_, OpCode::kGridSample, {x, grid}, layout_.make_native(node_.output),
                           words);
    }
    const std::string& name = graph_.value(node_.output).name;
    const TensorId volume = layout_.reorder(name, x, {0, 2, 3, 4, 1});
    const Dims dims = ordered_dims(graph_.shape(node_.output), {0, 2, 3, 4, 1});
    const TensorId y = builder_.fresh(name, dims);
    builder_.step(node_, OpCode::kGridSample, {volume, grid}, y, words);
    layout_.set_native(node_.output, layout_.reorder(name, y, {0, 4, 1, 2, 3}));
  }

  void roi_align() {
    const auto& a = node_.get<RoiAlignAttributes>();
    const std::vector<TensorId> inputs = {operand(0, true), operand(1, false), operand(2, false)};
    builder_.step(node_, OpCode::kRoiAlign, inputs, layout_.make_native(node_.output),
                  ops::RoiAlignAttributes{a.maximum ? 1u : 0u, a.half_pixel ? 1u : 0u,
                                          word(static_cast<std::uint64_t>(a.samples)), a.scale});
  }

  void interpolate() {
    const auto& attributes = node_.get<InterpolateAttributes>();
    const std::size_t place = axis_place(attributes.axis);
    const TensorId x = operand(0, true);
    const TensorId places = operand(1, false);
    const TensorId weights = operand(2, false);
    builder_.step(node_, OpCode::kInterpolate, {x, places, weights},
                  layout_.make_native(node_.output),
                  ops::InterpolateAttributes{word(place), attributes.fill});
  }

 private:
  static std::size_t native_place(std::size_t axis, std::size_t rank) {
    const Order order = native_order(rank);
    return static_cast<std::size_t>(std::find(order.begin(), order.end(), axis) - order.begin());
  }
  std::size_t axis_place(std::int64_t axis) const {
    const std::size_t rank = graph_.shape(node_.inputs[0]).size();
    return native_place(normal_axis(graph_, node_, axis, rank), rank);
  }

  TensorId operand(std::size_t input, bool native) {
    const ValueId id = node_.inputs[input];
    return builder_.dense(node_.name, native ? layout_.native(id) : layout_.plain(id));
  }

  // One index for each element, along one dimension of x.
  static IndexedWalk elements(const Dims& x, const Dims& indices, std::size_t place) {
    IndexedWalk walk;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      walk.positions.push_back({indices[i], i == place ? 0u : stride(x, i), stride(indices, i)});
    }
    walk.coordinates = {{x[place], stride(x, place)}};
    return walk;
  }

  // The last dimension of the indices holds coordinates, of the dimensions of x behind the batches.
  static IndexedWalk tuples(const Dims& x, const Dims& indices, std::size_t batch) {
    IndexedWalk walk;
    const std::size_t count = indices.back();
    for (std::size_t i = 0; i + 1 < indices.size(); ++i) {
      walk.positions.push_back({indices[i], i < batch ? stride(x, i) : 0u, stride(indices, i)});
    }
    for (std::size_t i = batch; i < batch + count; ++i) {
      walk.coordinates.push_back({x[i], stride(x, i)});
    }
    walk.block = product(x, batch + count, x.size());
    return walk;
  }

  void finish(OpCode op, std::vector<TensorId> inputs, bool native, const IndexedWalk& walk) {
    const TensorId y =
        native ? layout_.make_native(node_.output) : layout_.make_plain(node_.output);
    builder_.step_words(node_, op, std::move(inputs), y, walk.words());
  }

  const Graph& graph_;
  ProgramBuilder& builder_;
  Layout& layout_;
  const Node& node_;
};

}  // namespace

bool lower_indexed(Lowering& lowering, const Node& node) {
  IndexedLowering lower(lowering, node);
  switch (node.op) {
    case Op::kGather:
      lower.gather();
      return true;
    case Op::kGatherElements:
      lower.gather_elements();
      return true;
    case Op::kGatherNd:
      lower.gather_nd();
      return true;
    case Op::kScatterElements:
      lower.scatter_elements();
      return true;
    case Op::kScatterNd:
      lower.scatter_nd();
      return true;
    case Op::kTopK:
      lower.top_k();
      return true;
    case Op::kOneHot:
      lower.one_hot();
      return true;
    case Op::kTrilu:
      lower.trilu();
      return true;
    case Op::kGridSample:
      lower.grid_sample();
      return true;
    case Op::kRoiAlign:
      lower.roi_align();
      return true;
    case Op::kInterpolate:
      lower.interpolate();
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
