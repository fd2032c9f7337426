// What a layer must be so that its operator stays within its buffers.
#include "bench/original/network.h"
#include "bench/original/operators.h"

namespace sz::original {
namespace {

constexpr std::uint32_t kMaxSide = 1u << 16;

// A product of counts; 0 if one of them is 0 or the result is more than kMaxElements.
std::uint64_t product(std::initializer_list<std::uint64_t> factors) {
  std::uint64_t result = 1;
  for (const std::uint64_t factor : factors) {
    if (factor == 0 || factor > kMaxElements) return 0;
    result *= factor;  // at most 2^27 * 2^27
    if (result > kMaxElements) return 0;
  }
  return result;
}

std::uint64_t elements_of(const Image& image) {
  return product({image.batch, image.channels, image.height, image.width});
}

bool window_fits(const ops::Window2d& w) {
  for (const std::uint32_t value :
       {w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w}) {
    if (value == 0 || value > kMaxSide) return false;
  }
  for (const std::uint32_t pad : {w.pad_top, w.pad_left, w.pad_bottom, w.pad_right}) {
    if (pad > kMaxSide) return false;
  }
  return true;
}

bool images_fit(const LayerRecord& layer, std::uint32_t input) {
  return elements_of(layer.in) == input && elements_of(layer.out) == layer.output_elements &&
         layer.in.batch == layer.out.batch && window_fits(layer.window);
}

bool convolution_fits(const LayerRecord& layer, std::uint32_t input) {
  if (!images_fit(layer, input) || layer.groups == 0 || layer.in.channels % layer.groups != 0 ||
      layer.out.channels % layer.groups != 0) {
    return false;
  }
  const std::uint64_t depth =
      product({layer.in.channels / layer.groups, layer.window.kernel_h, layer.window.kernel_w});
  const std::uint64_t weights = product({depth, layer.out.channels});
  const std::uint64_t columns = product({depth, layer.out.height, layer.out.width});
  if (weights == 0 || layer.weight_elements != weights + layer.out.channels) return false;
  // Without columns the image is the matrix, so it must have the output's size.
  const bool same_size = layer.in.height == layer.out.height && layer.in.width == layer.out.width;
  return workspace_elements(layer) != 0 ? columns != 0 : same_size;
}

// The last element that is reached with these strides lies within `elements`.
bool strides_fit(const LayerRecord& layer, const std::uint32_t* strides, std::uint64_t elements) {
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < layer.rank; ++i) {
    last += (layer.dims[i] - std::uint64_t{1}) * strides[i];
  }
  return last < elements;
}

bool dims_fit(const LayerRecord& layer) {
  if (layer.rank == 0 || layer.rank > kMaxDims) return false;
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < layer.rank; ++i) elements = product({elements, layer.dims[i]});
  return elements != 0 && elements == layer.output_elements;
}

bool binary_fits(const LayerRecord& layer, std::span<const std::uint32_t> inputs) {
  const std::size_t wanted = layer.constant == 0 ? 2 : 1;
  if (layer.constant > 2 || inputs.size() != wanted || !dims_fit(layer) ||
      ops::BinaryKind{layer.binary} > ops::BinaryKind::kDiv) {
    return false;
  }
  const std::uint32_t a = layer.constant == 1 ? layer.weight_elements : inputs[0];
  const std::uint32_t b = layer.constant == 2 ? layer.weight_elements : inputs[wanted - 1];
  return strides_fit(layer, layer.strides[0], a) && strides_fit(layer, layer.strides[1], b);
}

bool concat_fits(const LayerRecord& layer, std::span<const std::uint32_t> inputs) {
  std::uint64_t sum = 0;
  for (const std::uint32_t elements : inputs) {
    if (layer.outer == 0 || elements % layer.outer != 0) return false;
    sum += elements;
  }
  return !inputs.empty() && sum == layer.output_elements;
}

}  // namespace

bool layer_fits(const LayerRecord& layer, std::span<const std::uint32_t> inputs) {
  if (layer.output_elements == 0 || layer.output_elements > kMaxElements ||
      layer.weight_elements > kMaxElements) {
    return false;
  }
  const LayerKind kind{layer.kind};
  if (kind == LayerKind::kBinary) return binary_fits(layer, inputs);
  if (kind == LayerKind::kConcat) return concat_fits(layer, inputs);
  if (inputs.size() != 1) return false;
  const std::uint32_t input = inputs[0];
  switch (kind) {
    case LayerKind::kConvolution:
      return convolution_fits(layer, input);
    case LayerKind::kConnected: {
      const std::uint64_t weights = product({layer.inner, layer.axis});
      return weights != 0 && layer.weight_elements == weights + layer.inner &&
             product({layer.outer, layer.axis}) == input &&
             product({layer.outer, layer.inner}) == layer.output_elements;
    }
    case LayerKind::kPool:
      return images_fit(layer, input) && layer.in.channels == layer.out.channels &&
             ops::PoolKind{layer.pool} <= ops::PoolKind::kAverage;
    case LayerKind::kGlobalAverage:
      return elements_of(layer.in) == input &&
             product({layer.in.batch, layer.in.channels}) == layer.output_elements;
    case LayerKind::kClamp:
      return layer.output_elements == input;
    case LayerKind::kSoftmax:
      return layer.output_elements == input &&
             product({layer.outer, layer.axis, layer.inner}) == input;
    case LayerKind::kReorder:
      return dims_fit(layer) && strides_fit(layer, layer.strides[0], input);
    default:
      return false;
  }
}

}  // namespace sz::original
