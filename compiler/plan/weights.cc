#include "compiler/plan/weights.h"

#include <optional>
#include <span>

#include "ops/gemm/pack.h"
#include "ops/winograd/pack.h"

namespace sz::compiler {
namespace {

std::span<const float> bias_of(const Graph& graph, const Node& node) {
  const Constant* bias = graph.constant(node.input(2));
  return bias == nullptr ? std::span<const float>() : bias->f32();
}

// Room for packed weights, and the floats in it.
struct FloatBlob {
  std::shared_ptr<std::vector<std::byte>> bytes;
  std::span<float> floats;
};
FloatBlob blob(const Graph& graph, const Node& node, std::optional<std::uint64_t> elements) {
  if (!elements || *elements > kMaxTensorBytes / sizeof(float)) {
    fail(graph, node, "its packed weights are larger than 1 GiB");
  }
  auto bytes = std::make_shared<std::vector<std::byte>>(*elements * sizeof(float));
  return {bytes, {reinterpret_cast<float*>(bytes->data()), *elements}};
}

}  // namespace

Blob pack_conv(const Graph& graph, const Node& node) {
  const Shape& w = graph.shape(node.inputs[1]);
  const auto& window = node.get<WindowAttributes>();
  const ops::ConvWeightShape shape{
      static_cast<std::uint32_t>(w[1] * window.groups), static_cast<std::uint32_t>(w[0]),
      static_cast<std::uint32_t>(window.groups), static_cast<std::uint32_t>(w[2]),
      static_cast<std::uint32_t>(w[3])};
  const FloatBlob packed = blob(graph, node, ops::packed_conv2d_elements(shape));
  if (!ops::pack_conv2d(graph.constant(node.inputs[1])->f32(), bias_of(graph, node), shape,
                        packed.floats)) {
    throw InternalError(graph.source + ": the weights of '" + node.name + "' cannot be packed");
  }
  return packed.bytes;
}

Blob pack_winograd_conv(const Graph& graph, const Node& node) {
  const Shape& w = graph.shape(node.inputs[1]);
  const auto outputs = static_cast<std::uint32_t>(w[0]);
  const auto inputs = static_cast<std::uint32_t>(w[1]);
  const FloatBlob packed = blob(graph, node, ops::packed_winograd_elements(outputs, inputs));
  if (!ops::pack_winograd(graph.constant(node.inputs[1])->f32(), bias_of(graph, node), outputs,
                          inputs, packed.floats)) {
    throw InternalError(graph.source + ": the weights of '" + node.name + "' cannot be packed");
  }
  return packed.bytes;
}

Blob pack_layer(const Graph& graph, const Node& node, const Shape& image) {
  const Shape& w = graph.shape(node.inputs[1]);
  std::span<const float> weights = graph.constant(node.inputs[1])->f32();
  ConstantPtr permuted;
  if (!image.empty()) {
    static constexpr std::int64_t kToHwc[] = {0, 2, 3, 1};
    const auto as_image =
        reshaped(*graph.constant(node.inputs[1]), {w[0], image[0], image[1], image[2]});
    permuted = transposed(*as_image, kToHwc);
    weights = permuted->f32();
  }
  const auto outputs = static_cast<std::uint32_t>(w[0]);
  const auto inputs = static_cast<std::uint32_t>(w[1]);
  const FloatBlob packed = blob(graph, node, ops::packed_elements(outputs, inputs));
  if (!ops::pack_fully_connected(weights, bias_of(graph, node), outputs, inputs, packed.floats)) {
    throw InternalError(graph.source + ": the weights of '" + node.name + "' cannot be packed");
  }
  return packed.bytes;
}

}  // namespace sz::compiler
