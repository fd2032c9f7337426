// The layers that the plan's operators become.

#include <algorithm>
#include <utility>

#include "bench/original/translator.h"
#include "bench/original/unpack.h"
#include "ops/attributes.h"
#include "ops/operator.h"

namespace sz::original {
namespace {

using package::TensorRecord;

Image image_of(const Numbers& dims) { return {dims[0], dims[3], dims[1], dims[2]}; }

// Strides of an operand for the result's dimensions: 0 where it is broadcast.
Numbers broadcast(const Operand& operand, const Numbers& dims) {
  Numbers strides(dims.size(), 0);
  const std::size_t missing = dims.size() - operand.dims.size();
  for (std::size_t i = 0; i < operand.dims.size(); ++i) {
    if (operand.dims[i] != 1) strides[missing + i] = operand.strides[i];
  }
  return strides;
}

// Fills dims and strides of a binary layer: the result's dimensions as they lie in memory, and
// those joined over which both operands go on as the result does.
void fill_loops(const Numbers& dims, const Numbers& y, const Numbers& a, const Numbers& b,
                LayerRecord* layer) {
  Numbers order;
  for (std::uint32_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t i, std::uint32_t j) { return y[i] > y[j]; });
  for (const std::uint32_t i : order) {
    const std::uint32_t last = layer->rank - 1;
    if (layer->rank > 0 && layer->strides[0][last] == a[i] * dims[i] &&
        layer->strides[1][last] == b[i] * dims[i]) {
      layer->dims[last] *= dims[i];
      layer->strides[0][last] = a[i];
      layer->strides[1][last] = b[i];
      continue;
    }
    layer->dims[layer->rank] = dims[i];
    layer->strides[0][layer->rank] = a[i];
    layer->strides[1][layer->rank++] = b[i];
  }
  if (layer->rank == 0) layer->dims[layer->rank++] = 1;
}

}  // namespace

template <typename Attributes>
Attributes Translator::attributes(const package::StepRecord& step) const {
  Attributes result;
  const auto words = plan_.attributes().subspan(step.attribute_begin, step.attribute_count);
  if (!ops::read_attributes(words, &result)) throw TranslationError("attributes of another size");
  return result;
}

Operand Translator::convolution(const package::StepRecord& step) {
  const auto a = attributes<ops::Conv2dAttributes>(step);
  return convolution(step, a.window, a.groups, a.activation);
}

Operand Translator::winograd(const package::StepRecord& step) {
  const auto a = attributes<ops::WinogradAttributes>(step);
  const ops::Window2d window{3, 3, 1, 1, 1, 1, a.pad_top, a.pad_left, a.pad_bottom, a.pad_right};
  return convolution(step, window, 1, a.activation);
}

Operand Translator::convolution(const package::StepRecord& step, const ops::Window2d& window,
                                std::uint32_t groups, const ops::Activation& activation) {
  if (activation.slope != 1.0f) {
    throw TranslationError("a leaky activation is not part of the baseline");
  }
  const Operand x = image(read(input(step, 0)));
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kConvolution);
  layer.input_count = 1;
  layer.inputs[0] = x.buffer;
  layer.in = image_of(x.dims);
  layer.out = image_of(dims);
  layer.output_elements = count(dims);
  layer.window = window;
  layer.groups = groups;
  const bool residual = step.input_count > 2;
  if (!residual) layer.clamp = activation.clamp;
  const std::span<const float> packed = constant(input(step, 1));
  const ops::ConvWeightShape shape{layer.in.channels, layer.out.channels, groups, window.kernel_h,
                                   window.kernel_w};
  std::vector<float> weights = ops::OpCode{step.op} == ops::OpCode::kConvWinograd
                                   ? unpack_winograd(packed, shape.outputs, shape.inputs)
                                   : unpack_conv2d(packed, shape);
  const Operand y{emit(layer, std::move(weights)), dims, image_strides(dims)};
  return residual ? sum(y, image(read(input(step, 2))), activation.clamp) : y;
}

// A residual that the plan's operator adds: a layer of its own here. Both are dense images.
Operand Translator::sum(const Operand& a, const Operand& b, const ops::Clamp& clamp) {
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kBinary);
  layer.input_count = 2;
  layer.inputs[0] = a.buffer;
  layer.inputs[1] = b.buffer;
  layer.output_elements = count(a.dims);
  layer.binary = static_cast<std::uint32_t>(ops::BinaryKind::kAdd);
  layer.clamp = clamp;
  fill_loops(a.dims, a.strides, a.strides, b.strides, &layer);
  return {emit(layer), a.dims, a.strides};
}

