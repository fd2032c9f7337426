#include <cmath>

#include "compiler/passes/affine.h"
#include "compiler/passes/passes.h"

namespace sz::compiler {
namespace {

struct Affine {
  std::vector<double> scale, shift;  // y = x * scale + shift, by channel
};

Affine affine_of(const Graph& graph, const Node& node) {
  const Constant* parameter[4];
  for (std::size_t i = 0; i < 4; ++i) {
    parameter[i] = graph.constant(node.inputs[i + 1]);
    if (parameter[i] == nullptr) {
      fail(graph, node, "its parameters must be known when the model is compiled");
    }
  }
  const auto at = [&](std::size_t which, std::size_t i) {
    return static_cast<double>(parameter[which]->f32()[i]);
  };
  Affine affine;
  for (std::size_t i = 0; i < parameter[0]->f32().size(); ++i) {
    const double spread = at(3, i) + static_cast<double>(node.get<BatchNormAttributes>().epsilon);
    if (!(spread > 0)) {
      fail(graph, node, "the variance of channel " + std::to_string(i) + " is not positive");
    }
    const double scale = at(0, i) / std::sqrt(spread);
    affine.scale.push_back(scale);
    affine.shift.push_back(at(1, i) - at(2, i) * scale);
    if (!std::isfinite(affine.scale.back()) || !std::isfinite(affine.shift.back())) {
      fail(graph, node, "the parameters of channel " + std::to_string(i) + " are not finite");
    }
  }
  return affine;
}

// The layer's outputs must be the channels: the last dimension of a fully connected layer is
// dimension 1 only if it makes a matrix.
bool scales_channels(const Graph& graph, const Node& layer) {
  return layer.op == Op::kConv || graph.shape(layer.output).size() == 2;
}

ValueId channel_constant(Graph& graph, const std::string& name, const std::vector<double>& values,
                         std::size_t rank) {
  Shape shape(rank, 1);
  shape[1] = static_cast<std::int64_t>(values.size());
  const std::vector<float> rounded(values.begin(), values.end());
  return graph.add_constant(name, make_f32(shape, rounded));
}

void spell_out(Rewriter& rewriter, const Node& node, const Affine& affine) {
  Graph& graph = rewriter.graph();
  const Shape shape = graph.shape(node.output);
  const ValueId scale = channel_constant(graph, node.name + ".scale", affine.scale, shape.size());
  const ValueId shift = channel_constant(graph, node.name + ".shift", affine.shift, shape.size());
  const ValueId scaled = rewriter.temporary(node.name + ".scaled", DType::kF32, shape);
  rewriter.emit({Op::kMul, node.name, {node.inputs[0], scale}, scaled, {}, {}});
  rewriter.emit({Op::kAdd, node.name, {scaled, shift}, node.output, {}, {}});
}

}  // namespace

void fold_batch_norm(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    if (node.op != Op::kBatchNorm) return rewriter.emit(node);
    const Graph& g = rewriter.graph();
    const Affine affine = affine_of(g, node);
    Node* layer = rewriter.producer(node.inputs[0]);
    if (layer != nullptr && is_scalable_layer(g, *layer) && scales_channels(g, *layer) &&
        rewriter.used_once(node.inputs[0])) {
      scale_layer(rewriter, *layer, affine.scale, affine.shift);
      rewriter.replace(node.output, node.inputs[0]);
    } else {
      spell_out(rewriter, node, affine);
    }
  });
}

}  // namespace sz::compiler
