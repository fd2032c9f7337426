// ConvTranspose as a convolution: of the s results between two inputs (stride s), each is a
// convolution with every s-th tap, so one convolution makes them as s times as many channels, which
// are then put side by side.
//
// Along one axis, with w the taps spread out by the dilation, p the padding in front and T =
// ceil(taps / s): full[q * s + r] = sum over t < T of x[q - t] * w[r + t * s]; the result is full
// from p on. The convolution begins with q0 = min(p / s, T - 1); what is then too much in front,
// p - q0 * s, is cut off.
#include <algorithm>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/expand.h"
#include "compiler/passes/expand_window.h"

namespace sz::compiler {
namespace {

struct Axis {
  std::int64_t stride, dilation, kernel;
  std::int64_t taps;           // of the convolution
  std::int64_t before, after;  // its padding
  std::int64_t steps;          // its results
  std::int64_t cut;            // off the front of the interleaved result
  std::int64_t size;           // of the result

  // The tap of the kernel behind tap `u` of the convolution for result `r`; -1: zero.
  std::int64_t tap(std::int64_t r, std::int64_t u) const {
    const std::int64_t place = r + (taps - 1 - u) * stride;
    const bool real = place % dilation == 0 && place / dilation < kernel;
    return real ? place / dilation : -1;
  }
};

Axis axis_of(const TransposedWindow& window, std::int64_t input, std::size_t axis) {
  const WindowAttributes& w = window.window;
  Axis a{w.strides[axis], w.dilations[axis], w.kernel[axis], 0, 0, 0, 0, 0, window.sizes[axis]};
  const std::int64_t extent = (a.kernel - 1) * a.dilation + 1;
  a.taps = (extent + a.stride - 1) / a.stride;
  const std::int64_t first = std::min(w.pads[axis] / a.stride, a.taps - 1);
  a.cut = w.pads[axis] - first * a.stride;
  a.before = a.taps - 1 - first;
  const std::int64_t needed = (a.cut + a.size + a.stride - 1) / a.stride;
  a.after = std::max<std::int64_t>(0, needed + a.taps - 1 - input - a.before);
  a.steps = input + a.before + a.after - a.taps + 1;
  return a;
}

// Weights [C, M / groups, KH, KW] as [(group, r, c, m), C / groups, taps, taps].
ConstantPtr spread(const Graph& graph, const Node& node, std::int64_t groups, const Axis& h,
                   const Axis& v) {
  const Constant& weights = *graph.constant(node.inputs[1]);
  const Shape& w = weights.shape;
  const std::int64_t inputs = w[0] / groups;
  const Shape shape = {groups * h.stride * v.stride * w[1], inputs, h.taps, v.taps};
  if (!is_sane(shape, DType::kF32)) fail(graph, node, "its weights take too much memory");
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(element_count(shape)));
  for (std::int64_t channel = 0; channel < shape[0]; ++channel) {
    const std::int64_t m = channel % w[1];
    const std::int64_t c = channel / w[1] % v.stride;
    const std::int64_t r = channel / w[1] / v.stride % h.stride;
    const std::int64_t group = channel / w[1] / v.stride / h.stride;
    for (std::int64_t i = 0; i < inputs; ++i) {
      const std::int64_t filter = ((group * inputs + i) * w[1] + m) * h.kernel * v.kernel;
      for (std::int64_t tap = 0; tap < h.taps * v.taps; ++tap) {
        const std::int64_t ky = h.tap(r, tap / v.taps);
        const std::int64_t kx = v.tap(c, tap % v.taps);
        const bool real = ky >= 0 && kx >= 0;
        values.push_back(real ? weights.f32()[static_cast<std::size_t>(filter + ky * v.kernel + kx)]
                              : 0.0f);
      }
    }
  }
  return make_f32(shape, values);
}

ConstantPtr repeated_bias(const Constant& bias, std::int64_t groups, std::int64_t times) {
  const std::int64_t inner = element_count(bias.shape) / groups;
  std::vector<float> values;
  for (std::int64_t i = 0; i < groups * times * inner; ++i) {
    values.push_back(bias.f32()[static_cast<std::size_t>(i / inner / times * inner + i % inner)]);
  }
  return make_f32({groups * times * inner}, values);
}

// [N, (group, r, c, m), H, W] to [N, (group, m), H * r, W * c].
ValueId interleave(Expansion& e, ValueId y, std::int64_t groups, const Axis& h, const Axis& v) {
  const Shape shape = e.shape(y);
  const std::int64_t inner = shape[1] / groups / h.stride / v.stride;
  y = e.transpose(y, {0, 2, 3, 1});
  y = e.reshape(y, {shape[0] * h.steps, v.steps, groups, h.stride, v.stride, inner});
  y = e.transpose(y, {0, 3, 1, 4, 2, 5});
  y = e.reshape(y, {shape[0], h.steps * h.stride, v.steps * v.stride, groups * inner});
  return e.transpose(y, {0, 3, 1, 2});
}

ValueId cut_out(Expansion& e, ValueId y, const Axis& h, const Axis& v) {
  const Shape shape = e.shape(y);
  if (shape[2] == h.size && shape[3] == v.size) return y;
  return e.add(Op::kSlice, {y, e.integers({h.cut, v.cut}),
                            e.integers({h.cut + h.size, v.cut + v.size}), e.integers({2, 3})});
}

}  // namespace

void expand_conv_transpose(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  require_constants(e.graph(), node);
  TransposedWindow window = resolve_transposed(e.graph(), node);
  Shape x = e.shape(node.inputs[0]);
  Node image = node;
  if (x.size() == 3) {  // an image of one row
    WindowAttributes& w = window.window;
    for (auto* list : {&w.kernel, &w.strides, &w.dilations}) list->insert(list->begin(), 1);
    w.pads = {0, w.pads[0], 0, w.pads[1]};
    window.sizes.insert(window.sizes.begin(), 1);
    x.insert(x.begin() + 2, 1);
    image.inputs[0] = e.reshape(node.inputs[0], x);
  }
  const std::int64_t groups = window.window.groups;
  const Axis h = axis_of(window, x[2], 0);
  const Axis v = axis_of(window, x[3], 1);
  WindowAttributes w;
  w.kernel = {h.taps, v.taps};
  w.strides = w.dilations = {1, 1};
  w.pads = {h.before, v.before, h.after, v.after};
  w.groups = groups;
  std::vector<ValueId> inputs = {image.inputs[0]};
  const std::string name = e.graph().value(node.inputs[1]).name;
  ConstantPtr weights = spread(e.graph(), node, groups, h, v);
  inputs.push_back(e.graph().add_constant(name, std::move(weights)));
  if (const Constant* bias = e.graph().constant(node.input(2))) {
    inputs.push_back(
        e.graph().add_constant(name, repeated_bias(*bias, groups, h.stride * v.stride)));
  }
  ValueId y = e.add(Op::kConv, inputs, std::move(w));
  if (h.stride > 1 || v.stride > 1) y = interleave(e, y, groups, h, v);
  e.finish_reshape(cut_out(e, y, h, v));
}

}  // namespace sz::compiler
