#include "compiler/passes/expand.h"

#include <array>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"

namespace sz::compiler {

ValueId Expansion::add(Op op, std::vector<ValueId> inputs, Attributes attributes) {
  Node part{op, node_.name, std::move(inputs), kNoValue, std::move(attributes), {}};
  TypedShape result = infer(graph(), part);
  part.output =
      rewriter_.temporary(node_.name + "." + to_string(op), result.dtype, std::move(result.shape));
  const ValueId output = part.output;
  rewriter_.emit(std::move(part));
  return output;
}

ValueId Expansion::reshape(ValueId x, Shape shape) {
  if (graph().shape(x) == shape) return x;
  if (const Constant* constant = graph().constant(x)) {
    return graph().add_constant(graph().value(x).name, reshaped(*constant, std::move(shape)));
  }
  const ValueId view = rewriter_.temporary(graph().value(x).name + ".view", graph().value(x).dtype,
                                           std::move(shape));
  rewriter_.emit({Op::kReshape, node_.name, {x}, view, ReshapeAttributes{}, {}});
  return view;
}

ValueId Expansion::transpose(ValueId x, std::vector<std::int64_t> perm) {
  bool moves = false;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    moves = moves || perm[i] != static_cast<std::int64_t>(i);
  }
  return moves ? add(Op::kTranspose, {x}, PermAttributes{std::move(perm)}) : x;
}

ValueId Expansion::constant(float value) {
  return graph().add_constant(node_.name + ".number", make_f32({}, std::span(&value, 1)));
}

ValueId Expansion::integers(const std::vector<std::int64_t>& values) {
  return graph().add_constant(node_.name + ".numbers",
                              make_i64({static_cast<std::int64_t>(values.size())}, values));
}

void Expansion::finish(Op op, std::vector<ValueId> inputs, Attributes attributes) {
  rewriter_.emit({op, node_.name, std::move(inputs), node_.output, std::move(attributes), {}});
}

void Expansion::finish_reshape(ValueId x) {
  if (graph().shape(x) == graph().shape(node_.output)) return finish_with(x);
  rewriter_.emit({Op::kReshape, node_.name, {x}, node_.output, ReshapeAttributes{}, {}});
}

std::int64_t product(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t count = 1;
  for (std::size_t i = begin; i < end; ++i) count *= shape[i];
  return count;
}

void expand(Graph& graph) {
  static constexpr std::array kFamilies = {expand_attention, expand_matrix, expand_normalization, expand_recurrent,
                                           expand_window};
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    for (const auto family : kFamilies) {
      if (family(rewriter, node)) return;
    }
    rewriter.emit(node);
  });
}

}  // namespace sz::compiler