// A flattened image is read as it lies, N, C, H, W: then the weights are put into that order.
Operand Translator::connected(const package::StepRecord& step) {
  const auto a = attributes<ops::FullyConnectedAttributes>(step);
  const std::uint32_t tensor = input(step, 0);
  const TensorRecord& wanted = record(tensor);
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kConnected);
  layer.input_count = 1;
  layer.outer = rows_of(wanted);
  layer.axis = inner_of(wanted);
  layer.inner = dims.empty() ? 1 : dims.back();
  layer.output_elements = count(dims);
  layer.clamp = a.clamp;
  std::vector<float> weights = unpack_connected(constant(input(step, 1)), layer.inner, layer.axis);
  const Value* flat = places_.exact(wanted) == nullptr ? places_.reshaped(wanted) : nullptr;
  if (flat != nullptr && is_image(flat->operand) && !is_plain(flat->operand) &&
      flat->operand.dims[0] == layer.outer) {
    layer.inputs[0] = flat->operand.buffer;
    const std::uint32_t channels = flat->operand.dims[3];
    const std::uint32_t plane = layer.axis / channels;
    const std::vector<float> from = weights;
    for (std::uint64_t m = 0; m < layer.inner; ++m) {
      for (std::uint64_t k = 0; k < layer.axis; ++k) {
        weights[m * layer.axis + k % channels * plane + k / channels] = from[m * layer.axis + k];
      }
    }
  } else {
    layer.inputs[0] = plain(read(tensor)).buffer;
  }
  return {emit(layer, std::move(weights)), dims, plain_strides(dims)};
}

Operand Translator::pool(const package::StepRecord& step) {
  const auto a = attributes<ops::Pool2dAttributes>(step);
  const Operand x = image(read(input(step, 0)));
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kPool);
  layer.input_count = 1;
  layer.inputs[0] = x.buffer;
  layer.in = image_of(x.dims);
  layer.out = image_of(dims);
  layer.output_elements = count(dims);
  layer.window = a.window;
  layer.pool = static_cast<std::uint32_t>(a.kind);
  layer.count_include_pad = a.count_include_pad;
  return {emit(layer), dims, image_strides(dims)};
}

Operand Translator::global_average(const package::StepRecord& step) {
  const Operand x = image(read(input(step, 0)));
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kGlobalAverage);
  layer.input_count = 1;
  layer.inputs[0] = x.buffer;
  layer.in = image_of(x.dims);
  layer.output_elements = count(dims);
  return {emit(layer), dims, image_strides(dims)};
}

// Every value fills its buffer, so the order of the elements does not matter.
Operand Translator::clamp(const package::StepRecord& step) {
  const Operand x = read(input(step, 0));
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kClamp);
  layer.input_count = 1;
  layer.inputs[0] = x.buffer;
  layer.output_elements = count(x.dims);
  const auto a = attributes<ops::UnaryAttributes>(step);
  if (a.kind != ops::UnaryKind::kClamp) throw TranslationError("a function that it does not have");
  layer.clamp = a.clamp;
  return {emit(layer), x.dims, x.strides};
}

Operand Translator::binary(const package::StepRecord& step) {
  const auto a = attributes<ops::BinaryAttributes>(step);
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kBinary);
  if (a.kind > ops::BinaryKind::kDiv) throw TranslationError("an operation that it does not have");
  layer.output_elements = count(dims);
  layer.binary = static_cast<std::uint32_t>(a.kind);
  layer.clamp = a.clamp;
  std::vector<float> weights;
  Operand sides[2];
  for (std::uint32_t i = 0; i < 2; ++i) {
    const std::uint32_t tensor = input(step, i);
    if (is_constant(tensor)) {
      if (layer.constant != 0) throw TranslationError("both operands of a step are constants");
      const std::span<const float> values = constant(tensor);
      weights.assign(values.begin(), values.end());
      layer.constant = i + 1;
      const Numbers own = dims_of(record(tensor));
      sides[i] = {0, own, plain_strides(own)};
    } else {
      sides[i] = read(tensor);
      layer.inputs[layer.input_count++] = sides[i].buffer;
    }
  }
  // The result lies as an operand of its shape does, if possible one that is no constant.
  Numbers strides = dims.size() == 4 ? image_strides(dims) : plain_strides(dims);
  for (std::uint32_t i = 2; i-- > 0;) {
    if (sides[i].dims == dims && layer.constant != i + 1) strides = sides[i].strides;
  }
  fill_loops(dims, strides, broadcast(sides[0], dims), broadcast(sides[1], dims), &layer);
  return {emit(layer, std::move(weights)), dims, strides};
}

Operand Translator::softmax(const package::StepRecord& step) {
  Operand x = read(input(step, 0));
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kSoftmax);
  layer.input_count = 1;
  layer.output_elements = count(x.dims);
  layer.axis = x.dims.empty() ? 1 : x.dims.back();
  if (is_image(x) && !is_plain(x)) {
    layer.outer = x.dims[0];
    layer.inner = x.dims[1] * x.dims[2];
  } else {
    x = plain(x);
    layer.outer = layer.output_elements / layer.axis;
  }
  layer.inputs[0] = x.buffer;
  return {emit(layer), x.dims, x.strides};
}

// In the plan, images change between N, C, H, W and N, H, W, C. Here they do not: where the result
// lies in one of the two orders already, there is nothing to do.
Operand Translator::transpose(const package::StepRecord& step) {
  const auto a = attributes<ops::TransposeAttributes>(step);
  const Operand x = read(input(step, 0));
  Operand y{x.buffer, output_dims(step), {}};
  for (std::size_t i = 0; i < y.dims.size(); ++i) y.strides.push_back(x.strides[a.perm[i]]);
  return is_plain(y) || is_image(y) ? y : plain(y);
}

}  // namespace sz::original
