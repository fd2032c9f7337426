// Types and shapes of what works along axes.
#include "compiler/graph/families.h"

namespace sz::compiler {

std::vector<bool> reduced_axes(const Graph& graph, const Node& node, std::size_t rank) {
  std::vector<std::int64_t> axes;
  if (node.input(1) != kNoValue) axes = constant_integers(graph, node, 1, "the axes");
  const bool all = axes.empty() && !node.get<ReduceAttributes>().noop_with_empty_axes;
  std::vector<bool> set(rank, all);
  for (const std::int64_t axis : axes) {
    const std::size_t normal = normal_axis(graph, node, axis, rank);
    if (set[normal]) fail(graph, node, "axis " + std::to_string(axis) + " occurs twice");
    set[normal] = true;
  }
  return set;
}

namespace {

// With `keep`, the axes stay, of size 1.
Shape without_axes(const Shape& x, const std::vector<bool>& axes, bool keep) {
  Shape result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!axes[i]) result.push_back(x[i]);
    if (axes[i] && keep) result.push_back(1);
  }
  return result;
}

TypedShape infer_reduce(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& attributes = node.get<ReduceAttributes>();
  const DType type = graph.value(node.inputs[0]).dtype;
  const Reduction kind = attributes.kind;
  const bool extreme = kind == Reduction::kMax || kind == Reduction::kMin;
  const bool exact = extreme || kind == Reduction::kSum || kind == Reduction::kProd;
  const bool integer = type == DType::kI32 || type == DType::kI64;
  const bool fits = type == DType::kF32 || (node.op == Op::kReduce && exact && integer) ||
                    (node.op == Op::kReduce && extreme);
  if (!fits) fail(graph, node, std::string("does not work on ") + to_string(type));
  const auto axes = reduced_axes(graph, node, x.size());
  return {type, without_axes(x, axes, attributes.keep_dims)};
}

TypedShape infer_arg(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& attributes = node.get<ArgAttributes>();
  if (graph.value(node.inputs[0]).dtype == DType::kBool) fail(graph, node, "does not work on bool");
  std::vector<bool> axes(x.size(), false);
  axes[normal_axis(graph, node, attributes.axis, x.size())] = true;
  return {DType::kI64, without_axes(x, axes, attributes.keep_dims)};
}

TypedShape infer_cum_sum(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const DType type = graph.value(node.inputs[0]).dtype;
  if (type != DType::kF32 && type != DType::kI32 && type != DType::kI64) {
    fail(graph, node, std::string("does not work on ") + to_string(type));
  }
  const auto axis = constant_integers(graph, node, 1, "the axis");
  if (axis.size() != 1) fail(graph, node, "must have one axis");
  (void)normal_axis(graph, node, axis[0], x.size());
  return {type, x};
}

}  // namespace

std::optional<TypedShape> infer_reduction(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kReduce:
    case Op::kReduceMean:
      return infer_reduce(graph, node);
    case Op::kArg:
      return infer_arg(graph, node);
    case Op::kHardmax: {
      const Shape& x = graph.shape(node.inputs[0]);
      if (graph.value(node.inputs[0]).dtype != DType::kF32) fail(graph, node, "works on f32 only");
      const auto& attributes = node.get<SoftmaxAttributes>();
      (void)normal_axis(graph, node, attributes.axis, x.size(), attributes.flattened);
      return TypedShape{DType::kF32, x};
    }
    case Op::kCumSum:
      return infer_cum_sum(graph, node);
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
