// From Dequantize, operator, Quantize to one integer operator.
#include <limits>
#include <utility>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/quantization/lookup_tables.h"
#include "compiler/passes/quantization/moved_integers.h"
#include "compiler/passes/quantization/quantized_layers.h"
#include "compiler/passes/quantization/quantized_values.h"

namespace sz::compiler {
namespace {

bool same(const Quantization& a, const Quantization& b) {
  return a.scale == b.scale && a.zero == b.zero;
}

class Fuser {
 public:
  Fuser(Rewriter& rewriter, const Evaluator& evaluator)
      : rewriter_(rewriter), graph_(rewriter.graph()), evaluator_(evaluator) {}

  void visit(Node& node) {
    if (node.op == Op::kQuantizeLinear && quantize_node(node)) return;
    if (sink(node)) return;
    rewriter_.emit(node);
  }

 private:
  // What `node` quantises to, and what is made of its input on the way.
  struct Target {
    Quantization quantization;
    DType type = DType::kI8;
    ops::Clamp clamp;  // between the operator and the quantisation
    const Node* source = nullptr;
  };

  bool quantize_node(const Node& node) {
    const auto output = per_tensor(graph_, node);
    if (!output) return false;
    if (remove_pair(node, *output)) return true;
    Target target{*output, graph_.value(node.output).dtype, {}, nullptr};
    if (find_source(node, &target)) {
      const Node source = *target.source;  // emitting moves it
      auto fused = integer_node(source, target);
      if (!fused) fused = integer_concat(source, target, node);
      if (fused) return emit(std::move(*fused), node);
    }
    auto lookup = lookup_for(rewriter_, node, *output, evaluator_);
    return lookup && emit(std::move(*lookup), node);
  }

  bool emit(Node fused, const Node& quantize) {
    fused.output = quantize.output;
    rewriter_.emit(std::move(fused));
    return true;
  }

  // Quantising again what was just dequantised.
  bool remove_pair(const Node& node, const Quantization& output) {
    const auto x = dequantized(rewriter_, node.inputs[0]);
    if (!x || x->type != graph_.value(node.output).dtype || !same(x->quantization, output)) {
      return false;
    }
    rewriter_.replace(node.output, x->value);
    return true;
  }

  // The operator before the quantisation, over the clamps between; each is read by the next only.
  bool find_source(const Node& quantize, Target* target) {
    ValueId id = quantize.inputs[0];
    while (rewriter_.used_once(id)) {
      const Node* node = rewriter_.producer(id);
      if (node == nullptr) return false;
      const auto clamp = clamp_of(graph_, *node);
      if (!clamp) {
        target->clamp = compose(node->activation, target->clamp);
        target->source = node;
        return true;
      }
      target->clamp = compose(*clamp, target->clamp);
      id = node->inputs[0];
    }
    return false;
  }

  // Clamping before or after quantising is the same: both are monotonic.
  void set_output(const Target& target, QuantAttributes* q) const {
    q->rescale = Rescale::kFloat;
    q->type = target.type;
    q->output = target.quantization;
    q->low = quantize(target.clamp.low, target.quantization, target.type);
    q->high = quantize(target.clamp.high, target.quantization, target.type);
  }

  std::optional<Node> integer_node(const Node& source, const Target& target) {
    std::optional<Node> node = integer_layer(rewriter_, source);
    if (!node) node = integer_layer_with_bias(rewriter_, source);
    if (!node) node = binary(source);
    if (!node) node = average(source);
    if (node) set_output(target, &node->get<QuantAttributes>());
    return node;
  }

  std::optional<Node> binary(const Node& source) {
    Op op{};
    switch (source.op) {
      case Op::kAdd:
        op = Op::kQAdd;
        break;
      case Op::kSub:
        op = Op::kQSub;
        break;
      case Op::kMul:
        op = Op::kQMul;
        break;
      default:
        return std::nullopt;
    }
    const auto a = dequantized(rewriter_, source.inputs[0]);
    const auto b = dequantized(rewriter_, source.inputs[1]);
    if (!a || !b) return std::nullopt;
    QuantAttributes q;
    q.inputs = {a->quantization, b->quantization};
    return Node{op, source.name, {a->value, b->value}, kNoValue, std::move(q), {}};
  }

