// The intermediate representation: a graph in single-assignment form, in ONNX's order of
// dimensions. Importers make it, passes rewrite it, the planner lowers it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/error.h"
#include "compiler/graph/attributes.h"
#include "compiler/graph/constant.h"
#include "ops/attributes.h"

namespace sz::compiler {

using ValueId = std::uint32_t;
inline constexpr ValueId kNoValue = 0xffffffffu;  // an optional input that is absent

// The operators, each with one output. Importers use all of them but the last group.
enum class Op {
  // Run on the device.
  kConv,               // x, w [M, C/groups, KH, KW], optional bias [M]; WindowAttributes; made by
                       // fuse_residuals: a fourth input of the output's shape, added last
  kMaxPool,            // x; WindowAttributes
  kAveragePool,        // x; WindowAttributes
  kGlobalAveragePool,  // x [N, C, H, W] -> [N, C, 1, 1]
  kGlobalMaxPool,      // the same
  kAdd,
  kSub,
  kMul,
  kDiv,        // a, b, with broadcasting
  kSoftmax,    // x; SoftmaxAttributes
  kConcat,     // x...; AxisAttributes
  kTranspose,  // x; PermAttributes (empty: reversed)
  kReshape,    // x, shape (i64); ReshapeAttributes
  kClamp,      // x; bounds are the node's activation
  kLeakyRelu,  // x; LeakyReluAttributes
  kUpsample,   // x [N, C, H, W], optional scales (f32), optional sizes (i64); UpsampleAttributes
  // Turned into others by the passes.
  kGemm,        // a, b, optional c; GemmAttributes
  kMatMul,      // a, b; MatMulAttributes
  kBatchNorm,   // x, scale, bias, mean, variance; BatchNormAttributes
  kClip,        // x, optional low, optional high
  kFlatten,     // x; AxisAttributes
  kSqueeze,     // x, optional axes (i64)
  kUnsqueeze,   // x, axes (i64)
  kIdentity,    // x
  kPad,         // x, pads (i64), optional value, optional axes; PadAttributes
  kSlice,       // x, starts, ends, optional axes, optional steps
  kReduceMean,  // x, optional axes; ReduceAttributes
  // Only on constants: folded, or refused.
  kCast,             // x; CastAttributes
  kShape,            // x; ShapeAttributes
  kGather,           // x, indices; AxisAttributes
  kConstantOfShape,  // shape; FillAttributes
  kIf,               // condition; IfAttributes
  // Element by element, with broadcasting (NumPy's).
  kUnary,     // x; UnaryFunction
  kBinary,    // a, b; BinaryOperation
  kWhere,     // condition, a, b
  kNot,       // x, bool
  kIsNan,     // x
  kIsInf,     // x; IsInfAttributes
  kCastLike,  // x, a value of the type wanted
  // Along axes.
  kReduce,   // x, optional axes; ReduceAttributes
  kArg,      // x; ArgAttributes
  kHardmax,  // x; SoftmaxAttributes
  kCumSum,   // x, axis; CumSumAttributes
  // Made by the passes.
  kFullyConnected,  // x [..., K], w [M, K], optional bias [M]
  // Matrices and normalisation. The first group runs on the device, kMatMul too.
  kNormalize,  // x, optional scale and bias, along the last dimension; NormalizeAttributes
  kLrn,        // x [N, C, ...]; LrnAttributes
  kLayerNorm,         // x, optional scale, optional bias; NormAttributes
  kRmsNorm,           // x, optional scale; NormAttributes
  kInstanceNorm,      // x [N, C, ...], scale [C], bias [C]; NormAttributes
  kGroupNorm,         // the same, or scale and bias for each group
  kMeanVarianceNorm,  // x; NormAttributes
  kLpNorm,            // x; NormAttributes
  kEinsum,            // one or two operands; EinsumAttributes
  // Quantised (i8 or u8 values whose scale and zero point the nodes know). The first two as in
  // ONNX, all others with QuantAttributes.
  kQuantizeLinear,         // x f32, scale f32, zero; AxisAttributes. The zero decides the type
  kDequantizeLinear,       // x i8/u8/i32, scale f32, optional zero; AxisAttributes
  kQConv,                  // x, w [M, C/groups, KH, KW] i8/u8 constant, optional bias [M] i32
  kQFullyConnected,        // x [..., K], w [M, K] i8/u8 constant, optional bias [M] i32
  kQAdd,
  kQSub,
  kQMul,                // a, b, with broadcasting
  kQAveragePool,        // x [N, C, H, W]
  kQGlobalAveragePool,  // x [N, C, H, W] -> [N, C, 1, 1]
  kRequantize,          // x
  kLookup,              // x, table [256] constant: of the lowest value of x's type first
  kQSoftmax,            // x; along the last dimension
  kQMatMul,             // a [..., L, K], b [..., K, M], both computed by the network
  // As in ONNX: x, w, optional zero of x, optional zero of w -> i32. Passes turn them into kQConv,
  // kQFullyConnected and kQMatMul.
  kConvInteger,  // WindowAttributes
  kMatMulInteger,
  // Moving elements, of any type (infer_movement.cc). Run on the device:
  kMove,             // x; MoveAttributes
  kGatherElements,   // x, indices; AxisAttributes
  kGatherNd,         // x, indices; GatherNdAttributes
  kScatterElements,  // x, indices, updates; ScatterAttributes
  kScatterNd,        // x, indices, updates; ScatterAttributes
  kTopK,             // x, k: the places (i64) of the best; TopKAttributes
  kOneHot,           // x, depth, values; AxisAttributes
  kTrilu,            // x, optional k; TriluAttributes
  kInterpolate,      // x, indices i32 [J, T], weights f32 [J, T]; InterpolateAttributes
  kGridSample,       // x [N, C, (D,) H, W], grid; GridSampleAttributes
  kRoiAlign,         // x [N, C, H, W], regions [R, 4], images [R]; RoiAlignAttributes
  // Turned into others by the passes.
  kSplit,            // x, optional sizes; SplitAttributes
  kExpand,           // x, shape
  kTile,             // x, repeats
  kDepthToSpace,     // x [N, C, H, W]; BlockAttributes
  kSpaceToDepth,     // the same
  kCenterCropPad,    // x, shape; AxesAttributes
  kReverseSequence,  // x, lengths; ReverseAttributes
  kCompress,         // x, condition; CompressAttributes
  kResize,           // x, optional region, optional scales, optional sizes; ResizeAttributes
  // Only on constants.
  kNonZero,  // x
  kSize,     // x
  kEyeLike,  // x; EyeAttributes
  kRange,    // start, limit, step
  // Recurrent layers. Spelled out but for the last, which runs on the device.
  kRnn,              // x, w, r, optional b, lengths, h0, c0, peepholes (ONNX's); the hidden states
  kGru,              // [directions, T, B, H], with keep_cell one more row, the cell state;
  kLstm,             // RecurrentLayerAttributes
  kRecurrentResult,  // such a tensor; RecurrentResultAttributes
  kRecurrent,        // x [T, B, G * H], r, optional rb, h0, c0, peepholes; RecurrentAttributes
  // Attention and what belongs to it, all of it spelled out; AttentionAttributes.
  kHeads,            // x [B, S, H * D] or [B, H, S, D] -> [B, H, S, D]
  kAttentionScores,  // q [B, H, S, D], k [B, KH, T, D] -> [B, H, S, T]: q k^T * scale
  kAttentionMask,    // scores, optional mask (bool or f32), optional past keys; adds the mask and
                     // the causal one
  kSoftcap,          // scores: cap * tanh(scores / cap)
  kAttentionValues,  // weights [B, H, S, T], v [B, KH, T, D], x -> as kHeads read it, like x
  kRotary,           // x, cos, sin, optional positions; RotaryAttributes
  // Windows, spelled out in convolutions and pools.
  kConvTranspose,  // x, w [C, M/groups, KH, KW], optional bias [M]; ConvTransposeAttributes
  kLpPool,         // x; LpPoolAttributes
  kGlobalLpPool,   // x; LpPoolAttributes, of which only p counts
};

// The ONNX name of an operator.
const char* to_string(Op op);
const char* to_string(ops::UnaryKind kind);
const char* to_string(ops::BinaryKind kind);

struct Value {
  std::string name;
  DType dtype = DType::kF32;
  std::optional<Shape> shape;  // unknown until shape inference
  ConstantPtr constant;        // set: a constant; then nothing produces it
};

struct Node {
  Op op;
  std::string name;  // for messages; importers make one up where the file has none
  std::vector<ValueId> inputs;
  ValueId output = kNoValue;
  Attributes attributes;
  // Fused activation of kConv, kFullyConnected, kAdd .. kDiv; the bounds of kClamp.
  ops::Clamp activation;
  // Fused into kConv: leaky Relu before the clamp. 1: none.
  float slope = 1.0f;

