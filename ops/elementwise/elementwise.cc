#include "ops/elementwise/elementwise.h"

#include "ops/check.h"
#include "ops/elementwise/combine.h"

namespace sz::ops {
namespace {

bool finite(float value) { return value - value == 0.0f; }

// The kind of a Unary step, and its attributes into `unary`; false if they are none.
bool read_unary(std::span<const std::uint32_t> words, Unary* unary) {
  UnaryAttributes clamp;
  LeakyReluAttributes leaky;
  if (read_attributes(words, &leaky)) {
    unary->kind = leaky.kind;
    unary->slope = leaky.slope;
    return leaky.kind == UnaryKind::kLeakyRelu && finite(leaky.slope);
  }
  if (!read_attributes(words, &clamp)) return false;
  unary->kind = clamp.kind;
  if (clamp.kind == UnaryKind::kClamp) {
    unary->clamp = clamp.clamp;
    return valid_clamp(clamp.clamp);
  }
  ActivationAttributes& activation = unary->activation;
  (void)read_attributes(words, &activation);  // of the same size
  return activation.kind > UnaryKind::kLeakyRelu && activation.kind <= kLastUnaryKind &&
         finite(activation.alpha) && finite(activation.beta);
}

bool is_unlimited(const Clamp& clamp) {
  return clamp.low == -__builtin_inff() && clamp.high == __builtin_inff();
}

// Whether `kind` works on operands of `type`.
bool takes(BinaryKind kind, DType type) {
  switch (kind) {
    case BinaryKind::kPRelu:
      return type == DType::kF32;
    case BinaryKind::kEqual:
    case BinaryKind::kLess:
    case BinaryKind::kLessOrEqual:
      return true;
    case BinaryKind::kAnd:
    case BinaryKind::kOr:
    case BinaryKind::kXor:
      return type != DType::kF32;
    case BinaryKind::kMod:
    case BinaryKind::kShiftLeft:
    case BinaryKind::kShiftRight:
      return type != DType::kF32 && type != DType::kBool;
    default:
      return type != DType::kBool;
  }
}

}  // namespace

Status check_unary(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  Unary unary;
  if (!read_unary(step.attributes, &unary)) return Status::kBadAttribute;
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t unary_cost(const Step& step) {
  Unary unary;
  (void)read_unary(step.attributes, &unary);  // checked before
  const bool simple = unary.kind <= UnaryKind::kNeg;
  return step.outputs[0]->elements() * (simple ? 8 : 32);
}

Status check_binary(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const DType type = step.inputs[0]->dtype;
  if (step.inputs[1]->dtype != type) return Status::kDtypeMismatch;
  BinaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.kind > kLastBinaryKind ||
      !valid_clamp(attributes.clamp)) {
    return Status::kBadAttribute;
  }
  const DType result = is_comparison(attributes.kind) ? DType::kBool : type;
  if (step.outputs[0]->dtype != result || !takes(attributes.kind, type)) {
    return Status::kDtypeMismatch;
  }
  if (result != DType::kF32 && !is_unlimited(attributes.clamp)) return Status::kBadAttribute;
  return is_broadcast(step) ? Status::kOk : Status::kShapeMismatch;
}

Status run_unary(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  Unary unary;
  (void)read_unary(step.attributes, &unary);  // checked before
  unary.x = x.f32();
  unary.y = y.mutable_f32();
  unary.x_pitch = x.pitch;
  unary.y_pitch = y.pitch;
  unary.rows = x.rows();
  unary.inner = x.inner();
  unary.in_place = runs_in_place(step);
  if (step.kernel == Kernel::kReference) {
    unary_reference(unary);
  } else {
    unary_vector(unary, context);
  }
  return Status::kOk;
}

Status run_binary(const Step& step, const RunContext& context) noexcept {
  BinaryAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  Binary binary;
  binary.shape = broadcast_of(step);
  binary.a = step.inputs[0]->data;
  binary.b = step.inputs[1]->data;
  binary.y = step.outputs[0]->data;
  binary.type = step.inputs[0]->dtype;
  binary.result = step.outputs[0]->dtype;
  binary.kind = attributes.kind;
  binary.clamp = attributes.clamp;
  binary.in_place = runs_in_place(step);
  if (step.kernel == Kernel::kReference) {
    binary_reference(binary);
  } else {
    binary_vector(binary, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
