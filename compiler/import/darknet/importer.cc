#include "compiler/import/darknet/importer.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "compiler/import/darknet/layers.h"
#include "compiler/import/darknet/weights.h"

namespace sz::compiler {
namespace {

using darknet::Image;
using darknet::Layer;
using darknet::LayerKind;

constexpr float kLeakySlope = 0.1f;

class Importer {
 public:
  Importer(const darknet::Network& network, darknet::Weights weights,
           const DarknetImportOptions& options)
      : network_(network), weights_(std::move(weights)) {
    graph_.source = options.source;
    graph_.format = "darknet";
    graph_.constant_budget = options.constant_budget;
  }

  Graph run() {
    const Image& in = network_.input;
    const Shape shape = {1, in.channels, in.height, in.width};
    input_ = {graph_.add_value({"data", DType::kF32, shape, nullptr}), true};
    graph_.inputs.push_back(input_.id);
    for (const Layer& layer : network_.layers) {
      const std::size_t first = graph_.nodes.size();
      results_.push_back(add(layer));
      // The last of its values has the layer's name, those before it say what makes them.
      for (std::size_t i = first; i + 1 < graph_.nodes.size(); ++i) {
        graph_.value(graph_.nodes[i].output).name +=
            std::string(".") + to_string(graph_.nodes[i].op);
      }
    }
    for (const std::size_t index : network_.outputs) add_output(index);
    return std::move(graph_);
  }

 private:
  // The result of a layer: an image [1, C, H, W], or a row [1, N] of the same numbers.
  struct Result {
    ValueId id = kNoValue;
    bool is_image = true;
  };

  const Result& result(std::int64_t layer) const {
    return layer == darknet::kNetworkInput ? input_ : results_[static_cast<std::size_t>(layer)];
  }

  void charge(std::uint64_t bytes) {
    if (bytes > graph_.constant_budget) fail(graph_, "the constants take too much memory");
    graph_.constant_budget -= bytes;
  }

  ValueId floats(const Layer& layer, const char* what, Shape shape,
                 const std::vector<float>& values) {
    charge(values.size() * sizeof(float));
    return graph_.add_constant(layer.name + '.' + what, make_f32(std::move(shape), values));
  }

  ValueId integers(const Layer& layer, const std::vector<std::int64_t>& values) {
    charge(values.size() * sizeof(std::int64_t));
    return graph_.add_constant(layer.name + ".integers",
                               make_i64({static_cast<std::int64_t>(values.size())}, values));
  }

  // Adds a node; its result is called like the layer.
  ValueId emit(const Layer& layer, Op op, std::vector<ValueId> inputs, Attributes attributes = {},
               ops::Clamp activation = {}) {
    const ValueId output = graph_.add_value({layer.name, DType::kF32, {}, nullptr});
    graph_.nodes.push_back(
        {op, layer.name, std::move(inputs), output, std::move(attributes), activation});
    return output;
  }

  // The result under the other shape.
  ValueId image(const Layer& layer, const Result& from, const Image& size) {
    if (from.is_image) return from.id;
    const ValueId shape = integers(layer, {1, size.channels, size.height, size.width});
    return emit(layer, Op::kReshape, {from.id, shape}, ReshapeAttributes{});
  }
  ValueId row(const Layer& layer, const Result& from) {
    if (!from.is_image) return from.id;
    return emit(layer, Op::kFlatten, {from.id}, AxisAttributes{1});
  }
  ValueId input_image(const Layer& layer) {
    return image(layer, result(layer.inputs[0]), layer.input);
  }

  Result add(const Layer& layer) {
    switch (layer.kind) {
      case LayerKind::kConvolutional:
        return {convolutional(layer), true};
      case LayerKind::kMaxPool:
        return {emit(layer, Op::kMaxPool, {input_image(layer)}, window(layer)), true};
      case LayerKind::kAveragePool:
        return {emit(layer, Op::kGlobalAveragePool, {input_image(layer)}), true};
      case LayerKind::kConnected:
        return {connected(layer), false};
      case LayerKind::kSoftmax:
        return {softmax(layer), false};
      case LayerKind::kRoute:
        return {route(layer), true};
      case LayerKind::kShortcut:
        return {shortcut(layer), true};
      case LayerKind::kUpsample:
        return {emit(layer, Op::kUpsample, {input_image(layer)},
                     UpsampleAttributes{layer.stride, layer.stride}),
                true};
      case LayerKind::kDropout:  // does nothing at inference; of a head, the input is the output
      case LayerKind::kYolo:
      case LayerKind::kCost:
        return result(layer.inputs[0]);
    }
    fail(graph_, layer.name + " has no meaning");
  }

