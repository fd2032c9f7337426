// ONNX's operators that work element by element.
#include <cmath>
#include <limits>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"

namespace sz::compiler {
namespace {

using ops::BinaryKind;
using ops::UnaryKind;

float finite(NodeReader& reader, const std::string& name, float otherwise) {
  const float value = reader.real(name, otherwise);
  if (!std::isfinite(value)) reader.refuse("attribute '" + name + "' must be finite");
  return value;
}

template <UnaryKind kind>
void function(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  n.reader.ignore("consumed_inputs");  // a hint of opsets before 6
  emit(n, Op::kUnary, UnaryFunction{kind, 0, 0});
}

void gelu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const std::string how = n.reader.text("approximate", "none");
  if (how != "none" && how != "tanh") n.reader.refuse("approximate '" + how + "' is unknown");
  emit(n, Op::kUnary, UnaryFunction{how == "none" ? UnaryKind::kGelu : UnaryKind::kGeluTanh, 0, 0});
}

void elu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kElu, finite(n.reader, "alpha", 1.0f), 1.0f});
}

// gamma * (x < 0: alpha * (e^x - 1); else x).
void selu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float alpha = finite(n.reader, "alpha", 1.67326319217681884765625f);
  const float gamma = finite(n.reader, "gamma", 1.05070102214813232421875f);
  if (!std::isfinite(alpha * gamma)) n.reader.refuse("alpha * gamma must be finite");
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kElu, alpha * gamma, gamma});
}

void celu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float alpha = finite(n.reader, "alpha", 1.0f);
  if (alpha == 0) n.reader.refuse("alpha must not be 0");
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kCelu, alpha, 0});
}

void hard_sigmoid(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float alpha = finite(n.reader, "alpha", 0.2f);
  emit(n, Op::kUnary,
       UnaryFunction{UnaryKind::kHardSigmoid, alpha, finite(n.reader, "beta", 0.5f)});
}

void hard_swish(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kHardSwish, 1.0f / 6, 0.5f});
}

void swish(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kSwish, finite(n.reader, "alpha", 1.0f), 0});
}

void thresholded_relu(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, Op::kUnary,
       UnaryFunction{UnaryKind::kThresholdedRelu, finite(n.reader, "alpha", 1.0f), 0});
}

void shrink(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const float lambda = finite(n.reader, "lambd", 0.5f);
  emit(n, Op::kUnary, UnaryFunction{UnaryKind::kShrink, lambda, finite(n.reader, "bias", 0.0f)});
}

void tan(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const ValueId sine = n.builder.temporary();
  const ValueId cosine = n.builder.temporary();
  n.builder.add({Op::kUnary, n.name, n.inputs, sine, UnaryFunction{UnaryKind::kSin, 0, 0}, {}});
  n.builder.add({Op::kUnary, n.name, n.inputs, cosine, UnaryFunction{UnaryKind::kCos, 0, 0}, {}});
  n.builder.add({Op::kDiv, n.name, {sine, cosine}, n.output, {}, {}});
}

template <Op op>
void plain(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  emit(n, op);
}

void is_inf(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  const bool negative = n.reader.flag("detect_negative", true);
  emit(n, Op::kIsInf, IsInfAttributes{negative, n.reader.flag("detect_positive", true)});
}

// Before opset 7, broadcasting had attributes and other rules.
void expect_numpy_broadcasting(NodeImport& n) {
  if (n.reader.opset() < 7 && n.reader.flag("broadcast", false)) {
    n.reader.refuse("broadcast = 1 of opsets before 7 is not implemented");
  }
}

template <Op op>
void arithmetic(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  expect_numpy_broadcasting(n);
  n.reader.ignore("consumed_inputs");  // a hint of opsets before 6
  emit(n, op);
}

template <BinaryKind kind>
void operation(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  expect_numpy_broadcasting(n);
  emit(n, Op::kBinary, BinaryOperation{kind});
}

// a > b as b < a.
template <BinaryKind kind>
void swapped(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  std::swap(n.inputs[0], n.inputs[1]);
  operation<kind>(n);
}

void p_relu(NodeImport& n) {
  if (n.reader.opset() < 7) n.reader.refuse("PRelu of opsets before 7 is not implemented");
  operation<BinaryKind::kPRelu>(n);
}

void mod(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  const bool fmod = n.reader.flag("fmod", false);
  emit(n, Op::kBinary, BinaryOperation{fmod ? BinaryKind::kFmod : BinaryKind::kMod});
}

void bit_shift(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  const std::string direction = n.reader.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    n.reader.refuse("direction '" + direction + "' is unknown");
  }
  emit(n, Op::kBinary,
       BinaryOperation{direction == "LEFT" ? BinaryKind::kShiftLeft : BinaryKind::kShiftRight});
}

