// What the operators of the graph know beside their operands: a struct for each family.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/graph/constant.h"
#include "compiler/graph/movement_attributes.h"
#include "ops/attributes.h"
#include "ops/normalize/normalize.h"
#include "ops/recurrent/recurrent.h"

namespace sz::compiler {

enum class AutoPad { kExplicit, kSameUpper, kSameLower, kValid };

// Window of a convolution or a pool. Before resolve_windows the vectors may be empty (default).
struct WindowAttributes {
  std::vector<std::int64_t> kernel, strides, dilations;  // {h, w}
  std::vector<std::int64_t> pads;                        // {top, left, bottom, right}
  AutoPad auto_pad = AutoPad::kExplicit;
  std::int64_t groups = 1;
  bool ceil_mode = false;
  bool count_include_pad = false;
};
struct GemmAttributes {
  float alpha = 1, beta = 1;
  bool trans_a = false, trans_b = false;
};
struct SoftmaxAttributes {
  std::int64_t axis = -1;
  bool flattened = false;  // before opset 13: over all dimensions from `axis` on, as one
  bool log = false;        // its logarithm
};
struct AxisAttributes {
  std::int64_t axis = 0;
};
struct PermAttributes {
  std::vector<std::int64_t> perm;
};
struct ReshapeAttributes {
  bool allow_zero = false;  // a 0 in the shape is a dimension of 0, not "copy the input's"
};
struct BatchNormAttributes {
  float epsilon = 1e-5f;
};
struct LeakyReluAttributes {
  float slope = 0.01f;
};
// Nearest neighbour, by whole factors. Where an input gives the scales or sizes, the factors are 0
// until canonicalize.
struct UpsampleAttributes {
  std::int64_t factor_h = 0, factor_w = 0;
};
// What kReduce computes; kReduceMean has the rest of the attributes only.
enum class Reduction { kSum, kMax, kMin, kProd, kL1, kL2, kLogSum, kLogSumExp, kSumSquare };
struct ReduceAttributes {
  bool keep_dims = true;
  bool noop_with_empty_axes = false;  // no axes: none, instead of all
  Reduction kind = Reduction::kSum;
};
struct UnaryFunction {
  ops::UnaryKind kind = ops::UnaryKind::kAbs;
  float alpha = 0, beta = 0;
};
struct BinaryOperation {
  ops::BinaryKind kind = ops::BinaryKind::kMin;
};
struct IsInfAttributes {
  bool negative = true, positive = true;
};
struct ArgAttributes {
  std::int64_t axis = 0;
  bool keep_dims = true, last = false, smallest = false;
};
struct CumSumAttributes {
  bool exclusive = false, reverse = false;
};
struct CastAttributes {
  DType to = DType::kF32;
};
struct ShapeAttributes {
  std::int64_t start = 0;
  std::optional<std::int64_t> end;
};
struct FillAttributes {
  ConstantPtr value;  // one element
};
// Each list says which dimension of the operand (the result) is which of the product's; empty: as
// they stand. Lists are there only where all ranks are the same.
struct MatMulAttributes {
  float alpha = 1;
  std::vector<std::int64_t> a_perm, b_perm, y_perm;
};
struct NormalizeAttributes {
  ops::NormalizeKind kind = ops::NormalizeKind::kDeviation;
  ops::NormalizeResult result = ops::NormalizeResult::kRows;
  float epsilon = 0;
};
// kLayerNorm, kRmsNorm: from `axis` on. kLpNorm: along `axis`. kMeanVarianceNorm: over `axes`.
struct NormAttributes {
  std::int64_t axis = -1;
  float epsilon = 0;
  std::int64_t groups = 1;                                    // kGroupNorm
  std::int64_t p = 2;                                         // kLpNorm: 1 or 2
  std::vector<std::int64_t> axes;                             // kMeanVarianceNorm
  ops::NormalizeResult result = ops::NormalizeResult::kRows;  // kLayerNorm
};
struct LrnAttributes {
  std::int64_t size = 1;
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
};
struct EinsumAttributes {
  std::string equation;  // without spaces
};
struct RecurrentLayerAttributes {
  ops::RecurrentKind kind = ops::RecurrentKind::kLstm;
  std::int64_t units = 0;       // 0: as the weights say
  std::int64_t directions = 1;  // 2: forward, then in reverse
  bool reverse = false;         // the only direction
  bool batch_first = false;
  bool linear_before_reset = false;
  bool keep_cell = false;
  float clip = __builtin_inff();
  std::vector<std::array<ops::RecurrentActivation, 3>> activations;  // of each direction
};
// One of ONNX's outputs.
struct RecurrentResultAttributes {
  enum class What { kAll, kLastHidden, kLastCell } what = What::kAll;
  RecurrentLayerAttributes layer;
};
struct RecurrentAttributes {
  ops::RecurrentAttributes words;
};
struct AttentionAttributes {
  std::int64_t heads = 0;  // kHeads of rank 3
  float scale = 0;         // kAttentionScores; 0: 1 / sqrt(D)
  bool causal = false;     // kAttentionMask
  float cap = 0;           // kSoftcap
};
struct RotaryAttributes {
  std::int64_t heads = 0;       // of rank 3
  std::int64_t dimensions = 0;  // that are rotated; 0: all
  bool interleaved = false;
};
struct ConvTransposeAttributes {
  WindowAttributes window;
  std::vector<std::int64_t> output_padding, output_shape;  // may be empty
};
struct LpPoolAttributes {
  WindowAttributes window;
  std::int64_t p = 2;
};
struct Branches;
struct IfAttributes {
  std::shared_ptr<const Branches> branches;
};
// How an accumulator becomes an 8-bit value (docs of ops/quantized).
enum class Rescale {
  kFixedPoint,  // multiplier Q0.31 and shift, as TFLite's reference kernels
  kFloat,       // round half to even of a product in f32, as ONNX
};
// real = scale * (value - zero), where value and zero have the type of the tensor (i8 or u8).
struct Quantization {
  double scale = 1;
  std::int32_t zero = 0;
};
// What a quantised node knows about its operands. The types i8 and u8 may be mixed until the pass
// make_signed; zero points and bounds are numbers of the type of their tensor.
struct QuantAttributes {
  Rescale rescale = Rescale::kFloat;
  std::vector<Quantization> inputs;   // of x, or of a and b
  std::vector<double> weight_scales;  // kQConv, kQFullyConnected: one, or one for each output
  std::int32_t weight_zero = 0;       // the same for all outputs
  // kQConv, kQFullyConnected: what rounding took off each bias, in units of it. Empty: nothing.
  std::vector<double> bias_rests;
  // Of the result: i8 or u8. i32: of kQConv, kQFullyConnected and kQMatMul, the accumulators.
  DType type = DType::kI8;
  Quantization output;
  std::int32_t low = -128;  // bounds of the result:
  std::int32_t high = 127;  // of its type, or of a fused activation
  double beta = 1;          // kQSoftmax: of exp(beta * x)
  WindowAttributes window;  // kQConv, kQAveragePool
  // kQAveragePool: a mean that lies between two values goes away from this one. Of u8 values, 0.
  std::int32_t origin = 0;
};
using Attributes = std::variant<
    std::monostate, WindowAttributes, GemmAttributes, SoftmaxAttributes, AxisAttributes,
    PermAttributes, ReshapeAttributes, BatchNormAttributes, LeakyReluAttributes, UpsampleAttributes,
    ReduceAttributes, CastAttributes, ShapeAttributes, FillAttributes, IfAttributes, MoveAttributes,
    PadAttributes, SplitAttributes, BlockAttributes, AxesAttributes, ReverseAttributes,
    CompressAttributes, GatherNdAttributes, ScatterAttributes, TopKAttributes, TriluAttributes,
    EyeAttributes, ResizeAttributes, InterpolateAttributes, MatMulAttributes, NormalizeAttributes,
    NormAttributes, LrnAttributes, EinsumAttributes, QuantAttributes, UnaryFunction,
    BinaryOperation, IsInfAttributes, ArgAttributes, CumSumAttributes, ConvTransposeAttributes,
    LpPoolAttributes, RecurrentLayerAttributes, RecurrentResultAttributes, RecurrentAttributes,
    GridSampleAttributes, RoiAlignAttributes, AttentionAttributes, RotaryAttributes>;

}  // namespace sz::compiler