  template <typename T>
  const T& get() const {
    return std::get<T>(attributes);
  }
  template <typename T>
  T& get() {
    return std::get<T>(attributes);
  }
  ValueId input(std::size_t index) const {
    return index < inputs.size() ? inputs[index] : kNoValue;
  }
};

// The two sides of an If. Their nodes read values of the whole graph.
struct Branches {
  std::vector<Node> then_nodes, else_nodes;
  ValueId then_result = kNoValue, else_result = kNoValue;
};

// An output as the file declares it; the shape inferred for it must agree.
struct DeclaredOutput {
  std::string name;
  bool has_shape = false;
  std::vector<std::int64_t> dims;  // -1: left open
};

// Nodes stand in an order in which every value is produced before it is read.
struct Graph {
  std::string source;           // the file, for messages
  std::string format = "onnx";  // what kind of file it was
  std::int64_t opset = 0;       // of ONNX; 0 otherwise
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;
  std::vector<DeclaredOutput> declared_outputs;  // as many as outputs
  // Bytes that further constants may take; importers and folding charge what they add.
  std::uint64_t constant_budget = kMaxTensorBytes;

  ValueId add_value(Value value);
  ValueId add_constant(std::string name, ConstantPtr constant);

  Value& value(ValueId id) { return values[id]; }
  const Value& value(ValueId id) const { return values[id]; }
  // Shape of a value after shape inference.
  const Shape& shape(ValueId id) const { return *values[id].shape; }
  // The constant behind a value; nullptr if there is no such value or it is no constant.
  const Constant* constant(ValueId id) const;
};

// The ONNX name of a node's operator.
const char* operator_name(const Node& node);

// How often each value is read, by nodes and as an output of the graph.
std::vector<std::uint32_t> count_uses(const Graph& graph);

// Throws CompileError "file: node 'name' (Op): what".
[[noreturn]] void fail(const Graph& graph, const Node& node, const std::string& what);
// Throws CompileError "file: what".
[[noreturn]] void fail(const Graph& graph, const std::string& what);

// Checks the invariants of the representation; `shapes_known` also demands every shape. Throws
// InternalError naming `stage`, the pass after which it was called.
void verify(const Graph& graph, std::string_view stage, bool shapes_known);

// The graph as a table: node, operator, inputs, output with its shape, activation.
std::string print(const Graph& graph);

}  // namespace sz::compiler
