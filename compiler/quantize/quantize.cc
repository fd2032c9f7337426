#include "compiler/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "compiler/host/fold_on_engine.h"
#include "compiler/passes/passes.h"
#include "compiler/passes/quantization/quantized_values.h"
#include "compiler/quantize/choice.h"
#include "compiler/quantize/comparison.h"
#include "compiler/quantize/integer_weights.h"
#include "compiler/quantize/probe.h"
#include "compiler/quantize/ranges.h"
#include "compiler/quantize/split_fused.h"

namespace sz::compiler {
namespace {

using Progress = std::function<void(std::string_view)>;

// What was measured of the values that become 8 bits.
struct Measured {
  std::vector<ValueId> values;
  std::vector<Distribution> distributions;
  std::vector<ChannelMeans> means;
  std::map<ValueId, std::size_t> index;  // of a value in the lists
};

void tell(const Progress& progress, const std::string& what) {
  if (progress) progress(what);
}

Measured measure(const Graph& graph, const QuantizationChoice& choice,
                 const CalibrationInputs& inputs, const Progress& progress) {
  Measured m;
  for (ValueId id = 0; id < graph.values.size(); ++id) {
    if (!choice.quantised[id]) continue;
    m.index[id] = m.values.size();
    m.values.push_back(id);
    m.distributions.emplace_back();
    m.means.emplace_back(graph.shape(id));
  }
  if (m.values.empty()) {
    fail(graph,
         "nothing in the network can be quantised (it has no convolution and no fully "
         "connected layer)");
  }
  Probe probe(graph, m.values, false);
  for (std::size_t i = 0; i < inputs.count; ++i) {
    tell(progress,
         "ranges: sample " + std::to_string(i + 1) + " of " + std::to_string(inputs.count));
    probe.run(checked_sample(graph, inputs, i), [&](std::size_t k, const std::vector<float>& x) {
      if (!m.distributions[k].widen(x)) {
        fail(graph, "'" + graph.value(m.values[k]).name + "' is not finite for the sample " +
                        inputs.name(i) + "; ranges cannot be measured with it");
      }
      m.means[k].add(x);
    });
  }
  for (std::size_t i = 0; i < inputs.count; ++i) {
    tell(progress,
         "distributions: sample " + std::to_string(i + 1) + " of " + std::to_string(inputs.count));
    probe.run(checked_sample(graph, inputs, i),
              [&](std::size_t k, const std::vector<float>& x) { m.distributions[k].count(x); });
  }
  return m;
}

// Puts Quantize and Dequantize behind every value that becomes 8 bits, and dequantised integers in
// the place of weights. The pass fuse_quantization makes integer operators of that.
class Inserter {
 public:
  Inserter(Graph& graph, const QuantizationChoice& choice, const Measured& measured,
           const QuantizeOptions& options)
      : graph_(graph), choice_(choice), measured_(measured), options_(options) {
    for (const ValueId id : measured.values) {
      const auto range = measured.distributions[measured.index.at(id)].range(options.range);
      const auto [at, fresh] = ranges_.insert({choice.group[id], range});
      if (fresh) continue;
      at->second.low = std::min(at->second.low, range.low);
      at->second.high = std::max(at->second.high, range.high);
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (choice.integer[i] && graph.nodes[i].op == Op::kConcat) cover_constants(graph.nodes[i]);
    }
  }

  // The value in its place behind the quantisation, for each that has one.
  const std::map<ValueId, ValueId>& dequantised() const { return dequantised_; }
  Distribution::Range range(ValueId id) const { return ranges_.at(choice_.group[id]); }

  void run() {
    const std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (const ValueId id : graph_.inputs) quantise(id);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Node node = nodes[i];
      if (choice_.integer[i] && is_layer(node)) replace_weights(&node);
      if (choice_.integer[i] && node.op == Op::kConcat) replace_constants(&node);
      for (ValueId& id : node.inputs) id = current(id);
      graph_.nodes.push_back(node);
      quantise(node.output);
    }
    for (ValueId& id : graph_.outputs) id = current(id);
  }

 private:
  // The range of a concatenation contains its constant parts.
  void cover_constants(const Node& concat) {
    Distribution::Range& range = ranges_.at(choice_.group[concat.output]);
    for (const ValueId id : concat.inputs) {
      const Constant* constant = graph_.constant(id);
      if (constant == nullptr) continue;
      for (const float x : constant->f32()) {
        if (!std::isfinite(x)) fail(graph_, concat, "a constant part is not finite");
        range.low = std::min(range.low, static_cast<double>(x));
        range.high = std::max(range.high, static_cast<double>(x));
      }
    }
  }

