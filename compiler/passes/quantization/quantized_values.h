// What the passes ask about quantised values: where they come from, and their numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// A quantised value and what it stands for.
struct QuantizedValue {
  ValueId value = kNoValue;
  DType type = DType::kI8;
  Quantization quantization;
};

// The lowest and highest number of i8 or u8.
std::int32_t lowest_of(DType type);
std::int32_t highest_of(DType type);

// The numbers of a constant of type i8, u8, i32 or f32.
std::vector<double> numbers(const Constant& constant);

// The scale and zero point of a Quantize or Dequantize node whose parameters are constants, one of
// each, the scale positive; nothing otherwise.
std::optional<Quantization> per_tensor(const Graph& graph, const Node& node);

// If `id` is what a Dequantize node of one scale makes of an i8 or u8 value: that value.
std::optional<QuantizedValue> dequantized(Rewriter& rewriter, ValueId id);

// saturate(round_half_even(x / scale) + zero), as ONNX quantises: in f32. NaN gives the zero point.
std::int32_t quantize(float x, const Quantization& q, DType type);

// A one-element constant of this type (i8, u8, i32, f32) in the graph.
ValueId scalar_constant(Graph& graph, const std::string& name, DType type, double value);

// The constant as f32: (q - zero) * scale along the axis of the node, as ONNX dequantises. nullptr
// unless all inputs of the Dequantize node are constants.
ConstantPtr dequantize_constant(const Graph& graph, const Node& node);

// The bounds of a Clamp node, or of a Clip node with constant bounds. Nothing for other nodes.
std::optional<ops::Clamp> clamp_of(const Graph& graph, const Node& node);

// clamp(clamp(x, first), second) as one.
ops::Clamp compose(const ops::Clamp& first, const ops::Clamp& second);

}  // namespace sz::compiler
