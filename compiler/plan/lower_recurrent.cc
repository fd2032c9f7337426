// The steps in time of recurrent layers.
#include "compiler/plan/families.h"
#include "ops/gemm/pack.h"
#include "ops/recurrent/recurrent.h"

namespace sz::compiler {
namespace {

// R and Rb of each gate, packed one behind the other.
TensorId weights(Lowering& l, const Node& node, std::uint32_t gates) {
  const Constant& matrix = *l.graph.constant(node.inputs[1]);
  const Constant* bias = l.graph.constant(node.input(2));
  const auto units = static_cast<std::uint32_t>(matrix.shape[1]);
  const auto elements = ops::recurrent_gate_elements(units);
  if (!elements || *elements > kMaxTensorBytes / sizeof(float) / gates) {
    fail(l.graph, node, "its packed weights are larger than 1 GiB");
  }
  auto bytes = std::make_shared<std::vector<std::byte>>(gates * *elements * sizeof(float));
  const std::span all(reinterpret_cast<float*>(bytes->data()), gates * *elements);
  const std::size_t square = std::size_t{units} * units;
  for (std::size_t gate = 0; gate < gates; ++gate) {
    const auto rb =
        bias != nullptr ? bias->f32().subspan(gate * units, units) : std::span<const float>();
    if (!ops::pack_fully_connected(matrix.f32().subspan(gate * square, square), rb, units, units,
                                   all.subspan(gate * *elements, *elements))) {
      throw InternalError(l.graph.source + ": the weights of '" + node.name + "' cannot be packed");
    }
  }
  l.builder.count_raw_weights(matrix.bytes.size() + (bias != nullptr ? bias->bytes.size() : 0));
  return l.builder.constant(node.name + ".recurrent", {static_cast<std::uint32_t>(all.size())},
                            DType::kF32, std::move(bytes));
}

// A state of zeroes.
TensorId zeroes(Lowering& l, const Node& node) {
  const Shape& y = l.graph.shape(node.output);
  const auto rows = static_cast<std::uint32_t>(y[1]);
  const auto units = static_cast<std::uint32_t>(y[2]);
  auto bytes = std::make_shared<std::vector<std::byte>>(std::size_t{rows} * units * sizeof(float));
  return l.builder.constant(node.name + ".zeroes", {rows, units}, DType::kF32, std::move(bytes));
}

}  // namespace

bool lower_recurrent(Lowering& l, const Node& node) {
  if (node.op != Op::kRecurrent) return false;
  const auto& words = node.get<RecurrentAttributes>().words;
  std::vector<TensorId> inputs = {l.layout.plain(node.inputs[0]),
                                  weights(l, node, ops::gates_of(words.kind))};
  // A program has no absent operands in between: states that are not given are zeroes.
  std::size_t last = 2;
  for (std::size_t input = 3; input < node.inputs.size(); ++input) {
    if (node.inputs[input] != kNoValue) last = input;
  }
  for (std::size_t input = 3; input <= last; ++input) {
    const bool given = node.inputs[input] != kNoValue;
    inputs.push_back(given ? l.layout.plain(node.inputs[input]) : zeroes(l, node));
  }
  l.builder.step(node, ops::OpCode::kRecurrent, inputs, l.layout.make_plain(node.output), words);
  return true;
}

}  // namespace sz::compiler