  std::optional<Node> average(const Node& source) {
    const bool window = source.op == Op::kAveragePool;
    if (!window && source.op != Op::kGlobalAveragePool && !is_image_mean(source)) {
      return std::nullopt;
    }
    const auto x = dequantized(rewriter_, source.inputs[0]);
    if (!x) return std::nullopt;
    QuantAttributes q;
    q.inputs = {x->quantization};
    if (window) q.window = source.get<WindowAttributes>();
    const Op op = window ? Op::kQAveragePool : Op::kQGlobalAveragePool;
    return Node{op, source.name, {x->value}, kNoValue, std::move(q), {}};
  }

  // The mean over height and width, which stay as dimensions of 1.
  bool is_image_mean(const Node& node) const {
    if (node.op != Op::kReduceMean || !node.get<ReduceAttributes>().keep_dims) return false;
    const Shape& x = graph_.shape(node.inputs[0]);
    Shape mean = x;
    if (x.size() != 4) return false;
    mean[2] = mean[3] = 1;
    return graph_.shape(node.output) == mean && x[1] != 1;
  }

  // A concatenation of values with other scales than the result's: each is rescaled first.
  std::optional<Node> integer_concat(const Node& source, const Target& target,
                                     const Node& quantize) {
    if (source.op != Op::kConcat) return std::nullopt;
    std::vector<QuantizedValue> parts;
    for (const ValueId id : source.inputs) {
      const auto part = dequantized(rewriter_, id);
      if (!part) return std::nullopt;
      parts.push_back(*part);
    }
    Node concat{Op::kConcat, source.name, {}, kNoValue, source.attributes, {}};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      concat.inputs.push_back(rescaled(parts[i], source.inputs[i], target, quantize));
    }
    return concat;
  }

  ValueId rescaled(const QuantizedValue& x, ValueId real, const Target& target,
                   const Node& quantize) {
    const bool open = target.clamp.low == -std::numeric_limits<float>::infinity() &&
                      target.clamp.high == std::numeric_limits<float>::infinity();
    if (open && x.type == target.type && same(x.quantization, target.quantization)) return x.value;
    Node again = quantize;
    if (!open) {
      const ValueId bounded =
          rewriter_.temporary(quantize.name + ".clamped", DType::kF32, graph_.shape(real));
      rewriter_.emit({Op::kClamp, quantize.name, {real}, bounded, {}, target.clamp});
      real = bounded;
    }
    again.inputs[0] = real;
    again.output = rewriter_.temporary(quantize.name + ".part", target.type, graph_.shape(real));
    const ValueId result = again.output;
    auto lookup = lookup_for(rewriter_, again, target.quantization, evaluator_);
    if (!lookup) throw InternalError(graph_.source + ": '" + quantize.name + "' has no table");
    lookup->output = result;
    rewriter_.emit(std::move(*lookup));
    return result;
  }

  // Lets the node move the quantised numbers, and dequantises what it gives.
  bool sink(const Node& node) {
    const std::size_t count = moved_operands(node);
    if (count == 0) return false;
    std::vector<QuantizedValue> parts;
    for (std::size_t i = 0; i < count; ++i) {
      const auto part = dequantized(rewriter_, node.inputs[i]);
      if (!part || part->type != (parts.empty() ? part->type : parts[0].type)) return false;
      if (!parts.empty() && !same(part->quantization, parts[0].quantization)) return false;
      parts.push_back(*part);
    }
    const Node* dequantize = rewriter_.producer(node.inputs[0]);
    Node back{Op::kDequantizeLinear, node.name,        dequantize->inputs,
              node.output,           AxisAttributes{}, {}};
    auto on_integers = moved_integers(graph_, node, parts[0]);
    if (!on_integers) return false;
    Node& moved = *on_integers;
    for (std::size_t i = 0; i < count; ++i) moved.inputs[i] = parts[i].value;
    moved.output =
        rewriter_.temporary(node.name + ".quantized", parts[0].type, graph_.shape(node.output));
    back.inputs[0] = moved.output;
    if (!fold_weights(moved)) rewriter_.emit(std::move(moved));
    rewriter_.emit(std::move(back));
    return true;
  }

