#include "compiler/passes/quantization/quantized_layers.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "compiler/graph/shape_inference.h"

namespace sz::compiler {
namespace {

// Weights as the device wants them: outputs first.
struct Weights {
  ValueId value = kNoValue;
  std::vector<double> scales;
  std::int32_t zero = 0;
};

// All zero points are the same one.
std::optional<std::int32_t> common_zero(const Graph& graph, const Node& dequantize) {
  if (dequantize.input(2) == kNoValue) return 0;
  const Constant* constant = graph.constant(dequantize.inputs[2]);
  if (constant == nullptr) return std::nullopt;
  const std::vector<double> zeroes = numbers(*constant);
  for (const double zero : zeroes) {
    if (zero != zeroes[0]) return std::nullopt;
  }
  return static_cast<std::int32_t>(zeroes.at(0));
}

// The dequantised constant `id`, whose dimension `outputs` counts the outputs; `turn`: it is a
// matrix that has to be transposed.
std::optional<Weights> weights_of(Rewriter& rewriter, ValueId id, std::size_t outputs, bool turn) {
  Graph& graph = rewriter.graph();
  const Node* node = rewriter.producer(id);
  if (node == nullptr || node->op != Op::kDequantizeLinear) return std::nullopt;
  const Constant* constant = graph.constant(node->inputs[0]);
  const Constant* scale = graph.constant(node->inputs[1]);
  const auto zero = common_zero(graph, *node);
  if (constant == nullptr || scale == nullptr || !zero) return std::nullopt;
  if (constant->dtype != DType::kI8 && constant->dtype != DType::kU8) return std::nullopt;
  Weights weights{node->inputs[0], numbers(*scale), *zero};
  for (const double one : weights.scales) {
    if (!std::isfinite(one) || !(one > 0)) return std::nullopt;
  }
  if (weights.scales.size() > 1 && normal_axis(graph, *node, node->get<AxisAttributes>().axis,
                                               constant->shape.size()) != outputs) {
    return std::nullopt;
  }
  if (turn) {
    static constexpr std::int64_t kSwap[] = {1, 0};
    const std::string name = graph.value(weights.value).name;
    weights.value = graph.add_constant(name, transposed(*constant, kSwap));
  }
  return weights;
}

// Biases as real numbers, or, where they are quantised just so, as they are.
struct Bias {
  std::vector<double> values;
  std::vector<double> scales;  // of the values: one, or one for each
};

std::optional<Bias> bias_of(Rewriter& rewriter, ValueId id) {
  const Graph& graph = rewriter.graph();
  if (const Constant* constant = graph.constant(id)) {
    if (constant->dtype != DType::kF32) return std::nullopt;
    return Bias{numbers(*constant), {1.0}};
  }
  const Node* node = rewriter.producer(id);
  if (node == nullptr || node->op != Op::kDequantizeLinear) return std::nullopt;
  const Constant* constant = graph.constant(node->inputs[0]);
  const Constant* scale = graph.constant(node->inputs[1]);
  if (constant == nullptr || scale == nullptr || common_zero(graph, *node) != 0) {
    return std::nullopt;
  }
  return Bias{numbers(*constant), numbers(*scale)};
}

// The biases in units of the accumulators, sx * sw, and in `q` what rounding took off them. Nothing
// if one does not fit 32 bits.
std::optional<ValueId> quantized_bias(Rewriter& rewriter, const Node& layer, ValueId id,
                                      const Weights& weights, QuantAttributes* q) {
  const auto bias = bias_of(rewriter, id);
  Graph& graph = rewriter.graph();
  const auto outputs = static_cast<std::size_t>(graph.shape(weights.value)[0]);
  if (!bias || bias->values.size() != outputs) return std::nullopt;
  if (bias->scales.size() != 1 && bias->scales.size() != outputs) return std::nullopt;
  auto constant = std::make_shared<Constant>();
  constant->dtype = DType::kI32;
  constant->shape = {static_cast<std::int64_t>(outputs)};
  constant->bytes.resize(outputs * sizeof(std::int32_t));
  q->bias_rests.resize(outputs);
  for (std::size_t m = 0; m < outputs; ++m) {
    const double unit = q->inputs[0].scale * weights.scales[weights.scales.size() == 1 ? 0 : m];
    const double scale = bias->scales[bias->scales.size() == 1 ? 0 : m];
    // The file's scale is that product, rounded to f32.
    const bool same = std::abs(scale - unit) <= 1e-5 * unit;
    const double exact = same ? bias->values[m] : bias->values[m] * scale / unit;
    const double value = std::nearbyint(exact);
    if (!(std::abs(value) <= std::numeric_limits<std::int32_t>::max())) return std::nullopt;
    q->bias_rests[m] = exact - value;
    const auto number = static_cast<std::int32_t>(value);
    std::memcpy(constant->bytes.data() + m * sizeof(number), &number, sizeof(number));
  }
  return graph.add_constant(layer.name + ".bias", std::move(constant));
}

std::optional<Weights> layer_weights(Rewriter& rewriter, const Node& layer) {
  const ValueId id = layer.inputs[1];
  const std::size_t rank = rewriter.graph().shape(id).size();
  switch (layer.op) {
    case Op::kConv:
      if (rank != 4) return std::nullopt;
      return weights_of(rewriter, id, 0, false);
    case Op::kFullyConnected:
      return weights_of(rewriter, id, 0, false);
    case Op::kMatMul:
      if (rank != 2) return std::nullopt;
      return weights_of(rewriter, id, 1, true);
    case Op::kGemm: {
      const auto& gemm = layer.get<GemmAttributes>();
      const bool plain = gemm.alpha == 1.0f && gemm.beta == 1.0f && !gemm.trans_a;
      if (!plain || rank != 2) return std::nullopt;
      return weights_of(rewriter, id, gemm.trans_b ? 0 : 1, !gemm.trans_b);
    }
    default:
      return std::nullopt;
  }
}

bool is_plain(const Node& matmul) {
  const auto* attributes = std::get_if<MatMulAttributes>(&matmul.attributes);
  return attributes == nullptr || (attributes->alpha == 1.0f && attributes->a_perm.empty() &&
                                   attributes->b_perm.empty() && attributes->y_perm.empty());
}

// Of two values that the network computes.
std::optional<Node> integer_product(Rewriter& rewriter, const Node& node) {
  const Graph& graph = rewriter.graph();
  if (graph.shape(node.inputs[0]).size() < 2 || graph.shape(node.inputs[1]).size() < 2) {
    return std::nullopt;
  }
  const auto a = dequantized(rewriter, node.inputs[0]);
  const auto b = dequantized(rewriter, node.inputs[1]);
  if (!a || !b) return std::nullopt;
  QuantAttributes q;
  q.inputs = {a->quantization, b->quantization};
  q.type = DType::kI32;
  return Node{Op::kQMatMul, node.name, {a->value, b->value}, kNoValue, std::move(q), {}};
}

}  // namespace

std::optional<Node> integer_layer(Rewriter& rewriter, const Node& layer) {
  const bool is_layer = layer.op == Op::kConv || layer.op == Op::kGemm || layer.op == Op::kMatMul ||
                        layer.op == Op::kFullyConnected;
  if (!is_layer || layer.input(1) == kNoValue) return std::nullopt;
  if (layer.input(3) != kNoValue || layer.slope != 1.0f) return std::nullopt;
  if (layer.op == Op::kMatMul && !is_plain(layer)) return std::nullopt;
  const auto x = dequantized(rewriter, layer.inputs[0]);
  if (!x) return std::nullopt;
  const auto weights = layer_weights(rewriter, layer);
  if (!weights) {
    return layer.op == Op::kMatMul ? integer_product(rewriter, layer) : std::nullopt;
  }
  QuantAttributes q;
  q.inputs = {x->quantization};
  q.weight_scales = weights->scales;
  q.weight_zero = weights->zero;
  q.type = DType::kI32;
  if (layer.op == Op::kConv) q.window = layer.get<WindowAttributes>();
  std::vector<ValueId> inputs = {x->value, weights->value};
  if (layer.input(2) != kNoValue) {
    const auto bias = quantized_bias(rewriter, layer, layer.inputs[2], *weights, &q);
    if (!bias) return std::nullopt;
    inputs.push_back(*bias);
  }
  return Node{layer.op == Op::kConv ? Op::kQConv : Op::kQFullyConnected,
              layer.name,
              std::move(inputs),
              kNoValue,
              std::move(q),
              {}};
}

std::optional<Node> integer_layer_with_bias(Rewriter& rewriter, const Node& add) {
  if (add.op != Op::kAdd) return std::nullopt;
  const Graph& graph = rewriter.graph();
  for (std::size_t i = 0; i < 2; ++i) {
    const ValueId sum = add.inputs[i];
    const Node* producer = rewriter.producer(sum);
    if (producer == nullptr || producer->input(2) != kNoValue || !rewriter.used_once(sum)) continue;
    if (graph.shape(sum) != graph.shape(add.output)) continue;
    // One number for each output: along dimension 1 of images, else along the last.
    const std::size_t from_end = producer->op == Op::kConv ? 3 : 1;
    const Shape& shape = graph.shape(add.inputs[1 - i]);
    const Shape& result = graph.shape(sum);
    if (shape.size() < from_end || result.size() < from_end) continue;
    const std::int64_t outputs = result[result.size() - from_end];
    if (shape[shape.size() - from_end] != outputs || element_count(shape) != outputs) continue;
    Node layer = *producer;
    layer.inputs.resize(2, kNoValue);
    layer.inputs.push_back(add.inputs[1 - i]);
    const bool open =
        layer.activation.low == ops::Clamp{}.low && layer.activation.high == ops::Clamp{}.high;
    if (auto node = open ? integer_layer(rewriter, layer) : std::nullopt) return node;
  }
  return std::nullopt;
}

}  // namespace sz::compiler
