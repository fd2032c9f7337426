#include "bench/original/translate.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "bench/original/places.h"
#include "bench/original/translator.h"
#include "engine/checker.h"
#include "ops/operator.h"
#include "package/package_file.h"
#include "package/plan_reader.h"

namespace sz::original {

using ops::OpCode;
using package::TensorRecord;

std::span<const float> Translator::constant(std::uint32_t tensor) const {
  const TensorRecord& at = record(tensor);
  const std::uint64_t elements = count(dims_of(at));
  if (at.offset % sizeof(float) != 0 || at.offset > weights_.size() ||
      elements * sizeof(float) > weights_.size() - at.offset) {
    throw TranslationError("tensor " + std::to_string(tensor) + " reaches past the weights");
  }
  return {reinterpret_cast<const float*>(weights_.data() + at.offset), elements};
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
    const bool has_weights =
        op == OpCode::kConv2d || op == OpCode::kConvWinograd || op == OpCode::kFullyConnected;
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

void Translator::step(const package::StepRecord& step) {
  Operand y;
  switch (OpCode{step.op}) {
    case OpCode::kConv2d:
      y = convolution(step);
      break;
    case OpCode::kConvWinograd:
      y = winograd(step);
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
