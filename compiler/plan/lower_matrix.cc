// Products of two computed matrices, and normalisation of rows.
#include <algorithm>

#include "compiler/plan/families.h"
#include "ops/matmul/matmul.h"
#include "ops/normalize/lrn.h"
#include "ops/normalize/normalize.h"

namespace sz::compiler {
namespace {

using ops::OpCode;

std::vector<std::size_t> permutation_or_identity(const std::vector<std::int64_t>& perm,
                                                 std::size_t rank) {
  std::vector<std::size_t> result(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    result[i] = perm.empty() ? i : static_cast<std::size_t>(perm[i]);
  }
  return result;
}

// An operand where it lies, and the places of the product's dimensions in its memory.
TensorId operand(Lowering& l, ValueId id, const std::vector<std::int64_t>& perm,
                 std::uint32_t* order) {
  const std::size_t rank = l.graph.shape(id).size();
  const auto dims = permutation_or_identity(perm, rank);
  const bool native = l.layout.has_native(id) && !l.layout.has_plain(id);
  const Order memory = native_order(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto place = std::find(memory.begin(), memory.end(), dims[i]) - memory.begin();
    order[i] = static_cast<std::uint32_t>(native ? static_cast<std::size_t>(place) : dims[i]);
  }
  return native ? l.layout.native(id) : l.layout.plain(id);
}

void matmul(Lowering& l, const Node& node) {
  const auto& attributes = node.get<MatMulAttributes>();
  ops::MatMulAttributes words;
  words.alpha = attributes.alpha;
  words.clamp = node.activation;
  const TensorId a = operand(l, node.inputs[0], attributes.a_perm, words.a_order);
  const TensorId b = operand(l, node.inputs[1], attributes.b_perm, words.b_order);
  const auto y_dims = permutation_or_identity(attributes.y_perm, l.graph.shape(node.output).size());
  for (std::size_t i = 0; i < y_dims.size(); ++i) {
    words.y_order[i] = static_cast<std::uint32_t>(y_dims[i]);
  }
  l.builder.step(node, OpCode::kMatMul, {a, b}, l.layout.make_plain(node.output), words);
}

void normalize(Lowering& l, const Node& node) {
  const auto& attributes = node.get<NormalizeAttributes>();
  std::vector<TensorId> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(l.layout.plain(id));
  l.builder.step(node, OpCode::kNormalize, inputs, l.layout.make_plain(node.output),
                 ops::NormalizeAttributes{attributes.kind, attributes.result, attributes.epsilon});
}

void lrn(Lowering& l, const Node& node) {
  const auto& a = node.get<LrnAttributes>();
  const TensorId x = l.layout.native(node.inputs[0]);
  l.builder.step(node, OpCode::kLrn, {x}, l.layout.make_native(node.output),
                 ops::LrnAttributes{static_cast<std::uint32_t>(a.size), a.alpha, a.beta, a.bias});
}

}  // namespace

bool lower_matrix(Lowering& lowering, const Node& node) {
  switch (node.op) {
    case Op::kMatMul:
      matmul(lowering, node);
      return true;
    case Op::kNormalize:
      normalize(lowering, node);
      return true;
    case Op::kLrn:
      lrn(lowering, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
