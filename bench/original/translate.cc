#include "bench/original/translate.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <span>
#include <string>

#include "bench/original/places.h"
#include "bench/original/unpack.h"
#include "engine/checker.h"
#include "ops/operator.h"
#include "package/package_file.h"
#include "package/plan_reader.h"

namespace sz::original {
namespace {

using ops::OpCode;
using package::TensorRecord;

Image image_of(const Numbers& dims) { return {dims[0], dims[3], dims[1], dims[2]}; }

class Translator {
 public:
  Translator(const package::PlanView& plan, ByteSpan weights) : plan_(plan), weights_(weights) {}

  Translation run();

 private:
  const TensorRecord& record(std::uint32_t tensor) const { return plan_.tensors()[tensor]; }
  bool is_constant(std::uint32_t tensor) const {
    return package::RegionKind{record(tensor).region} == package::RegionKind::kWeights;
  }
  std::span<const float> constant(std::uint32_t tensor) const;
  template <typename Attributes>
  Attributes attributes(const package::StepRecord& step) const;

  void add_constants();
  Operand read(std::uint32_t tensor);
  Operand join(const TensorRecord& wide);
  Operand reordered(const Operand& from, const Numbers& strides);
  Operand plain(const Operand& from) {
    return is_plain(from) ? from : reordered(from, plain_strides(from.dims));
  }
  Operand image(const Operand& from) {
    return is_image(from) ? from : reordered(from, image_strides(from.dims));
  }
  std::uint32_t emit(LayerRecord layer, std::vector<float> weights = {});

  void step(const package::StepRecord& step);
  Operand convolution(const package::StepRecord& step);
  Operand connected(const package::StepRecord& step);
  Operand pool(const package::StepRecord& step);
  Operand global_average(const package::StepRecord& step);
  Operand clamp(const package::StepRecord& step);
  Operand binary(const package::StepRecord& step);
  Operand softmax(const package::StepRecord& step);
  Operand transpose(const package::StepRecord& step);

  std::uint32_t input(const package::StepRecord& step, std::uint32_t i) const {
    return plan_.operands()[step.operand_begin + i];
  }
  std::uint32_t output(const package::StepRecord& step) const {
    return plan_.operands()[step.operand_begin + step.input_count];
  }
  Numbers output_dims(const package::StepRecord& step) const {
    return dims_of(record(output(step)));
  }

  const package::PlanView& plan_;
  ByteSpan weights_;
  Places places_;
  std::map<std::uint32_t, Operand> constants_;  // by tensor
  Translation result_;
};

std::span<const float> Translator::constant(std::uint32_t tensor) const {
  const TensorRecord& at = record(tensor);
  const std::uint64_t elements = count(dims_of(at));
  if (at.offset % sizeof(float) != 0 || at.offset > weights_.size() ||
      elements * sizeof(float) > weights_.size() - at.offset) {
    throw TranslationError("tensor " + std::to_string(tensor) + " reaches past the weights");
  }
  return {reinterpret_cast<const float*>(weights_.data() + at.offset), elements};
}

template <typename Attributes>
Attributes Translator::attributes(const package::StepRecord& step) const {
  Attributes result;
  const auto words = plan_.attributes().subspan(step.attribute_begin, step.attribute_count);
  if (!ops::read_attributes(words, &result)) throw TranslationError("attributes of another size");
  return result;
}

std::uint32_t Translator::emit(LayerRecord layer, std::vector<float> weights) {
  layer.weight_elements = static_cast<std::uint32_t>(weights.size());
  const auto inputs =
      static_cast<std::uint32_t>(result_.input_elements.size() + result_.constants.size());
  const LayerKind kind{layer.kind};
  if (kind == LayerKind::kReorder || kind == LayerKind::kConcat) {
    // Buffers are written once: what has been put together before is still there.
    for (std::uint32_t i = 0; i < result_.layers.size(); ++i) {
      if (std::memcmp(&result_.layers[i].record, &layer, sizeof(layer)) == 0) return inputs + i;
    }
  }
  result_.layers.push_back({layer, std::move(weights)});
  return inputs + static_cast<std::uint32_t>(result_.layers.size()) - 1;
}

// A layer that puts the elements into another order.
Operand Translator::reordered(const Operand& from, const Numbers& strides) {
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kReorder);
  layer.input_count = 1;
  layer.inputs[0] = from.buffer;
  layer.output_elements = count(from.dims);
  layer.rank = static_cast<std::uint32_t>(from.dims.size());
  // The result's dimensions, outermost in memory first.
  Numbers order(from.dims.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return strides[a] > strides[b]; });
  for (std::uint32_t i = 0; i < layer.rank; ++i) {
    layer.dims[i] = from.dims[order[i]];
    layer.strides[0][i] = from.strides[order[i]];
  }
  return {emit(layer), from.dims, strides};
}

