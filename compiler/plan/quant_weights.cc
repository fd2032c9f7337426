#include "compiler/plan/quant_weights.h"

#include <cstring>
#include <optional>
#include <span>

#include "compiler/plan/rescaling.h"
#include "ops/quantized/pack.h"

namespace sz::compiler {
namespace {

// What a blob is packed from, with memory of its own.
struct Parameters {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias, multipliers, shifts;
  std::vector<float> scales, rests;
  ops::QuantParameters view;
};

template <typename T>
std::vector<T> elements(const Constant& constant) {
  std::vector<T> values(constant.bytes.size() / sizeof(T));
  std::memcpy(values.data(), constant.bytes.data(), values.size() * sizeof(T));
  return values;
}

// A factor for each scale of the weights: sx * sw / sy.
void add_factors(const QuantAttributes& q, Parameters* p) {
  for (const double weight_scale : q.weight_scales) {
    const double factor = q.inputs[0].scale * weight_scale / q.output.scale;
    if (q.rescale == Rescale::kFloat) {
      p->scales.push_back(static_cast<float>(factor));
    } else {
      const FixedPoint fixed = fixed_point(factor);
      p->multipliers.push_back(fixed.multiplier);
      p->shifts.push_back(fixed.shift);
    }
  }
  for (std::size_t m = 0; m < q.bias_rests.size() && q.rescale == Rescale::kFloat; ++m) {
    const double weight_scale = q.weight_scales[q.weight_scales.size() == 1 ? 0 : m];
    const double factor = q.inputs[0].scale * weight_scale / q.output.scale;
    p->rests.push_back(static_cast<float>(q.bias_rests[m] * factor));
  }
  p->view.mode =
      q.rescale == Rescale::kFloat ? ops::Rescaling::kFloat : ops::Rescaling::kFixedPoint;
  p->view.multipliers = p->multipliers;
  p->view.shifts = p->shifts;
  p->view.scales = p->scales;
  p->view.rests = p->rests;
}

void fill(const Graph& graph, const Node& node, const Constant& weights, Parameters* p) {
  const auto& q = node.get<QuantAttributes>();
  p->weights = elements<std::int8_t>(weights);
  if (const Constant* bias = graph.constant(node.input(2))) p->bias = elements<std::int32_t>(*bias);
  p->view.weights = p->weights;
  p->view.bias = p->bias;
  p->view.x_zero = q.inputs[0].zero;
  p->view.weight_zero = q.weight_zero;
  if (q.type == DType::kI32) {
    p->view.mode = ops::Rescaling::kNone;
  } else {
    add_factors(q, p);
  }
}

std::shared_ptr<std::vector<std::byte>> blob(const Graph& graph, const Node& node,
                                             std::optional<std::uint64_t> bytes) {
  if (!bytes || *bytes > kMaxTensorBytes) {
    fail(graph, node,
         "its quantised weights are too many: more than " + std::to_string(ops::kMaxQuantInputs) +
             " for one output, or more than 1 GiB");
  }
  return std::make_shared<std::vector<std::byte>>(*bytes);
}

[[noreturn]] void complain(const Graph& graph, const Node& node) {
  fail(graph, node,
       "its biases (with what the zero point of the input adds to them) do not fit 32 bits, or its "
       "scales do not fit the device's");
}

}  // namespace

Blob pack_quantized_conv(const Graph& graph, const Node& node) {
  const Shape& w = graph.shape(node.inputs[1]);
  const auto groups = static_cast<std::uint32_t>(node.get<QuantAttributes>().window.groups);
  const ops::ConvWeightShape shape{
      static_cast<std::uint32_t>(w[1]) * groups, static_cast<std::uint32_t>(w[0]), groups,
      static_cast<std::uint32_t>(w[2]), static_cast<std::uint32_t>(w[3])};
  const auto packed = blob(graph, node, ops::packed_qconv2d_bytes(shape));
  Parameters parameters;
  fill(graph, node, *graph.constant(node.inputs[1]), &parameters);
  if (!ops::pack_qconv2d(parameters.view, shape, *packed)) complain(graph, node);
  return packed;
}

Blob pack_quantized_layer(const Graph& graph, const Node& node, const Shape& image) {
  const Shape& w = graph.shape(node.inputs[1]);
  const Constant* weights = graph.constant(node.inputs[1]);
  ConstantPtr permuted;
  if (!image.empty()) {
    static constexpr std::int64_t kToHwc[] = {0, 2, 3, 1};
    permuted = transposed(*reshaped(*weights, {w[0], image[0], image[1], image[2]}), kToHwc);
    weights = permuted.get();
  }
  const auto outputs = static_cast<std::uint32_t>(w[0]);
  const auto inputs = static_cast<std::uint32_t>(w[1]);
  const auto packed = blob(graph, node, ops::packed_qfully_connected_bytes(outputs, inputs));
  Parameters parameters;
  fill(graph, node, *weights, &parameters);
  if (!ops::pack_qfully_connected(parameters.view, outputs, inputs, *packed)) complain(graph, node);
  return packed;
}

}  // namespace sz::compiler
