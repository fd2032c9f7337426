// Windows of convolutions and pools: ONNX's rules for padding and sizes.
#include <algorithm>
#include <cmath>

#include "compiler/graph/shape_inference.h"
#include "ops/attributes.h"

namespace sz::compiler {
namespace {

// The operators' limits (ops/check.h): beyond them nothing runs, and sums here cannot overflow.
constexpr std::int64_t kMaxKernel = 1024;
constexpr std::int64_t kMaxStride = 65536;
constexpr std::int64_t kMaxDilation = 65536;
constexpr std::int64_t kMaxPadding = 65536;

void fill(const Graph& graph, const Node& node, std::vector<std::int64_t>& values,
          std::size_t count, std::int64_t otherwise, std::int64_t least, std::int64_t most,
          const char* what) {
  if (values.empty()) values.assign(count, otherwise);
  if (values.size() != count) {
    fail(graph, node,
         std::string(what) + " has " + std::to_string(values.size()) +
             " numbers; images of this rank need " + std::to_string(count));
  }
  for (const std::int64_t value : values) {
    if (value < least || value > most) {
      fail(graph, node,
           std::string(what) + " " + std::to_string(value) + " is not within " +
               std::to_string(least) + " to " + std::to_string(most));
    }
  }
}

std::int64_t extent(const WindowAttributes& w, std::size_t axis) {
  return (w.kernel[axis] - 1) * w.dilations[axis] + 1;
}

// An operator whose windows must not lie in the padding alone (ops/check.h). LpPool runs as a
// convolution.
bool is_pool(Op op) { return op == Op::kMaxPool || op == Op::kAveragePool; }

// The factor by which one dimension grows.
std::int64_t factor_of(const Graph& graph, const Node& node, const Constant* scales,
                       const std::vector<std::int64_t>& sizes, const Shape& input,
                       std::size_t axis) {
  double factor = 0;
  if (scales != nullptr) {
    factor = static_cast<double>(scales->f32()[axis]);
  } else if (sizes[axis] > 0) {
    factor = static_cast<double>(sizes[axis]) / static_cast<double>(input[axis]);
  }
  const bool whole =
      factor >= 1 && factor <= static_cast<double>(kMaxStride) && factor == std::floor(factor);
  if (!whole || (axis < 2 && factor != 1)) {
    fail(graph, node,
         "only images that grow in height and width by whole factors are supported; dimension " +
             std::to_string(axis) + " changes by " + std::to_string(factor));
  }
  return static_cast<std::int64_t>(factor);
}

}  // namespace

UpsampleAttributes upsample_factors(const Graph& graph, const Node& node, const Shape& input) {
  UpsampleAttributes factors = node.get<UpsampleAttributes>();
  if (input.size() != 4) fail(graph, node, "only two-dimensional images (rank 4) are supported");
  if (factors.factor_h != 0) return factors;
  const bool by_scales = node.input(1) != kNoValue;
  const Constant* scales = graph.constant(node.input(1));
  std::vector<std::int64_t> sizes;
  if (by_scales &&
      (scales == nullptr || scales->dtype != DType::kF32 || scales->shape != Shape{4})) {
    fail(graph, node, "the scales must be four f32 numbers known when the model is compiled");
  }
  if (!by_scales) {
    sizes = constant_integers(graph, node, 2, "the sizes");
    if (sizes.size() != 4) fail(graph, node, "the sizes must be four numbers");
  }
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const std::int64_t factor = factor_of(graph, node, scales, sizes, input, axis);
    if (axis == 2) factors.factor_h = factor;
    if (axis == 3) factors.factor_w = factor;
  }
  return factors;
}

WindowAttributes resolve_window(const Graph& graph, const Node& node, const Shape& input,
                                const std::vector<std::int64_t>& kernel) {
  WindowAttributes w = node.get<WindowAttributes>();
  if (input.size() < 3 || input.size() > 5) {
    fail(graph, node, "its input is " + to_string(input) + "; windows need rank 3 to 5");
  }
  const std::size_t axes = input.size() - 2;
  if (w.kernel.empty()) w.kernel = kernel;
  if (w.kernel.empty()) fail(graph, node, "attribute 'kernel_shape' is missing");
  fill(graph, node, w.kernel, axes, 1, 1, kMaxKernel, "kernel_shape");
  fill(graph, node, w.strides, axes, 1, 1, kMaxStride, "strides");
  fill(graph, node, w.dilations, axes, 1, 1, kMaxDilation, "dilations");
  if (!kernel.empty() && kernel != w.kernel) {
    fail(graph, node,
         "kernel_shape is " + to_string(w.kernel) + ", but the weights are " + to_string(kernel));
  }
  if (w.auto_pad != AutoPad::kExplicit) {
    if (std::any_of(w.pads.begin(), w.pads.end(), [](std::int64_t pad) { return pad != 0; })) {
      fail(graph, node, "has both auto_pad and pads");
    }
    w.pads.assign(2 * axes, 0);
    for (std::size_t axis = 0; axis < axes && w.auto_pad != AutoPad::kValid; ++axis) {
      const std::int64_t size = input[axis + 2];
      const std::int64_t output = (size + w.strides[axis] - 1) / w.strides[axis];
      const std::int64_t total =
          std::max<std::int64_t>(0, (output - 1) * w.strides[axis] + extent(w, axis) - size);
      const std::int64_t smaller = total / 2;
      w.pads[axis] = w.auto_pad == AutoPad::kSameUpper ? smaller : total - smaller;
      w.pads[axis + axes] = total - w.pads[axis];
    }
    w.auto_pad = AutoPad::kExplicit;
  }
  fill(graph, node, w.pads, 2 * axes, 0, 0, kMaxPadding, "pads");
  for (std::size_t axis = 0; is_pool(node.op) && axis < axes; ++axis) {
    if (w.pads[axis] >= extent(w, axis) || w.pads[axis + axes] >= extent(w, axis)) {
      fail(graph, node,
           "padding of " + std::to_string(std::max(w.pads[axis], w.pads[axis + axes])) +
               " is not smaller than its window of " + std::to_string(extent(w, axis)) +
               ", which is not implemented for pools");
    }
  }
  return w;
}

std::int64_t window_output(const Graph& graph, const Node& node, const WindowAttributes& window,
                           std::int64_t input, std::size_t axis) {
  const std::int64_t padded = input + window.pads[axis] + window.pads[axis + window.kernel.size()];
  const std::int64_t room = padded - extent(window, axis);
  if (room < 0) {
    fail(graph, node,
         "its window of " + std::to_string(extent(window, axis)) +
             " is larger than the padded input of " + std::to_string(padded));
  }
  const std::int64_t stride = window.strides[axis];
  if (!window.ceil_mode) return room / stride + 1;
  std::int64_t output = (room + stride - 1) / stride + 1;
  // A window that would start behind the input and its leading padding does not count.
  if ((output - 1) * stride >= input + window.pads[axis]) --output;
  return output;
}

}  // namespace sz::compiler
