#include "compiler/passes/affine.h"

#include <algorithm>
#include <cmath>

namespace sz::compiler {
namespace {

// Gives `layer` a new constant for input `index`; the old one is given back if nobody else has it.
void set_constant(Rewriter& rewriter, Node& layer, std::size_t index, ConstantPtr constant) {
  Graph& graph = rewriter.graph();
  const ValueId old = layer.input(index);
  const std::string name =
      old == kNoValue ? layer.name + ".bias" : std::string(graph.value(old).name);
  if (old != kNoValue && rewriter.used_once(old)) {
    graph.constant_budget += graph.constant(old)->bytes.size();
    graph.value(old).constant = nullptr;
    graph.value(old).shape.reset();
  }
  if (constant->bytes.size() > graph.constant_budget) {
    fail(graph, layer, "its folded constants take too much memory");
  }
  graph.constant_budget -= constant->bytes.size();
  if (layer.inputs.size() <= index) layer.inputs.resize(index + 1, kNoValue);
  rewriter.set_input(layer, index, graph.add_constant(name, std::move(constant)));
}

float checked(const Graph& graph, const Node& layer, double value) {
  const auto rounded = static_cast<float>(value);
  if (!std::isfinite(rounded)) {
    fail(graph, layer, "folding the scale or shift behind it gives a constant that is not finite");
  }
  return rounded;
}

}  // namespace

bool is_scalable_layer(const Graph& graph, const Node& node) {
  if (node.op != Op::kConv && node.op != Op::kFullyConnected) return false;
  return std::isinf(node.activation.low) && std::isinf(node.activation.high) &&
         graph.constant(node.inputs[1]) != nullptr &&
         (node.input(2) == kNoValue || graph.constant(node.inputs[2]) != nullptr);
}

std::int64_t layer_outputs(const Graph& graph, const Node& node) {
  return graph.shape(node.inputs[1])[0];
}

void scale_layer(Rewriter& rewriter, Node& layer, std::span<const double> scale,
                 std::span<const double> shift) {
  const Graph& graph = rewriter.graph();
  const auto outputs = static_cast<std::size_t>(layer_outputs(graph, layer));
  std::vector<float> bias(outputs);
  for (std::size_t m = 0; m < outputs; ++m) {
    const double before = layer.input(2) == kNoValue
                              ? 0.0
                              : static_cast<double>(graph.constant(layer.inputs[2])->f32()[m]);
    bias[m] = checked(graph, layer, before * scale[m] + shift[m]);
  }
  set_constant(rewriter, layer, 2, make_f32({static_cast<std::int64_t>(outputs)}, bias));
  if (std::all_of(scale.begin(), scale.end(), [](double s) { return s == 1.0; })) return;

  const Constant& old = *graph.constant(layer.inputs[1]);
  std::vector<float> weights(old.f32().begin(), old.f32().end());
  const std::size_t row = weights.size() / outputs;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = checked(graph, layer, static_cast<double>(weights[i]) * scale[i / row]);
  }
  set_constant(rewriter, layer, 1, make_f32(old.shape, weights));
}

}  // namespace sz::compiler
