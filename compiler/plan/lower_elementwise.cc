// What works element by element, in whatever order its operands lie.
#include "compiler/plan/families.h"

namespace sz::compiler {
namespace {

std::vector<TensorId> native_inputs(Lowering& lowering, const Node& node) {
  std::vector<TensorId> tensors;
  for (const ValueId id : node.inputs) tensors.push_back(lowering.layout.native(id));
  return tensors;
}

template <typename... MaybeAttributes>
void step(Lowering& lowering, const Node& node, ops::OpCode op,
          const MaybeAttributes&... attributes) {
  auto inputs = native_inputs(lowering, node);
  const TensorId y = lowering.layout.make_native(node.output);
  lowering.builder.step(node, op, std::move(inputs), y, attributes...);
}

}  // namespace

bool lower_elementwise(Lowering& lowering, const Node& node) {
  switch (node.op) {
    case Op::kUnary: {
      const auto& f = node.get<UnaryFunction>();
      step(lowering, node, ops::OpCode::kUnary, ops::ActivationAttributes{f.kind, f.alpha, f.beta});
      return true;
    }
    case Op::kBinary:
      step(lowering, node, ops::OpCode::kBinary,
           ops::BinaryAttributes{node.get<BinaryOperation>().kind, {}});
      return true;
    case Op::kWhere:
      step(lowering, node, ops::OpCode::kWhere);
      return true;
    case Op::kCast:
      step(lowering, node, ops::OpCode::kCast);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