// Constants that are no layer's weights (a padding of channels, say) have buffers that are filled
// once, images in the order N, C, H, W.
void Translator::add_constants() {
  for (const package::StepRecord& one : plan_.steps()) {
    const OpCode op{one.op};
    const bool has_weights = op == OpCode::kConv2d || op == OpCode::kFullyConnected;
    for (std::uint32_t i = 0; i < one.input_count && op != OpCode::kBinary; ++i) {
      const std::uint32_t tensor = input(one, i);
      if (!is_constant(tensor) || (has_weights && i == 1) || constants_.contains(tensor)) continue;
      const std::span<const float> from = constant(tensor);
      const Numbers dims = dims_of(record(tensor));
      const Numbers strides = dims.size() == 4 ? image_strides(dims) : plain_strides(dims);
      std::vector<float> values(from.size());
      for (std::uint32_t at = 0; at < values.size(); ++at) {
        std::uint32_t rest = at;
        std::uint32_t to = 0;
        for (std::size_t d = dims.size(); d-- > 0; rest /= dims[d])
          to += rest % dims[d] * strides[d];
        values[to] = from[at];
      }
      const auto buffer =
          static_cast<std::uint32_t>(result_.input_elements.size() + result_.constants.size());
      constants_[tensor] = {buffer, dims, strides};
      result_.constants.push_back(std::move(values));
    }
  }
}

// What step reads as `tensor`.
Operand Translator::read(std::uint32_t tensor) {
  if (is_constant(tensor)) return constants_.at(tensor);
  const TensorRecord& wanted = record(tensor);
  if (const Value* value = places_.exact(wanted)) return value->operand;
  if (const Value* value = places_.reshaped(wanted)) {
    const Numbers dims = dims_of(wanted);
    return {plain(value->operand).buffer, dims, plain_strides(dims)};
  }
  return join(wanted);
}

// A tensor that was written in slices: a layer concatenates what lies in buffers of their own.
Operand Translator::join(const TensorRecord& wide) {
  const std::vector<Value> parts = places_.parts(wide);
  const Numbers dims = dims_of(wide);
  if (parts.empty() || parts.size() > kMaxInputs || !is_dense(wide)) {
    throw TranslationError("a tensor is read that is no concatenation of whole tensors");
  }
  bool images = dims.size() == 4;
  std::uint64_t begin = wide.offset;
  for (const Value& part : parts) {
    const TensorRecord& slice = part.record;
    if (slice.offset != begin || rows_of(slice) != rows_of(parts[0].record) ||
        (rows_of(slice) > 1 && slice.pitch != parts[0].record.pitch)) {
      throw TranslationError("a tensor is read that is no concatenation of whole tensors");
    }
    begin += std::uint64_t{inner_of(slice)} * sizeof(float);
    images =
        images && slice.rank == 4 && std::equal(dims.begin(), dims.begin() + 3, slice.dims.begin());
  }
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kConcat);
  layer.outer = images ? dims[0] : rows_of(parts[0].record);
  layer.output_elements = count(dims);
  std::uint64_t sum = 0;
  for (const Value& part : parts) {
    const Operand from = images ? image(part.operand) : plain(part.operand);
    layer.inputs[layer.input_count++] = from.buffer;
    sum += count(from.dims);
  }
  if (sum != layer.output_elements) {
    throw TranslationError("the parts of a concatenation do not fill it");
  }
  return {emit(layer), dims, images ? image_strides(dims) : plain_strides(dims)};
}

