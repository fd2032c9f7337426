// Which tensor holds a value of the graph, in which order.
#pragma once

#include <vector>

#include "compiler/plan/program_builder.h"

namespace sz::compiler {

// Order of a value's dimensions in memory: `order[i]` is the dimension (ONNX) that is the i-th.
using Order = std::vector<std::size_t>;

// Images (rank 4) lie as N, H, W, C; everything else as in ONNX.
Order native_order(std::size_t rank);
// ONNX's order.
Order plain_order(std::size_t rank);

// Dimensions of `shape` in this order.
Dims ordered_dims(const Shape& shape, const Order& order);

// Reordering `dims` by `perm` (result[i] = dims[perm[i]]) leaves the elements where they are.
bool keeps_memory(const Dims& dims, const std::vector<std::size_t>& perm);

// Hands out the tensors of values, and makes them when they are asked for: constants, reshaped
// views, and transposed copies where the order in memory really differs.
class Layout {
 public:
  Layout(const Graph& graph, ProgramBuilder& builder);

  // The value in native order (in ONNX's order). May add a Transpose step.
  TensorId native(ValueId id);
  TensorId plain(ValueId id);

  // Says which tensor holds a value in native (ONNX's) order.
  void set_native(ValueId id, TensorId tensor) { native_[id] = tensor; }
  void set_plain(ValueId id, TensorId tensor) { plain_[id] = tensor; }
  bool has_plain(ValueId id) const { return plain_[id] != kNone || source_[id] != kNoValue; }
  bool has_native(ValueId id) const { return native_[id] != kNone; }

  // Native order costs nothing, or no less than ONNX's. Only asked about what can be read.
  bool prefers_native_input(ValueId id) const {
    return has_native(id) || (!has_plain(id) && source_[id] == kNoValue);
  }
  // Whoever reads the value wants it in ONNX's order, so that is what it should be made in.
  bool prefers_plain(ValueId id) const { return wanted_plain_[id]; }

  // `id` is `source` under another shape; nothing is done until it is asked for.
  void set_reshaped(ValueId id, ValueId source) { source_[id] = source; }

  // If `id` [N, C * H * W] is a flattened image whose elements lie in the order H, W, C: the image
  // value, otherwise kNoValue.
  ValueId flattened_image(ValueId id) const;

  // A tensor for the result of a node, in native order.
  TensorId make_native(ValueId id);
  // The same in ONNX's order.
  TensorId make_plain(ValueId id);

  // `from` with its dimensions reordered: a view where memory stays the same, or a new tensor and
  // a Transpose step.
  TensorId reorder(const std::string& name, TensorId from, const std::vector<std::size_t>& perm);

 private:
  static constexpr TensorId kNone = 0xffffffffu;

  const Graph& graph_;
  ProgramBuilder& builder_;
  std::vector<TensorId> native_, plain_;
  std::vector<ValueId> source_;
  std::vector<bool> wanted_plain_;
};

}  // namespace sz::compiler
