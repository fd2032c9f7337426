#include "engine/testing/plan_refit.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "base/checked.h"
#include "ops/transformer/transformer.h"
#include "ops/winograd/pack.h"

namespace sz::engine::testing {
namespace {

using package::TensorRecord;
using Shape = std::array<std::uint32_t, kMaxRank>;

constexpr std::uint32_t kMaxDim = 4096;
constexpr std::uint64_t kMaxArena = 1 << 20;

bool is_slice(const TensorRecord& tensor) {
  return tensor.rank > 0 && tensor.rank <= kMaxRank &&
         tensor.pitch != tensor.dims[tensor.rank - 1u];
}

void set_shape(TensorRecord& tensor, const Shape& dims, std::uint8_t rank) {
  const bool slice = is_slice(tensor);
  tensor.dims = dims;
  tensor.rank = rank;
  const std::uint32_t inner = rank == 0 ? 1 : dims[rank - 1u];
  tensor.pitch = slice ? std::max(tensor.pitch, inner + 1) : inner;
}

// Size of one axis after a window, rounded down; 0 if the window does not fit.
std::uint32_t windowed(std::uint64_t size, std::uint64_t kernel, std::uint64_t stride,
                       std::uint64_t dilation, std::uint64_t pads) {
  if (kernel == 0 || stride == 0 || kernel > kMaxDim || dilation > kMaxDim || pads > kMaxDim) {
    return 0;
  }
  const std::uint64_t extent = (kernel - 1) * dilation + 1;
  if (size + pads < extent) return 0;
  return static_cast<std::uint32_t>((size + pads - extent) / stride + 1);
}

// One step: its operands, its attributes, and what is done about them.
class Refit {
 public:
  Refit(PlanTables& tables, const package::StepRecord& step) : tables_(tables), step_(step) {}

  void apply() {
    if (!x() || !y() || x()->rank > kMaxRank) return;
    switch (static_cast<ops::OpCode>(step_.op)) {
      case ops::OpCode::kConv2d:
        if (const auto a = attributes<ops::Conv2dAttributes>()) conv2d(*a);
        return;
      case ops::OpCode::kConvWinograd:
        if (const auto a = attributes<ops::WinogradAttributes>()) winograd(*a);
        return;
      case ops::OpCode::kFullyConnected:
        return fully_connected();
      case ops::OpCode::kPool2d:
        if (const auto a = attributes<ops::Pool2dAttributes>()) window(a->window, x()->dims[3]);
        return;
      case ops::OpCode::kGlobalAveragePool:
        return set_shape(*y(), {x()->dims[0], 1, 1, x()->dims[3], 1, 1}, 4);
      case ops::OpCode::kTranspose:
        if (const auto a = attributes<ops::TransposeAttributes>()) transpose(*a);
        return;
      case ops::OpCode::kUpsample:
        if (const auto a = attributes<ops::UpsampleAttributes>()) upsample(*a);
        return;
      case ops::OpCode::kEmbedding:
        if (const auto a = attributes<ops::EmbeddingAttributes>()) {
          rows(*y(), x()->dims[0], a->width);
          weights_bytes(a->format, a->vocabulary, a->width);
        }
        return;
      case ops::OpCode::kRmsNorm:
        if (const auto a = attributes<ops::RmsNormAttributes>()) {
          rows(*y(), a->last != 0 ? 1 : x()->dims[0], a->width);
        }
        return;
      case ops::OpCode::kQuantizeRows:
        if (const auto a = attributes<ops::QuantizeRowsAttributes>()) {
          rows(*y(), x()->dims[0], a->width);
        }
        return;
      case ops::OpCode::kLinear:
        if (const auto a = attributes<ops::LinearAttributes>()) linear(*a);
        return;
      case ops::OpCode::kRotary:
        if (const auto a = attributes<ops::RotaryAttributes>()) {
          rows(*y(), x()->dims[0], a->cache.heads * a->cache.head);
          cache(operand(step_.input_count + 1u), a->cache, true);
          cache(operand(step_.input_count + 2u), a->cache, false);
        }
        return;
      case ops::OpCode::kAttention:
        if (const auto a = attributes<ops::AttentionAttributes>()) {
          rows(*y(), x()->dims[0], a->cache.heads * a->cache.head);
          cache(operand(1), a->cache, true);
          cache(operand(2), a->cache, false);
        }
        return;
      default:
        return set_shape(*y(), x()->dims, x()->rank);
    }
  }

