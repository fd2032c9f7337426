// ONNX's names of the operators that one node type stands for.
#include "compiler/graph/graph.h"

namespace sz::compiler {

const char* to_string(ops::UnaryKind kind) {
  static constexpr const char* kNames[] = {
      "Clip",       "LeakyRelu", "Abs",         "Neg",       "Exp",      "Log",  "Sqrt",
      "Reciprocal", "Sin",       "Cos",         "Tanh",      "Sigmoid",  "Erf",  "Floor",
      "Ceil",       "Round",     "Sign",        "Softplus",  "Softsign", "Gelu", "Gelu",
      "Elu",        "Celu",      "HardSigmoid", "HardSwish", "Swish",    "Mish", "ThresholdedRelu",
      "Shrink"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(ops::kLastUnaryKind) + 1);
  return kNames[static_cast<std::size_t>(kind)];
}

const char* to_string(ops::BinaryKind kind) {
  static constexpr const char* kNames[] = {
      "Add",   "Sub",   "Mul",  "Div",         "Min", "Max", "Pow", "Mod",      "Mod",
      "PRelu", "Equal", "Less", "LessOrEqual", "And", "Or",  "Xor", "BitShift", "BitShift"};
  static_assert(std::size(kNames) == static_cast<std::size_t>(ops::kLastBinaryKind) + 1);
  return kNames[static_cast<std::size_t>(kind)];
}

namespace {

const char* to_string(Reduction kind) {
  static constexpr const char* kNames[] = {"ReduceSum",    "ReduceMax",       "ReduceMin",
                                           "ReduceProd",   "ReduceL1",        "ReduceL2",
                                           "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace

const char* operator_name(const Node& node) {
  switch (node.op) {
    case Op::kUnary:
      return to_string(node.get<UnaryFunction>().kind);
    case Op::kBinary:
      return to_string(node.get<BinaryOperation>().kind);
    case Op::kReduce:
      return to_string(node.get<ReduceAttributes>().kind);
    case Op::kArg:
      return node.get<ArgAttributes>().smallest ? "ArgMin" : "ArgMax";
    case Op::kSoftmax:
      return node.get<SoftmaxAttributes>().log ? "LogSoftmax" : "Softmax";
    default:
      return to_string(node.op);
  }
}

}  // namespace sz::compiler
