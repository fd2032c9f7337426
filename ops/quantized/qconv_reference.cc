#include "ops/conv/conv.h"
#include "ops/quantized/qconv.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

// Weight k of an output, k in the order (ky, kx, c).
std::int32_t weight_at(const QConv2d& conv, std::size_t m, std::size_t k) {
  const QuantLayout& layout = conv.blob.layout;
  if (layout.depthwise) return conv.blob.weights()[k * layout.channels + m];
  const std::size_t channel = m % conv.group_out();
  const std::size_t quad = k / layout.length * layout.quads + k % layout.length / 4;
  const std::uint64_t panel = layout.panel(m / conv.group_out(), channel / kPanelWidth);
  const std::size_t at = (quad * kPanelWidth + channel % kPanelWidth) * 4 + k % layout.length % 4;
  return static_cast<std::int8_t>(conv.blob.data[panel + at]);
}

std::size_t slot_of(const QConv2d& conv, std::size_t m) {
  if (conv.depthwise()) return m;
  return m / conv.group_out() * conv.blob.layout.group_channels + m % conv.group_out();
}

std::int32_t sum_at(const QConv2d& conv, std::size_t m, std::size_t n, std::size_t oy,
                    std::size_t ox) {
  const Window2d& window = conv.attributes.window;
  const std::size_t channel = m / conv.group_out() * conv.group_in();
  std::int32_t sum = conv.blob.bias()[slot_of(conv, m)];
  std::size_t k = 0;
  for (std::size_t ky = 0; ky < window.kernel_h; ++ky) {
    const std::ptrdiff_t iy =
        tap_position(oy, window.stride_h, window.pad_top, ky, window.dilation_h);
    for (std::size_t kx = 0; kx < window.kernel_w; ++kx) {
      const std::ptrdiff_t ix =
          tap_position(ox, window.stride_w, window.pad_left, kx, window.dilation_w);
      const bool real = iy >= 0 && static_cast<std::size_t>(iy) < conv.in_h && ix >= 0 &&
                        static_cast<std::size_t>(ix) < conv.in_w;
      for (std::size_t c = 0; c < conv.group_in(); ++c, ++k) {
        std::int32_t value = conv.attributes.x_zero;
        if (real) {
          const std::size_t row = n * conv.in_h + static_cast<std::size_t>(iy);
          const std::size_t pixel = row * conv.in_w + static_cast<std::size_t>(ix);
          value = conv.x[pixel * conv.x_pitch + channel + c];
        }
        const std::int32_t weight = weight_at(conv, m, k) - conv.attributes.weight_zero;
        sum = wrapping_add(sum, value * weight);
      }
    }
  }
  return sum;
}

std::int32_t rescaled(const QConv2d& conv, std::size_t slot, std::int32_t sum) {
  const QConv2dAttributes& t = conv.attributes;
  const QuantFactor factor = conv.blob.factor(slot, t.mode);
  if (t.mode != Rescaling::kFloat) return rescale(sum, factor, t.y);
  return finish_float(rescale_float(sum, factor.scale, conv.blob.rest(slot)), t.y);
}

}  // namespace

void qconv2d_reference(const QConv2d& conv) {
  std::size_t row = 0;
  for (std::size_t n = 0; n < conv.batch; ++n) {
    for (std::size_t oy = 0; oy < conv.out_h; ++oy) {
      for (std::size_t ox = 0; ox < conv.out_w; ++ox, ++row) {
        for (std::size_t m = 0; m < conv.out_c; ++m) {
          const std::int32_t sum = sum_at(conv, m, n, oy, ox);
          const std::size_t at = row * conv.y_pitch + m;
          if (conv.attributes.mode == Rescaling::kNone) {
            reinterpret_cast<std::int32_t*>(conv.y)[at] = sum;
            continue;
          }
          conv.y[at] = static_cast<std::byte>(rescaled(conv, slot_of(conv, m), sum));
        }
      }
    }
  }
}

}  // namespace sz::ops