 private:
  TensorRecord* operand(std::uint32_t index) const {
    const std::uint64_t at = std::uint64_t{step_.operand_begin} + index;
    if (at >= tables_.operands.size()) return nullptr;
    const std::uint32_t tensor = tables_.operands[at];
    return tensor < tables_.tensors.size() ? &tables_.tensors[tensor] : nullptr;
  }
  TensorRecord* x() const { return operand(0); }
  TensorRecord* y() const { return operand(step_.input_count); }

  template <typename Attributes>
  std::optional<Attributes> attributes() const {
    Attributes result;
    const std::uint64_t end = std::uint64_t{step_.attribute_begin} + step_.attribute_count;
    if (end > tables_.attributes.size()) return {};
    const std::span words(tables_.attributes);
    if (!ops::read_attributes(words.subspan(step_.attribute_begin, step_.attribute_count),
                              &result)) {
      return {};
    }
    return result;
  }

  bool window(const ops::Window2d& w, std::uint32_t channels) {
    const Shape& in = x()->dims;
    const std::uint32_t height = windowed(in[1], w.kernel_h, w.stride_h, w.dilation_h,
                                          std::uint64_t{w.pad_top} + w.pad_bottom);
    const std::uint32_t width = windowed(in[2], w.kernel_w, w.stride_w, w.dilation_w,
                                         std::uint64_t{w.pad_left} + w.pad_right);
    if (height == 0 || width == 0 || height > kMaxDim || width > kMaxDim) return false;
    set_shape(*y(), {in[0], height, width, channels, 1, 1}, 4);
    return true;
  }

  void weights(std::optional<std::uint64_t> elements) {
    TensorRecord* blob = operand(1);
    if (!blob || blob->region != 0 || !elements || *elements > kMaxArena) return;
    const auto count = static_cast<std::uint32_t>(*elements);
    blob->dims = {count, 1, 1, 1, 1, 1};
    blob->pitch = count;
    blob->rank = 1;
    tables_.header.weights_bytes =
        std::max<std::uint64_t>(tables_.header.weights_bytes, blob->offset + count * sizeof(float));
  }

  // [count, width], of bytes if it is quantised.
  void rows(TensorRecord& tensor, std::uint32_t count, std::uint32_t width) {
    if (width > kMaxDim) return;
    const bool bytes = tensor.dtype == static_cast<std::uint8_t>(DType::kU8);
    const std::uint64_t inner = bytes ? ops::quantized_row_bytes(width) : width;
    set_shape(tensor, {count, static_cast<std::uint32_t>(inner), 1, 1, 1, 1}, 2);
  }

  void weights_bytes(ops::BlockFormat format, std::uint32_t outputs, std::uint32_t inputs) {
    TensorRecord* blob = operand(1);
    if (!blob || blob->region != 0 || outputs > kMaxDim || inputs > kMaxDim) return;
    const std::uint64_t bytes = ops::packed_bytes(format, outputs, inputs);
    if (bytes > kMaxArena) return;
    set_shape(*blob, {static_cast<std::uint32_t>(bytes), 1, 1, 1, 1, 1}, 1);
    tables_.header.weights_bytes =
        std::max<std::uint64_t>(tables_.header.weights_bytes, blob->offset + bytes);
  }

  void linear(const ops::LinearAttributes& a) {
    rows(*y(), x()->dims[0], a.outputs);
    if (step_.input_count > 2 && operand(2)) rows(*operand(2), x()->dims[0], a.outputs);
    const bool gated = a.epilogue == ops::LinearEpilogue::kSwiglu;
    const std::uint32_t outputs = std::min(a.outputs, kMaxDim);
    weights_bytes(a.format,
                  gated ? static_cast<std::uint32_t>(32 * ops::panels_of(outputs)) : outputs,
                  a.inputs);
  }