  static WindowAttributes window(const Layer& layer) {
    WindowAttributes w;
    w.kernel = {layer.size, layer.size};
    w.strides = {layer.stride, layer.stride};
    w.dilations = {1, 1};
    w.pads = {layer.pad_before, layer.pad_before, layer.pad_after, layer.pad_after};
    return w;
  }

  // What stands in front of a layer's weights, in the order of the file: biases, and with
  // normalisation the scales, means and variances.
  struct Parameters {
    std::vector<float> biases, scales, means, variances;
  };
  void take_normalisation(const Layer& layer, Parameters& parameters) {
    if (!layer.batch_normalize) return;
    parameters.scales = weights_.take(layer.biases);
    parameters.means = weights_.take(layer.biases);
    parameters.variances = weights_.take(layer.biases);
  }

  // Darknet divides by sqrt(variance) + 1e-6; the graph, by the root of variance + epsilon.
  ValueId normalise(const Layer& layer, ValueId x, const Parameters& parameters) {
    constexpr double kEpsilon = 1e-6;
    std::vector<float> variances;
    for (const float variance : parameters.variances) {
      const double deviation = std::sqrt(static_cast<double>(variance)) + kEpsilon;
      variances.push_back(static_cast<float>(deviation * deviation));
    }
    const Shape shape = {static_cast<std::int64_t>(layer.biases)};
    return emit(layer, Op::kBatchNorm,
                {x, floats(layer, "scales", shape, parameters.scales),
                 floats(layer, "biases", shape, parameters.biases),
                 floats(layer, "means", shape, parameters.means),
                 floats(layer, "variances", shape, variances)},
                BatchNormAttributes{0.0f});
  }

  ValueId activate(const Layer& layer, ValueId x) {
    switch (layer.activation) {
      case darknet::Activation::kLinear:
        return x;
      case darknet::Activation::kRelu:
        return emit(layer, Op::kClamp, {x}, {}, {0.0f, std::numeric_limits<float>::infinity()});
      case darknet::Activation::kRelu6:
        return emit(layer, Op::kClamp, {x}, {}, {0.0f, 6.0f});
      case darknet::Activation::kLeaky:
        return emit(layer, Op::kLeakyRelu, {x}, LeakyReluAttributes{kLeakySlope});
    }
    return x;
  }

  ValueId convolutional(const Layer& layer) {
    const ValueId x = input_image(layer);
    Parameters parameters;
    parameters.biases = weights_.take(layer.biases);
    take_normalisation(layer, parameters);
    const std::int64_t filters = layer.output.channels;
    const ValueId weights = floats(
        layer, "weights", {filters, layer.input.channels / layer.groups, layer.size, layer.size},
        weights_.take(layer.weights));
    std::vector<ValueId> inputs = {x, weights};
    if (!layer.batch_normalize) {
      inputs.push_back(floats(layer, "biases", {filters}, parameters.biases));
    }
    WindowAttributes attributes = window(layer);
    attributes.groups = layer.groups;
    ValueId y = emit(layer, Op::kConv, std::move(inputs), std::move(attributes));
    if (layer.batch_normalize) y = normalise(layer, y, parameters);
    return activate(layer, y);
  }

  // Here normalisation stands behind the weights.
  ValueId connected(const Layer& layer) {
    const ValueId x = row(layer, result(layer.inputs[0]));
    const std::int64_t in = layer.input.elements();
    const std::int64_t out = layer.output.channels;
    Parameters parameters;
    parameters.biases = weights_.take(layer.biases);
    const bool turned = weights_.transposed();
    const ValueId weights = floats(layer, "weights", turned ? Shape{in, out} : Shape{out, in},
                                   weights_.take(layer.weights));
    take_normalisation(layer, parameters);
    std::vector<ValueId> inputs = {x, weights};
    if (!layer.batch_normalize) {
      inputs.push_back(floats(layer, "biases", {out}, parameters.biases));
    }
    ValueId y = emit(layer, Op::kGemm, std::move(inputs), GemmAttributes{1, 1, false, !turned});
    if (layer.batch_normalize) y = normalise(layer, y, parameters);
    return activate(layer, y);
  }

