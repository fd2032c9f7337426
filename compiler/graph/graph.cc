#include "compiler/graph/graph.h"

namespace sz::compiler {

const char* to_string(Op op) {
  switch (op) {
    case Op::kConv:
      return "Conv";
    case Op::kMaxPool:
      return "MaxPool";
    case Op::kAveragePool:
      return "AveragePool";
    case Op::kGlobalAveragePool:
      return "GlobalAveragePool";
    case Op::kGlobalMaxPool:
      return "GlobalMaxPool";
    case Op::kAdd:
      return "Add";
    case Op::kSub:
      return "Sub";
    case Op::kMul:
      return "Mul";
    case Op::kDiv:
      return "Div";
    case Op::kSoftmax:
      return "Softmax";
    case Op::kConcat:
      return "Concat";
    case Op::kTranspose:
      return "Transpose";
    case Op::kReshape:
      return "Reshape";
    case Op::kClamp:
      return "Clamp";
    case Op::kLeakyRelu:
      return "LeakyRelu";
    case Op::kUpsample:
      return "Upsample";
    case Op::kGemm:
      return "Gemm";
    case Op::kMatMul:
      return "MatMul";
    case Op::kBatchNorm:
      return "BatchNormalization";
    case Op::kClip:
      return "Clip";
    case Op::kFlatten:
      return "Flatten";
    case Op::kSqueeze:
      return "Squeeze";
    case Op::kUnsqueeze:
      return "Unsqueeze";
    case Op::kIdentity:
      return "Identity";
    case Op::kPad:
      return "Pad";
    case Op::kSlice:
      return "Slice";
    case Op::kReduceMean:
      return "ReduceMean";
    case Op::kCast:
      return "Cast";
    case Op::kShape:
      return "Shape";
    case Op::kGather:
      return "Gather";
    case Op::kConstantOfShape:
      return "ConstantOfShape";
    case Op::kIf:
      return "If";
    case Op::kFullyConnected:
      return "FullyConnected";
    case Op::kMove:
      return "Move";
    case Op::kGatherElements:
      return "GatherElements";
    case Op::kGatherNd:
      return "GatherND";
    case Op::kScatterElements:
      return "ScatterElements";
    case Op::kScatterNd:
      return "ScatterND";
    case Op::kTopK:
      return "TopK";
    case Op::kOneHot:
      return "OneHot";
    case Op::kTrilu:
      return "Trilu";
    case Op::kInterpolate:
      return "Interpolate";
    case Op::kGridSample:
      return "GridSample";
    case Op::kRoiAlign:
      return "RoiAlign";
    case Op::kSplit:
      return "Split";
    case Op::kExpand:
      return "Expand";
    case Op::kTile:
      return "Tile";
    case Op::kDepthToSpace:
      return "DepthToSpace";
    case Op::kSpaceToDepth:
      return "SpaceToDepth";
    case Op::kCenterCropPad:
      return "CenterCropPad";
    case Op::kReverseSequence:
      return "ReverseSequence";
    case Op::kCompress:
      return "Compress";
    case Op::kResize:
      return "Resize";
    case Op::kNonZero:
      return "NonZero";
    case Op::kSize:
      return "Size";
    case Op::kEyeLike:
      return "EyeLike";
    case Op::kRange:
      return "Range";
    case Op::kUnary:
      return "Unary";
    case Op::kBinary:
      return "Binary";
    case Op::kWhere:
      return "Where";
    case Op::kNot:
      return "Not";
    case Op::kIsNan:
      return "IsNaN";
    case Op::kIsInf:
      return "IsInf";
    case Op::kCastLike:
      return "CastLike";
    case Op::kReduce:
      return "Reduce";
    case Op::kArg:
      return "ArgMax or ArgMin";
    case Op::kHardmax:
      return "Hardmax";
    case Op::kCumSum:
      return "CumSum";
    case Op::kNormalize:
      return "Normalize";
    case Op::kLrn:
      return "LRN";
    case Op::kLayerNorm:
      return "LayerNormalization";
    case Op::kRmsNorm:
      return "RMSNormalization";
    case Op::kInstanceNorm:
      return "InstanceNormalization";
    case Op::kGroupNorm:
      return "GroupNormalization";
    case Op::kMeanVarianceNorm:
      return "MeanVarianceNormalization";
    case Op::kLpNorm:
      return "LpNormalization";
    case Op::kEinsum:
      return "Einsum";
    case Op::kRnn:
      return "RNN";
    case Op::kGru:
      return "GRU";
    case Op::kLstm:
      return "LSTM";
    case Op::kRecurrentResult:
      return "RecurrentResult";
    case Op::kRecurrent:
      return "Recurrent";
    case Op::kHeads:
    case Op::kAttentionScores:
    case Op::kAttentionMask:
    case Op::kSoftcap:
    case Op::kAttentionValues:
      return "Attention";
    case Op::kRotary:
      return "RotaryEmbedding";
    case Op::kConvTranspose:
      return "ConvTranspose";
    case Op::kLpPool:
      return "LpPool";
    case Op::kGlobalLpPool:
      return "GlobalLpPool";
    case Op::kQuantizeLinear:
      return "QuantizeLinear";
    case Op::kDequantizeLinear:
      return "DequantizeLinear";
    case Op::kQConv:
      return "QConv";
    case Op::kQFullyConnected:
      return "QFullyConnected";
    case Op::kQAdd:
      return "QAdd";
    case Op::kQSub:
      return "QSub";
    case Op::kQMul:
      return "QMul";
    case Op::kQAveragePool:
      return "QAveragePool";
    case Op::kQGlobalAveragePool:
      return "QGlobalAveragePool";
    case Op::kRequantize:
      return "Requantize";
    case Op::kLookup:
      return "Lookup";
    case Op::kQSoftmax:
      return "QSoftmax";
    case Op::kConvInteger:
      return "ConvInteger";
    case Op::kMatMulInteger:
      return "MatMulInteger";
    case Op::kQMatMul:
      return "QMatMul";
  }
  return "?";
}

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string name, ConstantPtr constant) {
  Value value{std::move(name), constant->dtype, constant->shape, nullptr};
  value.constant = std::move(constant);
  return add_value(std::move(value));
}

const Constant* Graph::constant(ValueId id) const {
  return id == kNoValue ? nullptr : values[id].constant.get();
}

std::vector<std::uint32_t> count_uses(const Graph& graph) {
  std::vector<std::uint32_t> uses(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) ++uses[id];
    }
  }
  for (const ValueId id : graph.outputs) ++uses[id];
  return uses;
}

void fail(const Graph& graph, const Node& node, const std::string& what) {
  throw CompileError(graph.source + ": node '" + node.name + "' (" + operator_name(node) +
                     "): " + what);
}

void fail(const Graph& graph, const std::string& what) {
  throw CompileError(graph.source + ": " + what);
}

}  // namespace sz::compiler
