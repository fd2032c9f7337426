// What works along axes. The device reduces neighbouring dimensions in memory order; others become
// several steps.
#include <algorithm>

#include "compiler/plan/families.h"
#include "ops/reduction/attributes.h"

namespace sz::compiler {
namespace {

std::uint32_t word(std::ptrdiff_t value) { return static_cast<std::uint32_t>(value); }

// Where dimension `axis` (ONNX) of a value of this rank stands in memory.
std::uint32_t place_of(std::size_t axis, std::size_t rank) {
  const Order order = native_order(rank);
  return word(std::find(order.begin(), order.end(), axis) - order.begin());
}

ops::ReduceKind kind_of(const Node& node) {
  switch (node.get<ReduceAttributes>().kind) {
    case Reduction::kMax:
      return ops::ReduceKind::kMax;
    case Reduction::kMin:
      return ops::ReduceKind::kMin;
    case Reduction::kProd:
      return ops::ReduceKind::kProd;
    case Reduction::kL1:
      return ops::ReduceKind::kL1;
    case Reduction::kSumSquare:
      return ops::ReduceKind::kSumSquare;
    default:
      return ops::ReduceKind::kSum;
  }
}

// What joins the results of a first step.
ops::ReduceKind following(ops::ReduceKind kind) {
  const bool sums = kind == ops::ReduceKind::kL1 || kind == ops::ReduceKind::kSumSquare;
  return sums ? ops::ReduceKind::kSum : kind;
}

// A range of neighbouring dimensions in memory.
struct Range {
  std::uint32_t begin, end;
};

// Dimensions of 1 belong to any range, so that fewer are needed.
std::vector<Range> ranges_of(const std::vector<bool>& reduced, const Dims& dims) {
  std::vector<Range> ranges;
  bool open = false;
  for (std::uint32_t i = 0; i < dims.size(); ++i) {
    if (reduced[i] && dims[i] != 1) {
      if (!open) ranges.push_back({i, i});
      ranges.back().end = i + 1;
      open = true;
    } else if (dims[i] != 1) {
      open = false;
    }
  }
  return ranges;
}

void reduce(Lowering& lowering, const Node& node) {
  const Graph& graph = lowering.graph;
  const Shape& shape = graph.shape(node.inputs[0]);
  const auto axes = reduced_axes(graph, node, shape.size());
  std::vector<bool> reduced(shape.size(), false);
  double divisor = 1;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    reduced[place_of(axis, shape.size())] = axes[axis];
    if (axes[axis]) divisor *= static_cast<double>(shape[axis]);
  }
  TensorId x = lowering.layout.native(node.inputs[0]);
  std::vector<Range> ranges = ranges_of(reduced, lowering.builder.tensor(x).dims);
  const bool mean = node.op == Op::kReduceMean;
  ops::ReduceKind kind = kind_of(node);
  if (ranges.empty()) {  // single elements, which some kinds change nevertheless
    const auto first = std::find(reduced.begin(), reduced.end(), true) - reduced.begin();
    ranges.push_back({word(first), word(first) + 1});
  }
  // Innermost first: what is left for the others is smaller.
  std::reverse(ranges.begin(), ranges.end());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const bool last = i + 1 == ranges.size();
    Dims dims = lowering.builder.tensor(x).dims;
    for (std::uint32_t k = ranges[i].begin; k < ranges[i].end; ++k) dims[k] = 1;
    const std::string& name = graph.value(node.output).name;
    const TensorId y = lowering.builder.fresh(name, dims, graph.value(node.output).dtype);
    const bool divides = mean && last;
    lowering.builder.step(
        node, ops::OpCode::kReduce, {x}, y,
        ops::ReduceAttributes{divides ? ops::ReduceKind::kMean : kind, ranges[i].begin,
                              ranges[i].end, divides ? static_cast<float>(divisor) : 1.0f});
    kind = following(kind);
    x = y;
  }
  const Dims native = ordered_dims(graph.shape(node.output), native_order(shape.size()));
  lowering.layout.set_native(node.output, lowering.builder.view(x, native));
}

void arg(Lowering& lowering, const Node& node) {
  const auto& a = node.get<ArgAttributes>();
  const std::size_t rank = lowering.graph.shape(node.inputs[0]).size();
  const std::uint32_t axis = place_of(static_cast<std::size_t>(a.axis), rank);
  const TensorId x = lowering.layout.native(node.inputs[0]);
  lowering.builder.step(node, ops::OpCode::kArg, {x}, lowering.layout.make_native(node.output),
                        ops::ArgAttributes{axis, a.smallest ? 1u : 0u, a.last ? 1u : 0u});
}

void cum_sum(Lowering& lowering, const Node& node) {
  const auto& a = node.get<CumSumAttributes>();
  const std::size_t rank = lowering.graph.shape(node.inputs[0]).size();
  const std::int64_t wanted = constant_integers(lowering.graph, node, 1, "the axis").at(0);
  const std::uint32_t axis = place_of(normal_axis(lowering.graph, node, wanted, rank), rank);
  const TensorId x = lowering.layout.native(node.inputs[0]);
  lowering.builder.step(
      node, ops::OpCode::kCumulativeSum, {x}, lowering.layout.make_native(node.output),
      ops::CumulativeSumAttributes{axis, a.exclusive ? 1u : 0u, a.reverse ? 1u : 0u});
}

}  // namespace

bool lower_reduction(Lowering& lowering, const Node& node) {
  switch (node.op) {
    case Op::kReduce:
    case Op::kReduceMean:
      reduce(lowering, node);
      return true;
    case Op::kArg:
      arg(lowering, node);
      return true;
    case Op::kCumSum:
      cum_sum(lowering, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