  ValueId softmax(const Layer& layer) {
    ValueId x = row(layer, result(layer.inputs[0]));
    const std::int64_t count = layer.output.channels;
    if (layer.groups == 1) return emit(layer, Op::kSoftmax, {x}, SoftmaxAttributes{1, false});
    const ValueId rows = integers(layer, {layer.groups, count / layer.groups});
    x = emit(layer, Op::kReshape, {x, rows}, ReshapeAttributes{});
    x = emit(layer, Op::kSoftmax, {x}, SoftmaxAttributes{1, false});
    return emit(layer, Op::kReshape, {x, integers(layer, {1, count})}, ReshapeAttributes{});
  }

  ValueId channels(const Layer& layer, ValueId x, std::int64_t begin, std::int64_t end) {
    return emit(layer, Op::kSlice,
                {x, integers(layer, {begin}), integers(layer, {end}), integers(layer, {1})});
  }

  // One group of the channels of each input, side by side.
  ValueId route(const Layer& layer) {
    std::vector<ValueId> parts;
    for (const std::int64_t from : layer.inputs) {
      const Image& size = network_.layers[static_cast<std::size_t>(from)].output;
      ValueId part = image(layer, result(from), size);
      const std::int64_t share = size.channels / layer.groups;
      if (layer.groups > 1) {
        part = channels(layer, part, layer.group * share, (layer.group + 1) * share);
      }
      parts.push_back(part);
    }
    if (parts.size() == 1) return parts[0];
    return emit(layer, Op::kConcat, std::move(parts), AxisAttributes{1});
  }

  ValueId shortcut(const Layer& layer) {
    ValueId sum = input_image(layer);
    for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
      const std::int64_t from = layer.inputs[i];
      const Image& size = network_.layers[static_cast<std::size_t>(from)].output;
      sum = add_image(layer, sum, image(layer, result(from), size), size);
    }
    return activate(layer, sum);
  }

  // Adds `x`, an image of `size`, to `sum`, which has the size of the layer. Of more rows and
  // columns every n-th is taken; channels that only one of the two has stay as they are, or are
  // left out.
  ValueId add_image(const Layer& layer, ValueId sum, ValueId x, const Image& size) {
    const std::int64_t stride = darknet::shortcut_stride(size, layer.input);
    if (stride > 1) {
      x = emit(layer, Op::kSlice,
               {x, integers(layer, {0, 0}), integers(layer, {size.height, size.width}),
                integers(layer, {2, 3}), integers(layer, {stride, stride})});
    }
    const std::int64_t all = layer.input.channels;
    if (size.channels > all) x = channels(layer, x, 0, all);
    if (size.channels >= all) return emit(layer, Op::kAdd, {sum, x});
    const ValueId first = channels(layer, sum, 0, size.channels);
    const ValueId rest = channels(layer, sum, size.channels, all);
    return emit(layer, Op::kConcat, {emit(layer, Op::kAdd, {first, x}), rest}, AxisAttributes{1});
  }

  void add_output(std::size_t index) {
    const Layer& layer = network_.layers[index];
    const Result& value = results_[index];
    const Image& size = layer.output;
    DeclaredOutput& declared = graph_.declared_outputs.emplace_back();
    declared.name = layer.name;
    declared.has_shape = true;
    declared.dims = value.is_image ? Shape{1, size.channels, size.height, size.width}
                                   : Shape{1, size.elements()};
    graph_.outputs.push_back(value.id);
  }

  const darknet::Network& network_;
  darknet::Weights weights_;
  Graph graph_;
  Result input_;
  std::vector<Result> results_;  // by layer
};

}  // namespace

Graph import_darknet(std::string_view cfg, std::span<const std::byte> weights,
                     const DarknetImportOptions& options) {
  const darknet::Network network = darknet::read_network(cfg, options.source);
  return Importer(network, darknet::Weights(weights, options.weights_source, network), options)
      .run();
}

}  // namespace sz::compiler
