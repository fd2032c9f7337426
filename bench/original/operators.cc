#include "bench/original/operators.h"

#include "math/exp.h"

namespace sz::original {
namespace {

void fill(float* values, std::size_t count, float value) {
  for (std::size_t i = 0; i < count; ++i) values[i] = value;
}

// The bias of each channel, then the activation, each in a pass of its own.
void add_bias(float* y, const float* bias, std::size_t channels, std::size_t size) {
  for (std::size_t m = 0; m < channels; ++m) {
    for (std::size_t i = 0; i < size; ++i) y[m * size + i] += bias[m];
  }
}

void activate(const ops::Clamp& clamp, float* values, std::size_t count) {
  if (clamp.low == -__builtin_inff() && clamp.high == __builtin_inff()) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i] < clamp.low) values[i] = clamp.low;
    if (values[i] > clamp.high) values[i] = clamp.high;
  }
}

// Where tap `tap` of output `out` lies along one axis; negative in the padding before it.
std::ptrdiff_t position(std::size_t out, std::size_t stride, std::size_t tap, std::size_t dilation,
                        std::size_t pad) {
  return static_cast<std::ptrdiff_t>(out * stride + tap * dilation) -
         static_cast<std::ptrdiff_t>(pad);
}

bool inside(std::ptrdiff_t at, std::size_t size) {
  return at >= 0 && static_cast<std::size_t>(at) < size;
}

// A 1x1 convolution without stride and padding multiplies the image as it is.
bool needs_columns(const LayerRecord& layer) {
  const ops::Window2d& w = layer.window;
  return w.kernel_h != 1 || w.kernel_w != 1 || w.stride_h != 1 || w.stride_w != 1 ||
         w.pad_top != 0 || w.pad_left != 0 || w.pad_bottom != 0 || w.pad_right != 0;
}

std::size_t group_depth(const LayerRecord& layer) {
  return std::size_t{layer.in.channels} / layer.groups * layer.window.kernel_h *
         layer.window.kernel_w;
}

std::size_t pixels(const Image& image) { return std::size_t{image.height} * image.width; }

}  // namespace

void gemm(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b, float* c) {
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t l = 0; l < k; ++l) {
      const float factor = a[i * k + l];
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += factor * b[l * n + j];
    }
  }
}

void gemm_transposed(std::size_t m, std::size_t n, std::size_t k, const float* a, const float* b,
                     float* c) {
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      float sum = 0.0f;
      for (std::size_t l = 0; l < k; ++l) sum += a[i * k + l] * b[j * k + l];
      c[i * n + j] += sum;
    }
  }
}

void im2col(const LayerRecord& layer, const float* image, float* columns) {
  const ops::Window2d& w = layer.window;
  const std::size_t channels = layer.in.channels / layer.groups;
  for (std::size_t c = 0; c < channels; ++c) {
    const float* plane = image + c * pixels(layer.in);
    for (std::size_t ky = 0; ky < w.kernel_h; ++ky) {
      for (std::size_t kx = 0; kx < w.kernel_w; ++kx) {
        for (std::size_t oy = 0; oy < layer.out.height; ++oy) {
          const std::ptrdiff_t iy = position(oy, w.stride_h, ky, w.dilation_h, w.pad_top);
          for (std::size_t ox = 0; ox < layer.out.width; ++ox) {
            const std::ptrdiff_t ix = position(ox, w.stride_w, kx, w.dilation_w, w.pad_left);
            const bool real = inside(iy, layer.in.height) && inside(ix, layer.in.width);
            *columns++ = real ? plane[static_cast<std::size_t>(iy) * layer.in.width +
                                      static_cast<std::size_t>(ix)]
                              : 0.0f;
          }
        }
      }
    }
  }
}

std::size_t workspace_elements(const LayerRecord& layer) {
  if (LayerKind{layer.kind} != LayerKind::kConvolution || !needs_columns(layer)) return 0;
  return group_depth(layer) * pixels(layer.out);
}

void convolution(const LayerRecord& layer, const float* x, const float* weights, float* workspace,
                 float* y) {
  const std::size_t depth = group_depth(layer);
  const std::size_t outputs = layer.out.channels / layer.groups;
  const std::size_t size = pixels(layer.out);
  const std::size_t group_input = layer.in.channels / layer.groups * pixels(layer.in);
  const float* bias = weights + std::size_t{layer.out.channels} * depth;
  fill(y, std::size_t{layer.out.batch} * layer.out.channels * size, 0.0f);
  for (std::size_t n = 0; n < layer.out.batch; ++n) {
    for (std::size_t g = 0; g < layer.groups; ++g) {
      const float* image = x + (n * layer.groups + g) * group_input;
      const float* matrix = image;
      if (needs_columns(layer)) {
        im2col(layer, image, workspace);
        matrix = workspace;
      }
      float* result = y + (n * layer.groups + g) * outputs * size;
      gemm(outputs, size, depth, weights + g * outputs * depth, matrix, result);
    }
    add_bias(y + n * layer.out.channels * size, bias, layer.out.channels, size);
  }
  activate(layer.clamp, y, std::size_t{layer.out.batch} * layer.out.channels * size);
}

void connected(const LayerRecord& layer, const float* x, const float* weights, float* y) {
  const std::size_t inputs = layer.axis;
  const std::size_t outputs = layer.inner;
  const float* bias = weights + outputs * inputs;
  fill(y, layer.outer * outputs, 0.0f);
  gemm_transposed(layer.outer, outputs, inputs, x, weights, y);
  for (std::size_t row = 0; row < layer.outer; ++row) add_bias(y + row * outputs, bias, outputs, 1);
  activate(layer.clamp, y, layer.outer * outputs);
}