Operand Translator::convolution(const package::StepRecord& step) {
  const auto a = attributes<ops::Conv2dAttributes>(step);
  const Operand x = image(read(input(step, 0)));
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kConvolution);
  layer.input_count = 1;
  layer.inputs[0] = x.buffer;
  layer.in = image_of(x.dims);
  layer.out = image_of(dims);
  layer.output_elements = count(dims);
  layer.window = a.window;
  layer.groups = a.groups;
  layer.clamp = a.clamp;
  const ops::ConvWeightShape shape{layer.in.channels, layer.out.channels, a.groups,
                                   a.window.kernel_h, a.window.kernel_w};
  return {emit(layer, unpack_conv2d(constant(input(step, 1)), shape)), dims, image_strides(dims)};
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
  layer.clamp = attributes<ops::UnaryAttributes>(step).clamp;
  return {emit(layer), x.dims, x.strides};
}

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

Operand Translator::binary(const package::StepRecord& step) {
  const auto a = attributes<ops::BinaryAttributes>(step);
  const Numbers dims = output_dims(step);
  LayerRecord layer;
  layer.kind = static_cast<std::uint32_t>(LayerKind::kBinary);
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

void Translator::step(const package::StepRecord& step) {
  Operand y;
  switch (OpCode{step.op}) {
    case OpCode::kConv2d:
      y = convolution(step);
      break;
    case OpCode::kFullyConnected:
      y = connected(step);
      break;
    case OpCode::kPool2d:
      y = pool(step);
      break;
    case OpCode::kGlobalAveragePool:
      y = global_average(step);
      break;
    case OpCode::kUnary:
      y = clamp(step);
      break;
    case OpCode::kBinary:
      y = binary(step);
      break;
    case OpCode::kSoftmax:
      y = softmax(step);
      break;
    case OpCode::kCopy:  // what it prepares (a concatenation) is a layer that copies
      y = read(input(step, 0));
      break;
    case OpCode::kTranspose:
      y = transpose(step);
      break;
    default:
      throw TranslationError("operator " + std::to_string(step.op) +
                             " is not part of the baseline");
  }
  places_.write(record(output(step)), std::move(y));
}

Translation Translator::run() {
  const package::EntryRecord& entry = plan_.entries()[0];
  const auto operands = plan_.operands().subspan(entry.operand_begin);
  for (std::uint32_t i = 0; i < entry.input_count; ++i) {
    const Numbers dims = dims_of(record(operands[i]));
    result_.input_elements.push_back(count(dims));
    places_.write(record(operands[i]), {i, dims, plain_strides(dims)});
  }
  add_constants();
  for (std::uint32_t i = 0; i < entry.step_count; ++i) step(plan_.steps()[entry.step_begin + i]);
  for (std::uint32_t i = 0; i < entry.output_count; ++i) {
    const Operand y = plain(read(operands[entry.input_count + i]));
    result_.outputs.push_back(y.buffer);
    result_.output_elements.push_back(count(y.dims));
  }
  return std::move(result_);
}

}  // namespace

Translation translate(ByteSpan plan, ByteSpan weights) {
  package::PlanView view;
  if (const Failure failure = package::PlanView::parse(plan, package::sha256_host, &view);
      !failure.ok()) {
    throw TranslationError("the package has no valid plan");
  }
  std::vector<TensorView> views(view.tensors().size());
  std::vector<engine::TensorState> states(view.tensors().size());
  if (const Failure failure = engine::check_plan(view, views, states); !failure.ok()) {
    throw TranslationError("the package's plan does not pass the checker");
  }
  for (const TensorRecord& tensor : view.tensors()) {
    if (DType{tensor.dtype} != DType::kF32)
      throw TranslationError("the baseline computes with f32");
  }
  return Translator(view, weights).run();
}

}  // namespace sz::original
