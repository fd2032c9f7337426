// LSTM, GRU and RNN: the inputs' share of all steps as one fully connected layer, then the steps in
// time; a direction each.
#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"

namespace sz::compiler {
namespace {

// Rows [begin, begin + count) of direction `d` of a constant [D, R] or [D, R, C], without D.
ValueId rows_of(Expansion& e, ValueId id, std::int64_t d, std::int64_t begin, std::int64_t count) {
  const Constant& whole = *e.graph().constant(id);
  Shape shape(whole.shape.begin() + 1, whole.shape.end());
  const std::int64_t row = shape.size() > 1 ? shape[1] : 1;
  const auto first = static_cast<std::size_t>((d * shape[0] + begin) * row);
  const auto values = whole.f32().subspan(first, static_cast<std::size_t>(count * row));
  shape[0] = count;
  return e.graph().add_constant(e.graph().value(id).name, make_f32(std::move(shape), values));
}

// The initial state of one direction, [B, H].
ValueId state_of(Expansion& e, ValueId id, const RecurrentLayerAttributes& a, std::int64_t d) {
  if (id == kNoValue) return kNoValue;
  const Shape shape = e.shape(id);
  const std::int64_t axis = a.batch_first ? 1 : 0;
  if (a.directions > 1) {
    id = e.add(Op::kSlice, {id, e.integers({d}), e.integers({d + 1}), e.integers({axis})});
  }
  return e.reshape(id, {shape[a.batch_first ? 0 : 1], shape[2]});
}

void check_constants(const Graph& graph, const Node& node, std::int64_t steps) {
  for (const std::size_t input : {1, 2, 3, 7}) {
    if (node.input(input) != kNoValue && graph.constant(node.inputs[input]) == nullptr) {
      fail(graph, node, "its weights must be known when the model is compiled");
    }
  }
  if (node.input(4) == kNoValue) return;
  for (const std::int64_t length : constant_integers(graph, node, 4, "the sequence lengths")) {
    if (length != steps) fail(graph, node, "sequences of different lengths are not implemented");
  }
}

// The states of one direction, [1, T, B, H].
ValueId direction(Expansion& e, const Node& node, ValueId x, std::int64_t d) {
  const auto& a = node.get<RecurrentLayerAttributes>();
  const std::int64_t units = e.shape(node.inputs[2])[2];
  const std::int64_t rows = units * ops::gates_of(a.kind);
  const bool biased = node.input(3) != kNoValue;
  std::vector<ValueId> projection = {x, rows_of(e, node.inputs[1], d, 0, rows)};
  if (biased) projection.push_back(rows_of(e, node.inputs[3], d, 0, rows));
  const ValueId share = e.add(Op::kFullyConnected, projection);
  ops::RecurrentAttributes words;
  words.kind = a.kind;
  words.reverse = a.reverse || d == 1 ? 1 : 0;
  words.linear_before_reset = a.linear_before_reset ? 1 : 0;
  words.keep_cell = a.keep_cell ? 1 : 0;
  words.clip = a.clip;
  const auto& activations = a.activations.at(static_cast<std::size_t>(d));
  std::copy(activations.begin(), activations.end(), words.activations);
  const std::vector<ValueId> inputs = {
      share,
      rows_of(e, node.inputs[2], d, 0, rows),
      biased ? rows_of(e, node.inputs[3], d, rows, rows) : kNoValue,
      state_of(e, node.input(5), a, d),
      state_of(e, node.input(6), a, d),
      node.input(7) != kNoValue ? rows_of(e, node.inputs[7], d, 0, 3 * units) : kNoValue};
  const ValueId y = e.add(Op::kRecurrent, inputs, RecurrentAttributes{words});
  Shape shape = e.shape(y);
  shape.insert(shape.begin(), 1);
  return e.reshape(y, std::move(shape));
}

void layer(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto& a = node.get<RecurrentLayerAttributes>();
  const Shape shape = e.shape(node.inputs[0]);
  check_constants(e.graph(), node, shape[a.batch_first ? 1 : 0]);
  ValueId x = node.inputs[0];
  if (a.batch_first) {
    // With one row, or one step, the order of the two says nothing.
    const bool same = shape[0] == 1 || shape[1] == 1;
    x = same ? e.reshape(x, {shape[1], shape[0], shape[2]}) : e.transpose(x, {1, 0, 2});
  }
  std::vector<ValueId> parts;
  for (std::int64_t d = 0; d < a.directions; ++d) parts.push_back(direction(e, node, x, d));
  if (parts.size() == 1) return e.finish_with(parts[0]);
  e.finish(Op::kConcat, parts, AxisAttributes{0});
}

// Steps [begin, end) of the directions [first, last).
ValueId cut(Expansion& e, ValueId all, std::int64_t first, std::int64_t last, std::int64_t begin,
            std::int64_t end) {
  const Shape& shape = e.shape(all);
  if (first == 0 && last == shape[0] && begin == 0 && end == shape[1]) return all;
  return e.add(Op::kSlice,
               {all, e.integers({first, begin}), e.integers({last, end}), e.integers({0, 1})});
}

void result(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const auto& a = node.get<RecurrentResultAttributes>();
  const Shape all = e.shape(node.inputs[0]);
  const std::int64_t steps = all[1] - (a.layer.keep_cell ? 1 : 0);
  if (a.what == RecurrentResultAttributes::What::kAll) {
    const ValueId y = cut(e, node.inputs[0], 0, all[0], 0, steps);
    if (a.layer.batch_first) return e.finish_with(e.transpose(y, {2, 1, 0, 3}));
    if (all[0] == 1) return e.finish_reshape(y);
    return e.finish_with(e.transpose(y, {1, 0, 2, 3}));
  }
  std::vector<ValueId> parts;
  for (std::int64_t d = 0; d < all[0]; ++d) {
    const bool reverse = a.layer.reverse || d == 1;
    std::int64_t step = reverse ? 0 : steps - 1;
    if (a.what == RecurrentResultAttributes::What::kLastCell) step = steps;
    parts.push_back(
        e.reshape(cut(e, node.inputs[0], d, d + 1, step, step + 1), {1, all[2], all[3]}));
  }
  const ValueId joined =
      parts.size() == 1 ? parts[0] : e.add(Op::kConcat, parts, AxisAttributes{0});
  if (!a.layer.batch_first) return e.finish_with(joined);
  if (parts.size() == 1) return e.finish_reshape(joined);
  e.finish_with(e.transpose(joined, {1, 0, 2}));
}

}  // namespace

bool expand_recurrent(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kRnn:
    case Op::kGru:
    case Op::kLstm:
      layer(rewriter, node);
      return true;
    case Op::kRecurrentResult:
      result(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
