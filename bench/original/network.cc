#include "bench/original/network.h"

#include "bench/original/operators.h"

namespace sz::original {

Network::~Network() {
  if (workspace_ != nullptr) release_(workspace_);
  for (Buffer& buffer : buffers_) {
    if (buffer.data != nullptr) release_(buffer.data);
  }
  for (Layer& layer : layers_) {
    if (layer.record != nullptr) release_(layer.record);
    if (layer.weights != nullptr) release_(layer.weights);
  }
}

void* Network::take(std::uint64_t bytes) {
  void* memory = allocate_(static_cast<std::size_t>(bytes));
  if (memory != nullptr) taken_ += bytes;
  return memory;
}

Outcome Network::add_buffer(std::uint32_t elements) {
  Buffer& buffer = buffers_[input_count_ + layer_count_];
  buffer.data = static_cast<float*>(take(std::uint64_t{elements} * sizeof(float)));
  if (buffer.data == nullptr) return Outcome::kOutOfMemory;
  buffer.elements = elements;
  return Outcome::kOk;
}

Outcome Network::add_input(std::uint32_t elements) {
  if (finished_ || layer_count_ != 0) return Outcome::kBadState;
  if (elements == 0 || elements > kMaxElements || input_count_ == kMaxBuffers) {
    return Outcome::kBadParameters;
  }
  const Outcome outcome = add_buffer(elements);
  if (outcome == Outcome::kOk) ++input_count_;
  return outcome;
}

bool Network::fits(const LayerRecord& layer) const {
  if (layer.input_count > kMaxInputs) return false;
  std::uint32_t sizes[kMaxInputs] = {};
  for (std::uint32_t i = 0; i < layer.input_count; ++i) {
    if (layer.inputs[i] >= input_count_ + layer_count_) return false;
    sizes[i] = buffers_[layer.inputs[i]].elements;
  }
  return layer_fits(layer, {sizes, layer.input_count});
}

Outcome Network::add_layer(ByteSpan bytes) {
  if (finished_) return Outcome::kBadState;
  if (bytes.size() != sizeof(LayerRecord) || input_count_ + layer_count_ == kMaxBuffers) {
    return Outcome::kBadParameters;
  }
  Layer& layer = layers_[layer_count_];
  if (layer.record != nullptr) return Outcome::kBadState;  // the one before failed
  layer.record = static_cast<LayerRecord*>(take(sizeof(LayerRecord)));
  if (layer.record == nullptr) return Outcome::kOutOfMemory;
  copy_bytes(layer.record, bytes.data(), sizeof(LayerRecord));  // only the copy is looked at
  if (!fits(*layer.record)) return Outcome::kBadParameters;
  if (layer.record->weight_elements != 0) {
    layer.weights =
        static_cast<float*>(take(std::uint64_t{layer.record->weight_elements} * sizeof(float)));
    if (layer.weights == nullptr) return Outcome::kOutOfMemory;
  }
  const Outcome outcome = add_buffer(layer.record->output_elements);
  if (outcome == Outcome::kOk) ++layer_count_;
  return outcome;
}

Outcome Network::push_weights(std::uint32_t index, std::uint32_t offset, ByteSpan bytes) {
  if (index >= layer_count_) return Outcome::kBadParameters;
  const Layer& layer = layers_[index];
  const std::uint64_t end = std::uint64_t{layer.record->weight_elements} * sizeof(float);
  if (offset > end || bytes.size() > end - offset) return Outcome::kBadParameters;
  copy_bytes(reinterpret_cast<std::byte*>(layer.weights) + offset, bytes.data(), bytes.size());
  return Outcome::kOk;
}

Outcome Network::finish() {
  if (finished_) return Outcome::kBadState;
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < layer_count_; ++i) {
    const std::uint64_t elements = workspace_elements(*layers_[i].record);
    if (elements > largest) largest = elements;
  }
  if (largest != 0) {
    workspace_ = static_cast<float*>(take(largest * sizeof(float)));
    if (workspace_ == nullptr) return Outcome::kOutOfMemory;
  }
  finished_ = true;
  return Outcome::kOk;
}

Outcome Network::set_input(std::uint32_t input, ByteSpan bytes) {
  if (input >= input_count_) return Outcome::kBadParameters;
  if (bytes.size() != std::uint64_t{buffers_[input].elements} * sizeof(float)) {
    return Outcome::kBadParameters;
  }
  copy_bytes(buffers_[input].data, bytes.data(), bytes.size());
  return Outcome::kOk;
}

void Network::run(const Layer& layer, float* y) {
  const LayerRecord& record = *layer.record;
  const float* x = record.input_count != 0 ? input_of(record, 0) : nullptr;
  switch (LayerKind{record.kind}) {
    case LayerKind::kConvolution:
      return convolution(record, x, layer.weights, workspace_, y);
    case LayerKind::kConnected:
      return connected(record, x, layer.weights, y);
    case LayerKind::kPool:
      return pool(record, x, y);
    case LayerKind::kGlobalAverage:
      return global_average(record, x, y);
    case LayerKind::kClamp:
      return clamp(record, x, y);
    case LayerKind::kBinary: {
      if (record.constant == 1) return binary(record, layer.weights, x, y);
      const float* second = record.constant == 2 ? layer.weights : input_of(record, 1);
      return binary(record, x, second, y);
    }
    case LayerKind::kSoftmax:
      return softmax(record, x, y);
    case LayerKind::kReorder:
      return reorder(record, x, y);
    case LayerKind::kConcat: {
      const std::size_t wide = record.output_elements / record.outer;
      std::size_t begin = 0;
      for (std::uint32_t i = 0; i < record.input_count; ++i) {
        const std::size_t block = buffers_[record.inputs[i]].elements / record.outer;
        concat_part(record.outer, block, wide, input_of(record, i), y + begin);
        begin += block;
      }
    }
  }
}

Outcome Network::forward(std::uint32_t layer) {
  if (!finished_) return Outcome::kBadState;
  if (layer >= layer_count_) return Outcome::kBadParameters;
  run(layers_[layer], buffers_[input_count_ + layer].data);
  return Outcome::kOk;
}

Outcome Network::get_output(std::uint32_t buffer, MutableByteSpan bytes) const {
  if (buffer >= input_count_ + layer_count_) return Outcome::kBadParameters;
  if (bytes.size() != std::uint64_t{buffers_[buffer].elements} * sizeof(float)) {
    return Outcome::kBadParameters;
  }
  copy_bytes(bytes.data(), buffers_[buffer].data, bytes.size());
  return Outcome::kOk;
}

}  // namespace sz::original