  // Dequantised integers in the place of the constant parts.
  void replace_constants(Node* concat) {
    const Quantization q = quantization_of(range(concat->output));
    for (ValueId& id : concat->inputs) {
      const Constant* constant = graph_.constant(id);
      if (constant == nullptr) continue;
      auto integers = std::make_shared<Constant>();
      integers->dtype = DType::kI8;
      integers->shape = constant->shape;
      for (const float x : constant->f32()) {
        integers->bytes.push_back(static_cast<std::byte>(
            static_cast<std::int8_t>(sz::compiler::quantize(x, q, DType::kI8))));
      }
      const std::string name = graph_.value(id).name;
      const Shape shape = constant->shape;
      const ValueId numbers = add_constant(name, std::move(integers));
      const ValueId real = value(name, DType::kF32, shape);
      const ValueId scale = scalar_constant(graph_, name + ".scale", DType::kF32, q.scale);
      const ValueId zero = scalar_constant(graph_, name + ".zero", DType::kI8, q.zero);
      graph_.nodes.push_back({Op::kDequantizeLinear,
                              concat->name,
                              {numbers, scale, zero},
                              real,
                              AxisAttributes{},
                              {}});
      id = real;
    }
  }

  ValueId current(ValueId id) const {
    const auto found = dequantised_.find(id);
    return found == dequantised_.end() ? id : found->second;
  }

  ValueId add_constant(const std::string& name, ConstantPtr constant) {
    if (constant->bytes.size() > graph_.constant_budget) {
      fail(graph_, "the quantised constants take too much memory");
    }
    graph_.constant_budget -= constant->bytes.size();
    return graph_.add_constant(name, std::move(constant));
  }

  ValueId value(const std::string& name, DType type, Shape shape) {
    return graph_.add_value({name, type, std::move(shape), nullptr});
  }

  void quantise(ValueId id) {
    if (id >= choice_.quantised.size() || !choice_.quantised[id]) return;
    const Quantization q = quantization_of(range(id));
    const std::string name = graph_.value(id).name;
    const Shape shape = graph_.shape(id);
    const ValueId scale = scalar_constant(graph_, name + ".scale", DType::kF32, q.scale);
    const ValueId zero = scalar_constant(graph_, name + ".zero", DType::kI8, q.zero);
    const ValueId integers = value(name + ".i8", DType::kI8, shape);
    const ValueId real = value(name, DType::kF32, shape);
    graph_.nodes.push_back(
        {Op::kQuantizeLinear, name, {id, scale, zero}, integers, AxisAttributes{}, {}});
    graph_.nodes.push_back(
        {Op::kDequantizeLinear, name, {integers, scale, zero}, real, AxisAttributes{}, {}});
    dequantised_[id] = real;
  }

  void replace_weights(Node* layer) {
    const ValueId x = layer->inputs[0];
    const double x_scale = quantization_of(range(x)).scale;
    std::vector<double> means;
    if (options_.correct_bias) means = means_of(x, *layer);
    const IntegerWeights w = integer_weights(graph_, *layer, x_scale, means);
    const std::string name = graph_.value(layer->inputs[1]).name;
    const ValueId integers = add_constant(name, w.weights);
    const ValueId scales = add_constant(name + ".scales", w.scales);
    const ValueId real = value(name, DType::kF32, w.weights->shape);
    graph_.nodes.push_back(
        {Op::kDequantizeLinear, layer->name, {integers, scales}, real, AxisAttributes{0}, {}});
    layer->inputs = {x, real, add_constant(layer->name + ".bias", w.bias)};
  }

  // None where the channels of the value are not the inputs of the layer.
  std::vector<double> means_of(ValueId x, const Node& layer) const {
    std::vector<double> means = measured_.means[measured_.index.at(x)].means();
    const Shape& w = graph_.shape(layer.inputs[1]);
    const std::int64_t groups = layer.op == Op::kConv ? layer.get<WindowAttributes>().groups : 1;
    const auto inputs = static_cast<std::size_t>(w[1] * groups);
    return means.size() == inputs ? means : std::vector<double>{};
  }

  Graph& graph_;
  const QuantizationChoice& choice_;
  const Measured& measured_;
  const QuantizeOptions& options_;
  std::map<ValueId, Distribution::Range> ranges_;  // by group
  std::map<ValueId, ValueId> dequantised_;
};

}  // namespace

QuantizationReport quantize_graph(Graph& graph, const QuantizeOptions& options,
                                  const Progress& progress) {
  if (options.calibration.count == 0) {
    fail(graph, "there are no samples to measure ranges with");
  }
  split_fused(graph);
  const Graph real = graph;
  const QuantizationChoice choice = choose_integers(graph, options);
  const Measured measured = measure(graph, choice, options.calibration, progress);
  Inserter inserter(graph, choice, measured, options);
  inserter.run();
  verify(graph, "quantise", true);

  QuantizationReport report;
  report.samples = options.calibration.count;
  report.kept_float = choice.kept_float;
  Compared compared;
  for (const Node& node : real.nodes) {
    const auto found = inserter.dequantised().find(node.output);
    if (found == inserter.dequantised().end()) continue;
    compared.real.push_back(node.output);
    compared.quantised.push_back(found->second);
    const auto range = inserter.range(node.output);
    report.values.push_back({node.name, to_string(node.op), 0, range.low, range.high});
  }
  compare(real, graph, compared, options.calibration, progress, &report);
  run_passes(graph, progress, fold_on_engine);
  return report;
}

}  // namespace sz::compiler