// A chain of the operation over any number of inputs, ending in `output`.
void chain(NodeImport& n, Op op, const Attributes& attributes, ValueId output) {
  n.reader.expect_inputs(1, kMaxNodes);
  for (const ValueId id : n.inputs) {
    if (id == kNoValue) n.reader.refuse("an input is missing");
  }
  if (n.inputs.size() == 1) {
    return n.builder.add({Op::kIdentity, n.name, n.inputs, output, {}, {}});
  }
  ValueId left = n.inputs[0];
  for (std::size_t i = 1; i < n.inputs.size(); ++i) {
    const ValueId result = i + 1 == n.inputs.size() ? output : n.builder.temporary();
    n.builder.add({op, n.name, {left, n.inputs[i]}, result, attributes, {}});
    left = result;
  }
}

template <BinaryKind kind>
void extreme(NodeImport& n) {
  chain(n, Op::kBinary, BinaryOperation{kind}, n.output);
}

void sum(NodeImport& n) { chain(n, Op::kAdd, {}, n.output); }

void mean(NodeImport& n) {
  const ValueId total = n.builder.temporary();
  chain(n, Op::kAdd, {}, total);
  const auto count = static_cast<float>(n.inputs.size());
  const ValueId divisor = n.builder.constant(make_f32({}, std::span(&count, 1)));
  n.builder.add({Op::kDiv, n.name, {total, divisor}, n.output, {}, {}});
}

void where(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  emit(n, Op::kWhere);
}

void cast_like(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  n.reader.ignore("saturate");    // only concerns 8-bit floats, which are refused
  n.reader.ignore("round_mode");  // likewise
  emit(n, Op::kCastLike);
}

}  // namespace

const OnnxImporters& elementwise_importers() {
  static const OnnxImporters table = {
      {"Abs", function<UnaryKind::kAbs>},
      {"Add", arithmetic<Op::kAdd>},
      {"And", operation<BinaryKind::kAnd>},
      {"BitShift", bit_shift},
      {"BitwiseAnd", operation<BinaryKind::kAnd>},
      {"BitwiseOr", operation<BinaryKind::kOr>},
      {"BitwiseXor", operation<BinaryKind::kXor>},
      {"CastLike", cast_like},
      {"Ceil", function<UnaryKind::kCeil>},
      {"Celu", celu},
      {"Cos", function<UnaryKind::kCos>},
      {"Div", arithmetic<Op::kDiv>},
      {"Elu", elu},
      {"Equal", operation<BinaryKind::kEqual>},
      {"Erf", function<UnaryKind::kErf>},
      {"Exp", function<UnaryKind::kExp>},
      {"Floor", function<UnaryKind::kFloor>},
      {"Gelu", gelu},
      {"Greater", swapped<BinaryKind::kLess>},
      {"GreaterOrEqual", swapped<BinaryKind::kLessOrEqual>},
      {"HardSigmoid", hard_sigmoid},
      {"HardSwish", hard_swish},
      {"IsInf", is_inf},
      {"IsNaN", plain<Op::kIsNan>},
      {"Less", operation<BinaryKind::kLess>},
      {"LessOrEqual", operation<BinaryKind::kLessOrEqual>},
      {"Log", function<UnaryKind::kLog>},
      {"Max", extreme<BinaryKind::kMax>},
      {"Mean", mean},
      {"Min", extreme<BinaryKind::kMin>},
      {"Mish", function<UnaryKind::kMish>},
      {"Mod", mod},
      {"Mul", arithmetic<Op::kMul>},
      {"Neg", function<UnaryKind::kNeg>},
      {"Not", plain<Op::kNot>},
      {"Or", operation<BinaryKind::kOr>},
      {"PRelu", p_relu},
      {"Pow", operation<BinaryKind::kPow>},
      {"Reciprocal", function<UnaryKind::kReciprocal>},
      {"Round", function<UnaryKind::kRound>},
      {"Selu", selu},
      {"Shrink", shrink},
      {"Sigmoid", function<UnaryKind::kSigmoid>},
      {"Sign", function<UnaryKind::kSign>},
      {"Sin", function<UnaryKind::kSin>},
      {"Softplus", function<UnaryKind::kSoftplus>},
      {"Softsign", function<UnaryKind::kSoftsign>},
      {"Sqrt", function<UnaryKind::kSqrt>},
      {"Sub", arithmetic<Op::kSub>},
      {"Sum", sum},
      {"Swish", swish},
      {"Tan", tan},
      {"Tanh", function<UnaryKind::kTanh>},
      {"ThresholdedRelu", thresholded_relu},
      {"Where", where},
      {"Xor", operation<BinaryKind::kXor>},
  };
  return table;
}

}  // namespace sz::compiler
