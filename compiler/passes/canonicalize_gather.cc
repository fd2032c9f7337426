// Gathers whose indices are known: slices where that is what they are, tables of places otherwise.
#include <cstring>

#include "compiler/graph/move.h"
#include "compiler/graph/movement_shapes.h"
#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

// Indices counted from the front.
std::vector<std::int64_t> normal_places(const Graph& graph, const Node& node, std::int64_t size) {
  std::vector<std::int64_t> places = constant_whole_numbers(graph, node, 1, "the indices");
  for (std::int64_t& place : places) {
    if (place < -size || place >= size) {
      fail(graph, node, "index " + std::to_string(place) + " is out of range");
    }
    if (place < 0) place += size;
  }
  return places;
}

void reshape(Rewriter& rewriter, const Node& node, ValueId x, ValueId output) {
  rewriter.emit({Op::kReshape, node.name, {x}, output, ReshapeAttributes{}, {}});
}

// Indices of another rank than 1 are taken as a list.
void gather(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  const ValueId x = node.inputs[0];
  const Shape shape = graph.shape(x);
  const std::size_t axis = normal_axis(graph, node, node.get<AxisAttributes>().axis, shape.size());
  const auto places = normal_places(graph, node, shape[axis]);
  if (graph.shape(node.inputs[1]).size() == 1) {
    return emit_gather(rewriter, node, x, axis, places, node.output);
  }
  Shape flat = shape;
  flat[axis] = static_cast<std::int64_t>(places.size());
  const ValueId list = rewriter.temporary(node.name + ".list", graph.value(x).dtype, flat);
  emit_gather(rewriter, node, x, axis, places, list);
  reshape(rewriter, node, list, node.output);
}

void compress(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  ValueId x = node.inputs[0];
  const auto places = places_set(graph, node, 1, "the condition");
  const auto& axis = node.get<CompressAttributes>().axis;
  if (axis) {
    const std::size_t at = normal_axis(graph, node, *axis, graph.shape(x).size());
    return emit_gather(rewriter, node, x, at, places, node.output);
  }
  const std::int64_t count = element_count(graph.shape(x));
  const ValueId flat = rewriter.temporary(node.name + ".flat", graph.value(x).dtype, {count});
  reshape(rewriter, node, x, flat);
  emit_gather(rewriter, node, flat, 0, places, node.output);
}

// Element [i, j] of the first two dimensions comes from where the table says.
void reverse_sequence(Rewriter& rewriter, const Node& node) {
  Graph& graph = rewriter.graph();
  const Shape& x = graph.shape(node.inputs[0]);
  const bool time_first =
      normal_axis(graph, node, node.get<ReverseAttributes>().time_axis, x.size()) == 0;
  const auto lengths = constant_integers(graph, node, 1, "the lengths of the sequences");
  std::vector<std::int64_t> table;
  for (std::int64_t i = 0; i < x[0]; ++i) {
    for (std::int64_t j = 0; j < x[1]; ++j) {
      const std::int64_t time = time_first ? i : j;
      const std::int64_t length = lengths[static_cast<std::size_t>(time_first ? j : i)];
      if (length < 1 || length > x[time_first ? 0 : 1]) {
        fail(graph, node, "a length is out of range");
      }
      const std::int64_t from = time < length ? length - 1 - time : time;
      table.push_back(time_first ? from : i);
      table.push_back(time_first ? j : from);
    }
  }
  const ValueId indices = add_table(graph, node, make_i64({x[0], x[1], 2}, table));
  rewriter.emit(
      {Op::kGatherNd, node.name, {node.inputs[0], indices}, node.output, GatherNdAttributes{}, {}});
}

}  // namespace

ValueId add_table(Graph& graph, const Node& node, ConstantPtr table) {
  if (table->bytes.size() > graph.constant_budget) {
    fail(graph, node, "its tables take too much memory");
  }
  graph.constant_budget -= table->bytes.size();
  return graph.add_constant(node.name + ".table", std::move(table));
}

void emit_gather(Rewriter& rewriter, const Node& node, ValueId x, std::size_t axis,
                 const std::vector<std::int64_t>& places, ValueId output) {
  Graph& graph = rewriter.graph();
  const Shape& shape = graph.shape(x);
  const std::int64_t step = places.size() > 1 ? places[1] - places[0] : 1;
  bool even = true;
  for (std::size_t i = 1; i < places.size(); ++i) even = even && places[i] - places[i - 1] == step;
  if (even) {
    std::vector<SliceRange> ranges;
    for (const std::int64_t size : shape) ranges.push_back({0, 1, size});
    ranges[axis] = {places[0], step, static_cast<std::int64_t>(places.size())};
    rewriter.emit({Op::kMove, node.name, {x}, output, slice_move(ranges), {}});
    return;
  }
  const auto count = static_cast<std::int64_t>(places.size());
  const ValueId table = add_table(graph, node, make_i64({count}, places));
  rewriter.emit({Op::kGather,
                 node.name,
                 {x, table},
                 output,
                 AxisAttributes{static_cast<std::int64_t>(axis)},
                 {}});
}

bool canonicalize_gather(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kGather:
      if (rewriter.graph().constant(node.inputs[1]) == nullptr) return false;
      gather(rewriter, node);
      return true;
    case Op::kCompress:
      compress(rewriter, node);
      return true;
    case Op::kReverseSequence:
      reverse_sequence(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