  // Weights that the file transposes: the layer behind wants a constant.
  bool fold_weights(const Node& moved) {
    const Constant* x = graph_.constant(moved.inputs[0]);
    if (x == nullptr) return false;
    ConstantPtr result;
    switch (moved.op) {
      case Op::kTranspose:
        result = transposed(*x, permutation(graph_, moved, x->shape.size()));
        break;
      case Op::kReshape:
      case Op::kFlatten:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
        result = reshaped(*x, graph_.shape(moved.output));
        break;
      default:
        return false;
    }
    graph_.value(moved.output).constant = std::move(result);
    return true;
  }

  Rewriter& rewriter_;
  Graph& graph_;
  const Evaluator& evaluator_;
};

// Layers whose result stays real: their accumulators are dequantised, channel by channel.
void integer_accumulators(Node& node, Rewriter& rewriter) {
  auto layer = integer_layer(rewriter, node);
  if (!layer) return rewriter.emit(node);
  Graph& graph = rewriter.graph();
  const Shape shape = graph.shape(node.output);
  const ValueId sums = rewriter.temporary(node.name + ".accumulators", DType::kI32, shape);
  layer->output = sums;
  const auto q = layer->get<QuantAttributes>();
  std::vector<float> scales;
  for (const double scale : q.weight_scales) {
    scales.push_back(static_cast<float>(q.inputs[0].scale * scale));
  }
  if (layer->op == Op::kQMatMul) {
    scales = {static_cast<float>(q.inputs[0].scale * q.inputs[1].scale)};
  }
  const auto count = static_cast<std::int64_t>(scales.size());
  const ValueId scale = graph.add_constant(node.name + ".scales",
                                           make_f32(count == 1 ? Shape{} : Shape{count}, scales));
  const std::int64_t axis = layer->op == Op::kQConv ? 1 : -1;
  rewriter.emit(std::move(*layer));
  const ops::Clamp none;
  const bool open = node.activation.low == none.low && node.activation.high == none.high;
  const ValueId real =
      open ? node.output : rewriter.temporary(node.name + ".real", DType::kF32, shape);
  rewriter.emit({Op::kDequantizeLinear, node.name, {sums, scale}, real, AxisAttributes{axis}, {}});
  if (!open) rewriter.emit({Op::kClamp, node.name, {real}, node.output, {}, node.activation});
}

// Dequantised constants that no integer operator has taken are f32 constants from here on.
void fold_dequantized(Graph& graph) {
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    ConstantPtr constant;
    const bool dequantize = node.op == Op::kDequantizeLinear;
    const auto bytes = static_cast<std::uint64_t>(element_count(graph.shape(node.output))) * 4;
    if (dequantize && bytes <= graph.constant_budget) constant = dequantize_constant(graph, node);
    if (constant) {
      graph.constant_budget -= bytes;
      graph.value(node.output).constant = std::move(constant);
    } else {
      kept.push_back(std::move(node));
    }
  }
  graph.nodes = std::move(kept);
}

bool is_quantised(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (node.op == Op::kDequantizeLinear) return true;
  }
  return false;
}

}  // namespace

void fuse_quantization(Graph& graph, const Evaluator& evaluator) {
  if (!is_quantised(graph)) return;
  Rewriter::run(graph, [&evaluator](Node& node, Rewriter& rewriter) {
    Fuser(rewriter, evaluator).visit(node);
  });
  remove_dead_code(graph);
  Rewriter::run(graph, integer_accumulators);
  remove_dead_code(graph);
  fold_dequantized(graph);
  fold_constants(graph, evaluator);
}

}  // namespace sz::compiler
