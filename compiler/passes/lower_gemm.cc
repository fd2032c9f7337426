#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

constexpr std::int64_t kSwap[] = {1, 0};

// The others have been turned into MatMul of equal ranks (expand), or are that.
bool is_layer(const Graph& graph, const Node& node) {
  if (node.op != Op::kGemm && node.op != Op::kMatMul) return false;
  const Constant* right = graph.constant(node.inputs[1]);
  if (right == nullptr || right->shape.size() != 2) return false;
  return node.op == Op::kGemm || node.get<MatMulAttributes>().a_perm.empty();
}

ConstantPtr scaled(const Graph& graph, const Node& node, ConstantPtr constant, float factor) {
  if (factor == 1.0f) return constant;
  std::vector<float> values(constant->f32().begin(), constant->f32().end());
  for (float& value : values) value *= factor;
  if (values.size() * sizeof(float) > graph.constant_budget) {
    fail(graph, node, "its constants take too much memory");
  }
  return make_f32(constant->shape, values);
}

// The right operand as weights [outputs, inputs].
ValueId weights_of(Graph& graph, const Node& node, bool transposed_already, float alpha) {
  const ValueId id = node.inputs[1];
  const Constant* matrix = graph.constant(id);
  if (transposed_already && alpha == 1.0f) return id;
  if (matrix->bytes.size() > graph.constant_budget) {
    fail(graph, node, "its constants take too much memory");
  }
  graph.constant_budget -= matrix->bytes.size();
  ConstantPtr weights = transposed_already ? graph.value(id).constant : transposed(*matrix, kSwap);
  const std::string name = graph.value(id).name;
  return graph.add_constant(name, scaled(graph, node, std::move(weights), alpha));
}

// The third operand as bias [outputs] if it is one; kNoValue otherwise.
ValueId bias_of(Graph& graph, const Node& node, std::int64_t outputs, float beta) {
  const Constant* c = graph.constant(node.input(2));
  if (c == nullptr) return kNoValue;
  const std::int64_t count = element_count(c->shape);
  const bool row = count == 1 || (count == outputs && c->shape.back() == outputs);
  if (!row) return kNoValue;
  std::vector<float> bias(static_cast<std::size_t>(outputs));
  for (std::size_t m = 0; m < bias.size(); ++m) bias[m] = c->f32()[count == 1 ? 0 : m] * beta;
  return graph.add_constant(graph.value(node.inputs[2]).name, make_f32({outputs}, bias));
}

// y = layer + beta * c, for a third operand that is no bias.
void add_operand(Rewriter& rewriter, const Node& node, ValueId layer, float beta) {
  Graph& graph = rewriter.graph();
  ValueId c = node.inputs[2];
  Shape shape = graph.shape(c);
  if (beta != 1.0f) {
    const ValueId factor =
        graph.add_constant(node.name + ".beta", make_f32({}, std::span(&beta, 1)));
    const ValueId product = rewriter.temporary(node.name + ".scaled", DType::kF32, shape);
    rewriter.emit({Op::kMul, node.name, {c, factor}, product, {}, {}});
    c = product;
  }
  rewriter.emit({Op::kAdd, node.name, {layer, c}, node.output, {}, {}});
}

void lower(Rewriter& rewriter, Node& node) {
  Graph& graph = rewriter.graph();
  const bool gemm = node.op == Op::kGemm;
  const GemmAttributes attributes = gemm ? node.get<GemmAttributes>() : GemmAttributes{};
  const ValueId weights = weights_of(graph, node, attributes.trans_b, attributes.alpha);
  const std::int64_t outputs = graph.shape(weights)[0];
  ValueId x = node.inputs[0];
  if (attributes.trans_a) {
    const Shape& shape = graph.shape(x);
    const ValueId turned =
        rewriter.temporary(node.name + ".turned", DType::kF32, Shape{shape[1], shape[0]});
    rewriter.emit({Op::kTranspose, node.name, {x}, turned, PermAttributes{{1, 0}}, {}});
    x = turned;
  }
  Node layer{Op::kFullyConnected, node.name, {x, weights}, node.output, {}, {}};
  const bool has_c = node.input(2) != kNoValue && attributes.beta != 0.0f;
  const ValueId bias = has_c ? bias_of(graph, node, outputs, attributes.beta) : kNoValue;
  if (bias != kNoValue) layer.inputs.push_back(bias);
  if (!has_c || bias != kNoValue) return rewriter.emit(std::move(layer));
  layer.output = rewriter.temporary(node.name + ".product", DType::kF32, graph.shape(node.output));
  const ValueId product = layer.output;
  rewriter.emit(std::move(layer));
  add_operand(rewriter, node, product, attributes.beta);
}

}  // namespace

void lower_gemm(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (is_layer(rewriter.graph(), node)) {
      lower(rewriter, node);
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
