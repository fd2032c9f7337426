#include "ops/conv/conv.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

// The packed bias and weights of one output channel: weight k is first[k * step].
struct Filter {
  float bias;
  const float* first;
  std::size_t step;
};

Filter filter_of(const Conv2d& conv, std::size_t m) {
  const Window2d& window = conv.attributes.window;
  if (conv.depthwise()) {
    const std::size_t row = depthwise_row(conv.in_c);
    return {conv.weights[m], conv.weights + row + m, row};
  }
  const std::size_t inputs = std::size_t{window.kernel_h} * window.kernel_w * conv.group_in();
  const std::size_t group = m / conv.group_out();
  const std::size_t channel = m % conv.group_out();
  const std::size_t panel = channel / kPanelWidth;
  const float* start =
      conv.weights + group * group_elements(conv.group_out(), inputs) + panel_offset(panel, inputs);
  const std::size_t width = panel_width(panel, conv.group_out());
  const std::size_t lane = channel % kPanelWidth;
  return {start[lane], start + width + lane, width};
}

// The sum for one output.
float output_at(const Conv2d& conv, const Filter& filter, std::size_t n, std::size_t oy,
                std::size_t ox, std::size_t channel) {
  const Window2d& window = conv.attributes.window;
  const float* weight = filter.first;
  float sum = filter.bias;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
      const std::ptrdiff_t ix =
          tap_position(ox, window.stride_w, window.pad_left, kx, window.dilation_w);
      const bool real = iy >= 0 && static_cast<std::size_t>(iy) < conv.in_h && ix >= 0 &&
                        static_cast<std::size_t>(ix) < conv.in_w;
      for (std::size_t c = 0; c < conv.group_in(); ++c, weight += filter.step) {
        float value = 0.0f;
        if (real) {
          const std::size_t row = n * conv.in_h + static_cast<std::size_t>(iy);
          const std::size_t pixel = row * conv.in_w + static_cast<std::size_t>(ix);
          value = conv.x[pixel * conv.x_pitch + channel + c];
        }
        sum = fused_multiply_add(value, *weight, sum);
      }
    }
  }
  return sum;
}

}  // namespace

void conv2d_reference(const Conv2d& conv) {
  std::size_t row = 0;
  for (std::size_t n = 0; n < conv.batch; ++n) {
    for (std::size_t oy = 0; oy < conv.out_h; ++oy) {
      for (std::size_t ox = 0; ox < conv.out_w; ++ox, ++row) {
        for (std::size_t m = 0; m < conv.out_c; ++m) {
          const std::size_t channel = m / conv.group_out() * conv.group_in();
          float sum = output_at(conv, filter_of(conv, m), n, oy, ox, channel);
          if (conv.residual != nullptr) sum = sum + conv.residual[row * conv.residual_pitch + m];
          conv.y[row * conv.y_pitch + m] = finish(sum, conv.attributes.activation);
        }
      }
    }
  }
}

}  // namespace sz::ops