  void cache(TensorRecord* tensor, const ops::CacheAttributes& a, bool keys) {
    if (!tensor || a.context > kMaxDim || a.head > kMaxDim || a.kv_heads > kMaxDim) return;
    const std::uint64_t bytes = ops::cache_head_bytes(a.format, keys, a.context, a.head);
    if (bytes * a.kv_heads > kMaxArena) return;
    set_shape(*tensor, {a.kv_heads, static_cast<std::uint32_t>(bytes), 1, 1, 1, 1}, 2);
    if (tensor->region != 2) return;
    tables_.header.state_bytes =
        std::max<std::uint64_t>(tables_.header.state_bytes, tensor->offset + bytes * a.kv_heads);
  }

  void conv2d(const ops::Conv2dAttributes& a) {
    if (x()->rank != 4 || y()->rank != 4 || !window(a.window, y()->dims[3])) return;
    if (step_.input_count > 2 && operand(2)) set_shape(*operand(2), y()->dims, 4);
    weights(ops::packed_conv2d_elements({.inputs = x()->dims[3],
                                         .outputs = y()->dims[3],
                                         .groups = a.groups,
                                         .kernel_h = a.window.kernel_h,
                                         .kernel_w = a.window.kernel_w}));
  }

  void winograd(const ops::WinogradAttributes& a) {
    const ops::Window2d three{.kernel_h = 3,
                              .kernel_w = 3,
                              .pad_top = a.pad_top,
                              .pad_left = a.pad_left,
                              .pad_bottom = a.pad_bottom,
                              .pad_right = a.pad_right};
    if (x()->rank != 4 || y()->rank != 4 || !window(three, y()->dims[3])) return;
    if (step_.input_count > 2 && operand(2)) set_shape(*operand(2), y()->dims, 4);
    weights(ops::packed_winograd_elements(y()->dims[3], x()->dims[3]));
  }

  void fully_connected() {
    if (x()->rank == 0 || y()->rank == 0 || y()->rank > kMaxRank) return;
    const std::uint32_t outputs = y()->dims[y()->rank - 1u];
    const std::uint32_t inputs = x()->dims[x()->rank - 1u];
    Shape dims = x()->dims;
    dims[x()->rank - 1u] = outputs;
    set_shape(*y(), dims, x()->rank);
    weights(ops::packed_elements(outputs, inputs));
  }

  void transpose(const ops::TransposeAttributes& a) {
    Shape dims{1, 1, 1, 1, 1, 1};
    for (std::uint32_t i = 0; i < x()->rank; ++i) {
      if (a.perm[i] >= x()->rank) return;
      dims[i] = x()->dims[a.perm[i]];
    }
    set_shape(*y(), dims, x()->rank);
  }

  void upsample(const ops::UpsampleAttributes& a) {
    Shape dims = x()->dims;
    if (a.factor_h > kMaxDim || a.factor_w > kMaxDim || dims[1] > kMaxDim || dims[2] > kMaxDim) {
      return;
    }
    dims[1] *= a.factor_h;
    dims[2] *= a.factor_w;
    set_shape(*y(), dims, x()->rank);
  }

  PlanTables& tables_;
  package::StepRecord step_;
};

}  // namespace

void spread_tensors(PlanTables& tables) {
  std::uint64_t end = 0;
  for (TensorRecord& tensor : tables.tensors) {
    if (tensor.region != 1 || is_slice(tensor)) continue;
    std::uint64_t bytes = sizeof(float);
    for (const std::uint32_t dim : tensor.dims) bytes = std::min(bytes * dim, kMaxArena);
    tensor.offset = end;
    end = align_up(end + bytes, package::kTensorAlignment);
  }
  if (end <= kMaxArena) tables.header.arena_bytes = std::max(tables.header.arena_bytes, end);
}

void refit(PlanTables& tables) {
  for (const package::StepRecord& step : tables.steps) Refit(tables, step).apply();
  spread_tensors(tables);
}

}  // namespace sz::engine::testing
