// Operations that move a window over images.
#include <algorithm>

#include "compiler/import/tflite/operations.h"
#include "compiler/import/tflite/quantization.h"

namespace sz::compiler::tflite {
namespace {

// SAME: as much padding as lets every stride-th element be the middle of a window, the smaller
// half in front.
AutoPad padding_of(const Translator& t, file::Padding padding) {
  if (padding == file::Padding::SAME) return AutoPad::kSameUpper;
  if (padding == file::Padding::VALID) return AutoPad::kValid;
  t.refuse("its padding " + std::to_string(static_cast<int>(padding)) + " is not known");
}

// What the two kinds of convolutions have in common.
struct Layer {
  WindowAttributes window;
  file::Activation activation{};
  std::vector<std::int64_t> weights_perm;  // from the file's order to M, C/groups, KH, KW
  std::size_t channels = 0;                // the dimension of the weights that counts outputs
};

void expect_bias(Translator& t, std::int64_t outputs, Kind kind) {
  if (!t.has_input(2)) return;
  const Tensor& bias = t.input_tensor(2);
  const auto wanted =
      kind == Kind::kQuantized ? file::TensorType::INT32 : file::TensorType::FLOAT32;
  if (bias.type != wanted || bias.shape != Shape{outputs}) {
    t.refuse("its bias, " + bias.name + ", must be " + std::to_string(outputs) + " constants of " +
             file::EnumNameTensorType(wanted));
  }
  t.constant(2, "its bias");
}

void emit_layer(Translator& t, Layer layer) {
  const ValueId x = t.image(0);
  const Tensor& weights = t.input_tensor(1);
  const Kind kind = t.common_kind();
  if (kind == Kind::kFloat && t.kind(weights) != Kind::kFloat) {
    t.refuse("is hybrid: its values are FLOAT32 and its weights " +
             std::string(file::EnumNameTensorType(weights.type)) + ", which is not supported");
  }
  const std::int64_t outputs = weights.shape[layer.channels];
  expect_bias(t, outputs, kind);
  const ConstantPtr turned = transposed(*t.constant(1, "its weights"), layer.weights_perm);
  std::vector<ValueId> inputs = {x, t.add_constant("weights", turned)};
  if (t.has_input(2)) inputs.push_back(t.plain(2));
  if (kind == Kind::kFloat) {
    const ValueId y = t.emit(Op::kConv, std::move(inputs), std::move(layer.window));
    return t.finish_image(activated(t, y, layer.activation));
  }
  if (kind != Kind::kQuantized) t.refuse("works on FLOAT32, INT8 and UINT8 only");
  QuantAttributes q = rescaling(t, {0}, layer.activation);
  Weights scaling = weights_of(t, weights, layer.channels);
  q.weight_scales = std::move(scaling.scales);
  q.weight_zero = scaling.zero;
  q.window = std::move(layer.window);
  t.finish_image(t.emit(Op::kQConv, std::move(inputs), std::move(q)));
}

void expect_weights(const Translator& t) {
  t.expect_operands(2, 3);
  const Tensor& weights = t.input_tensor(1);
  if (weights.shape.size() != 4 || element_count(weights.shape) == 0) {
    t.refuse("its weights, " + weights.name + ", must have rank 4");
  }
  const Shape& image = t.input_tensor(0).shape;
  if (image.size() != 4 || element_count(image) == 0) t.refuse("works on images (rank 4) only");
}

Layer pool_layer(const Translator& t, const file::Pool2DOptions& pool) {
  Layer layer;
  layer.window.kernel = {pool.filter_height(), pool.filter_width()};
  layer.window.strides = {pool.stride_h(), pool.stride_w()};
  layer.window.auto_pad = padding_of(t, pool.padding());
  layer.activation = pool.activation();
  return layer;
}

Coordinates coordinates_of(const Translator& t, bool align_corners, bool half_pixel_centers) {
  if (align_corners && half_pixel_centers) t.refuse("has two rules for where pixels lie");
  return align_corners        ? Coordinates::kAlignCorners
         : half_pixel_centers ? Coordinates::kHalfPixel
                              : Coordinates::kAsymmetric;
}

void emit_resize(Translator& t, const ResizeAttributes& resize) {
  t.expect_operands(2, 2);
  const ValueId x = t.image(0);
  const Shape& shape = t.input_tensor(0).shape;
  const std::vector<std::int64_t> size = t.integers(1, "the size");
  constexpr std::int64_t kMostPixels = 1 << 16;
  if (size.size() != 2 || std::min(size[0], size[1]) < 1 ||
      std::max(size[0], size[1]) > kMostPixels) {
    t.refuse("its size must be two numbers from 1 to " + std::to_string(kMostPixels));
  }
  if (t.common_kind() == Kind::kQuantized &&
      !same_scaling(t, t.input_tensor(0), t.output_tensor())) {
    t.refuse("its input and output have different scales, which is not supported");
  }
  const ValueId sizes = t.add_integers("sizes", {shape[0], shape[3], size[0], size[1]});
  t.finish_image(t.emit(Op::kResize, {x, kNoValue, kNoValue, sizes}, resize));
}

}  // namespace

void convolution(Translator& t) {
  expect_weights(t);
  const auto& conv = options<file::Conv2DOptions>(t);
  Layer layer;
  layer.window.strides = {conv.stride_h(), conv.stride_w()};
  layer.window.dilations = {conv.dilation_h(), conv.dilation_w()};
  layer.window.auto_pad = padding_of(t, conv.padding());
  layer.activation = conv.activation();
  layer.weights_perm = {0, 3, 1, 2};  // from M, KH, KW, C/groups
  // Groups stand nowhere: there are as many as the weights' channels go into the input's.
  const std::int64_t channels = t.input_tensor(0).shape[3];
  const std::int64_t share = t.input_tensor(1).shape[3];
  if (channels % share != 0) {
    t.refuse("weights of " + std::to_string(share) + " channels do not fit an input of " +
             std::to_string(channels));
  }
  layer.window.groups = channels / share;
  emit_layer(t, std::move(layer));
}

void depthwise_convolution(Translator& t) {
  expect_weights(t);
  const auto& conv = options<file::DepthwiseConv2DOptions>(t);
  Layer layer;
  layer.window.strides = {conv.stride_h(), conv.stride_w()};
  layer.window.dilations = {conv.dilation_h(), conv.dilation_w()};
  layer.window.auto_pad = padding_of(t, conv.padding());
  layer.activation = conv.activation();
  layer.weights_perm = {3, 0, 1, 2};  // from 1, KH, KW, M
  layer.channels = 3;
  const std::int64_t channels = t.input_tensor(0).shape[3];
  const Shape& weights = t.input_tensor(1).shape;
  const std::int64_t multiplier = conv.depth_multiplier();
  if (weights[0] != 1 || weights[3] % channels != 0 ||
      (multiplier != 0 && multiplier != weights[3] / channels)) {
    t.refuse("weights of " + to_string(weights) + " and a depth multiplier of " +
             std::to_string(multiplier) + " do not fit an input of " + std::to_string(channels) +
             " channels");
  }
  layer.window.groups = channels;
  emit_layer(t, std::move(layer));
}

void average_pool(Translator& t) {
  t.expect_operands(1, 1);
  Layer layer = pool_layer(t, options<file::Pool2DOptions>(t));
  const ValueId x = t.image(0);
  switch (t.common_kind()) {
    case Kind::kFloat: {
      const ValueId y = t.emit(Op::kAveragePool, {x}, std::move(layer.window));
      return t.finish_image(activated(t, y, layer.activation));
    }
    case Kind::kQuantized: {
      if (!same_scaling(t, t.input_tensor(0), t.output_tensor())) {
        t.refuse("its input and output have different scales, which is not supported");
      }
      QuantAttributes q = rescaling(t, {0}, layer.activation);
      q.window = std::move(layer.window);
      return t.finish_image(t.emit(Op::kQAveragePool, {x}, std::move(q)));
    }
    case Kind::kInteger:
      t.refuse("works on FLOAT32, INT8 and UINT8 only");
  }
}

void max_pool(Translator& t) {
  t.expect_operands(1, 1);
  const Layer layer = pool_layer(t, options<file::Pool2DOptions>(t));
  const ValueId y = t.emit(Op::kMaxPool, {t.image(0)}, layer.window);
  switch (t.common_kind()) {
    case Kind::kFloat:
      return t.finish_image(activated(t, y, layer.activation));
    case Kind::kQuantized:
      if (!same_scaling(t, t.input_tensor(0), t.output_tensor())) {
        t.refuse("its input and output have different scales, which is not supported");
      }
      return t.finish_image(bounded(t, y, rescaling(t, {0}, layer.activation)));
    case Kind::kInteger:
      t.refuse("works on FLOAT32, INT8 and UINT8 only");
  }
}

// Where a pixel of the result lies in the input. TFLite rounds a half upwards.
void resize_nearest(Translator& t) {
  const auto& how = options<file::ResizeNearestNeighborOptions>(t);
  ResizeAttributes resize;
  resize.mode = ResizeMode::kNearest;
  resize.coordinates = coordinates_of(t, how.align_corners(), how.half_pixel_centers());
  resize.nearest = resize.coordinates == Coordinates::kAsymmetric ? NearestMode::kFloor
                                                                  : NearestMode::kPreferCeil;
  emit_resize(t, resize);
}

void resize_bilinear(Translator& t) {
  const auto& how = options<file::ResizeBilinearOptions>(t);
  ResizeAttributes resize;
  resize.mode = ResizeMode::kLinear;
  resize.coordinates = coordinates_of(t, how.align_corners(), how.half_pixel_centers());
  if (t.common_kind() != Kind::kFloat) {
    t.refuse("on " + std::string(file::EnumNameTensorType(t.output_tensor().type)) +
             " is not supported");
  }
  emit_resize(t, resize);
}

}  // namespace sz::compiler::tflite