void pool(const LayerRecord& layer, const float* x, float* y) {
  const ops::Window2d& w = layer.window;
  const bool max = ops::PoolKind{layer.pool} == ops::PoolKind::kMax;
  const std::size_t planes = std::size_t{layer.in.batch} * layer.in.channels;
  for (std::size_t p = 0; p < planes; ++p) {
    const float* plane = x + p * pixels(layer.in);
    for (std::size_t oy = 0; oy < layer.out.height; ++oy) {
      for (std::size_t ox = 0; ox < layer.out.width; ++ox) {
        float result = max ? -__builtin_inff() : 0.0f;
        std::size_t counted = 0;
        for (std::size_t ky = 0; ky < w.kernel_h; ++ky) {
          const std::ptrdiff_t iy = position(oy, w.stride_h, ky, w.dilation_h, w.pad_top);
          for (std::size_t kx = 0; kx < w.kernel_w; ++kx) {
            const std::ptrdiff_t ix = position(ox, w.stride_w, kx, w.dilation_w, w.pad_left);
            if (inside(iy, layer.in.height) && inside(ix, layer.in.width)) {
              const float value = plane[static_cast<std::size_t>(iy) * layer.in.width +
                                        static_cast<std::size_t>(ix)];
              if (!max) result += value;
              if (max && value > result) result = value;
              ++counted;
            } else if (layer.count_include_pad != 0 &&
                       iy < static_cast<std::ptrdiff_t>(layer.in.height + w.pad_bottom) &&
                       ix < static_cast<std::ptrdiff_t>(layer.in.width + w.pad_right)) {
              ++counted;
            }
          }
        }
        *y++ = max ? result : result / static_cast<float>(counted);
      }
    }
  }
}

void global_average(const LayerRecord& layer, const float* x, float* y) {
  const std::size_t planes = std::size_t{layer.in.batch} * layer.in.channels;
  const std::size_t size = pixels(layer.in);
  for (std::size_t p = 0; p < planes; ++p) {
    float sum = 0.0f;
    for (std::size_t i = 0; i < size; ++i) sum += x[p * size + i];
    y[p] = sum / static_cast<float>(size);
  }
}

void clamp(const LayerRecord& layer, const float* x, float* y) {
  for (std::size_t i = 0; i < layer.output_elements; ++i) y[i] = x[i];
  activate(layer.clamp, y, layer.output_elements);
}

namespace {

float combine(ops::BinaryKind kind, float a, float b) {
  switch (kind) {
    case ops::BinaryKind::kAdd:
      return a + b;
    case ops::BinaryKind::kSub:
      return a - b;
    case ops::BinaryKind::kMul:
      return a * b;
    case ops::BinaryKind::kDiv:
      return a / b;
    default:
      return 0.0f;  // refused by the translation
  }
}

// Walks over all dimensions but the innermost; where row `row` begins in each operand.
void row_begin(const LayerRecord& layer, std::size_t row, std::size_t begin[2]) {
  begin[0] = begin[1] = 0;
  for (std::uint32_t i = layer.rank - 1; i-- > 0;) {
    const std::size_t index = row % layer.dims[i];
    row /= layer.dims[i];
    for (int operand = 0; operand < 2; ++operand) {
      begin[operand] += index * layer.strides[operand][i];
    }
  }
}

}  // namespace

void binary(const LayerRecord& layer, const float* a, const float* b, float* y) {
  const std::size_t inner = layer.dims[layer.rank - 1];
  const std::size_t a_stride = layer.strides[0][layer.rank - 1];
  const std::size_t b_stride = layer.strides[1][layer.rank - 1];
  const ops::BinaryKind kind{layer.binary};
  for (std::size_t row = 0; row * inner < layer.output_elements; ++row) {
    std::size_t begin[2];
    row_begin(layer, row, begin);
    float* to = y + row * inner;
    for (std::size_t i = 0; i < inner; ++i) {
      to[i] = combine(kind, a[begin[0] + i * a_stride], b[begin[1] + i * b_stride]);
    }
  }
  activate(layer.clamp, y, layer.output_elements);
}

void softmax(const LayerRecord& layer, const float* x, float* y) {
  for (std::size_t o = 0; o < layer.outer; ++o) {
    for (std::size_t i = 0; i < layer.inner; ++i) {
      const std::size_t base = o * layer.axis * layer.inner + i;
      float largest = -__builtin_inff();
      for (std::size_t k = 0; k < layer.axis; ++k) {
        if (x[base + k * layer.inner] > largest) largest = x[base + k * layer.inner];
      }
      float sum = 0.0f;
      for (std::size_t k = 0; k < layer.axis; ++k) {
        const float e = math::exp(x[base + k * layer.inner] - largest);
        sum += e;
        y[base + k * layer.inner] = e;
      }
      for (std::size_t k = 0; k < layer.axis; ++k) y[base + k * layer.inner] /= sum;
    }
  }
}

void reorder(const LayerRecord& layer, const float* x, float* y) {
  const std::size_t inner = layer.dims[layer.rank - 1];
  const std::size_t stride = layer.strides[0][layer.rank - 1];
  for (std::size_t row = 0; row * inner < layer.output_elements; ++row) {
    std::size_t begin[2];
    row_begin(layer, row, begin);
    for (std::size_t i = 0; i < inner; ++i) y[row * inner + i] = x[begin[0] + i * stride];
  }
}

void concat_part(std::size_t outer, std::size_t block, std::size_t wide, const float* x, float* y) {
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < block; ++i) y[o * wide + i] = x[o * block + i];
  }
}

}  // namespace sz::original
