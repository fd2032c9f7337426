#include "compiler/quantize/integer_weights.h"

#include <algorithm>
#include <cmath>

namespace sz::compiler {
namespace {

// A scale that leaves room for the bias in 32 bits, too.
double scale_of(std::span<const float> weights, double bias, double x_scale) {
  constexpr double kMostBias = 1 << 30;
  double largest = 0;
  for (const float w : weights) largest = std::max(largest, std::abs(static_cast<double>(w)));
  const double scale = std::max(largest / 127, std::abs(bias) / x_scale / kMostBias);
  constexpr double kLeastScale = 1e-30;  // of an output without weights
  return static_cast<double>(static_cast<float>(std::max(scale, kLeastScale)));
}

}  // namespace

IntegerWeights integer_weights(const Graph& graph, const Node& layer, double x_scale,
                               std::span<const double> x_means) {
  const Constant& real = *graph.constant(layer.inputs[1]);
  const Constant* bias = graph.constant(layer.input(2));
  const auto outputs = static_cast<std::size_t>(real.shape[0]);
  const std::size_t inputs = real.f32().size() / outputs;
  const bool conv = layer.op == Op::kConv;
  // The channels of the group that an output belongs to, and how many weights each has.
  const std::size_t channels = conv ? static_cast<std::size_t>(real.shape[1]) : inputs;
  const std::size_t taps = inputs / channels;
  const std::size_t groups =
      conv ? static_cast<std::size_t>(layer.get<WindowAttributes>().groups) : 1;

  auto weights = std::make_shared<Constant>();
  weights->dtype = DType::kI8;
  weights->shape = real.shape;
  weights->bytes.resize(real.f32().size());
  std::vector<float> scales, biases;
  for (std::size_t m = 0; m < outputs; ++m) {
    const auto row = real.f32().subspan(m * inputs, inputs);
    double shift = bias == nullptr ? 0.0 : static_cast<double>(bias->f32()[m]);
    for (const float w : row) {
      if (!std::isfinite(w)) fail(graph, layer, "a weight is not finite");
    }
    if (!std::isfinite(shift)) fail(graph, layer, "a bias is not finite");
    const double scale = scale_of(row, shift, x_scale);
    const std::size_t first = m / (outputs / groups) * channels;  // channel of x
    for (std::size_t k = 0; k < inputs; ++k) {
      const double w = static_cast<double>(row[k]);
      const double q = std::clamp(std::nearbyint(w / scale), -127.0, 127.0);
      weights->bytes[m * inputs + k] = static_cast<std::byte>(static_cast<std::int8_t>(q));
      if (!x_means.empty()) shift += (w - q * scale) * x_means[first + k / taps];
    }
    scales.push_back(static_cast<float>(scale));
    biases.push_back(static_cast<float>(shift));
  }
  const auto count = static_cast<std::int64_t>(outputs);
  return {weights, make_f32({count}, scales), make_f32({count}, biases)};
}

}  // namespace sz::compiler
