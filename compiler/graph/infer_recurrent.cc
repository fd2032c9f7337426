#include <algorithm>

#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

struct Layer {
  const Graph& graph;
  const Node& node;
  const RecurrentLayerAttributes& a;

  Shape shape(std::size_t input) const { return graph.shape(node.inputs.at(input)); }

  void expect(std::size_t input, const Shape& wanted, const char* what) const {
    if (node.input(input) == kNoValue) return;
    if (shape(input) != wanted) {
      fail(graph, node,
           std::string(what) + " is " + to_string(shape(input)) + " instead of " +
               to_string(wanted));
    }
  }

  Shape infer() const {
    const Shape x = shape(0);
    const Shape w = shape(1);
    const Shape r = shape(2);
    const std::int64_t gates = ops::gates_of(a.kind);
    if (x.size() != 3) fail(graph, node, "its input is " + to_string(x) + "; rank 3 is needed");
    if (r.size() != 3 || r[2] < 1) fail(graph, node, "its recurrent weights have no rank of 3");
    const std::int64_t units = r[2];
    const std::int64_t d = a.directions;
    if (a.units != 0 && a.units != units) {
      fail(graph, node,
           "hidden_size is " + std::to_string(a.units) + ", but the weights have " +
               std::to_string(units) + " units");
    }
    if (w.size() != 3 || w != Shape{d, gates * units, x[2]} ||
        r != Shape{d, gates * units, units}) {
      fail(graph, node,
           "weights " + to_string(w) + " and " + to_string(r) + " do not fit an input of " +
               to_string(x) + " in " + std::to_string(d) + " directions");
    }
    const std::int64_t batch = x[a.batch_first ? 0 : 1];
    const std::int64_t steps = x[a.batch_first ? 1 : 0];
    expect(3, {d, 2 * gates * units}, "the bias");
    expect(4, {batch}, "the list of sequence lengths");
    const Shape state = a.batch_first ? Shape{batch, d, units} : Shape{d, batch, units};
    expect(5, state, "the initial hidden state");
    expect(6, state, "the initial cell state");
    expect(7, {d, 3 * units}, "the peepholes");
    return {d, steps + (a.keep_cell ? 1 : 0), batch, units};
  }
};

Shape infer_result(const Graph& graph, const Node& node) {
  const auto& a = node.get<RecurrentResultAttributes>();
  const Shape& all = graph.shape(node.inputs[0]);
  const std::int64_t d = all[0], batch = all[2], units = all[3];
  const std::int64_t steps = all[1] - (a.layer.keep_cell ? 1 : 0);
  if (a.what == RecurrentResultAttributes::What::kAll) {
    return a.layer.batch_first ? Shape{batch, steps, d, units} : Shape{steps, d, batch, units};
  }
  return a.layer.batch_first ? Shape{batch, d, units} : Shape{d, batch, units};
}

Shape infer_step(const Graph& graph, const Node& node) {
  const Shape& x = graph.shape(node.inputs[0]);
  const auto& a = node.get<RecurrentAttributes>().words;
  return {x[0] + a.keep_cell, x[1], x[2] / ops::gates_of(a.kind)};
}

}  // namespace

std::optional<TypedShape> infer_recurrent(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kRnn:
    case Op::kGru:
    case Op::kLstm:
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue || i == 4) continue;
        const DType type = graph.value(node.inputs[i]).dtype;
        if (type != DType::kF32) {
          fail(graph, node,
               "works on f32 only; input " + std::to_string(i) + " is " + to_string(type));
        }
      }
      return TypedShape{DType::kF32,
                        Layer{graph, node, node.get<RecurrentLayerAttributes>()}.infer()};
    case Op::kRecurrentResult:
      return TypedShape{DType::kF32, infer_result(graph, node)};
    case Op::kRecurrent:
      return TypedShape{DType::kF32, infer_step(graph, node)};
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
