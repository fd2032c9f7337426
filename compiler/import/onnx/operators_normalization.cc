// Normalisations whose statistics are computed at run time, and LRN.
#include <cmath>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/tensor_import.h"

namespace sz::compiler {
namespace {

using ops::NormalizeResult;

float epsilon(NodeReader& reader, float otherwise = 1e-5f) {
  const float value = reader.real("epsilon", otherwise);
  if (!(value >= 0.0f && std::isfinite(value))) reader.refuse("epsilon must be 0 or more");
  return value;
}

// The type that statistics are computed in: FLOAT is what we do.
void check_stash_type(NodeReader& reader) {
  const std::int64_t type = reader.integer("stash_type", 1);
  if (type != 1) reader.refuse("stash_type " + std::to_string(type) + " is not implemented");
}

void layer_norm(NodeImport& n) {
  n.reader.expect_inputs(2, 3);
  NormAttributes a;
  a.axis = n.reader.integer("axis", -1);
  a.epsilon = epsilon(n.reader);
  check_stash_type(n.reader);
  // Further outputs: mean and inverse deviation.
  static constexpr NormalizeResult kResults[] = {NormalizeResult::kRows, NormalizeResult::kMean,
                                                 NormalizeResult::kInverseDeviation};
  for (std::size_t i = 0; i < n.outputs.size() && i < 3; ++i) {
    if (n.outputs[i] == kNoValue) continue;
    a.result = kResults[i];
    const auto inputs = i == 0 ? n.inputs : std::vector<ValueId>{n.inputs[0]};
    n.builder.add({Op::kLayerNorm, n.name, inputs, n.outputs[i], a, {}});
  }
}

void rms_norm(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  NormAttributes a;
  a.axis = n.reader.integer("axis", -1);
  a.epsilon = epsilon(n.reader);
  check_stash_type(n.reader);
  emit(n, Op::kRmsNorm, a);
}

void instance_norm(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  NormAttributes a;
  a.epsilon = epsilon(n.reader);
  emit(n, Op::kInstanceNorm, a);
}

void group_norm(NodeImport& n) {
  n.reader.expect_inputs(3, 3);
  NormAttributes a;
  a.epsilon = epsilon(n.reader);
  if (n.reader.opset() >= 21) check_stash_type(n.reader);
  if (!n.reader.has("num_groups")) n.reader.refuse("attribute 'num_groups' is missing");
  a.groups = n.reader.integer("num_groups", 1);
  emit(n, Op::kGroupNorm, a);
}

// ONNX adds 1e-9 to the deviation; here it stands beside the variance.
void mean_variance_norm(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  NormAttributes a;
  a.axes = n.reader.has("axes") ? n.reader.integers("axes") : std::vector<std::int64_t>{0, 2, 3};
  a.epsilon = 1e-18f;
  emit(n, Op::kMeanVarianceNorm, a);
}

void lp_norm(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  NormAttributes a;
  a.axis = n.reader.integer("axis", -1);
  a.p = n.reader.integer("p", 2);
  if (a.p != 1 && a.p != 2) n.reader.refuse("p must be 1 or 2");
  emit(n, Op::kLpNorm, a);
}

void lrn(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  if (!n.reader.has("size")) n.reader.refuse("attribute 'size' is missing");
  const LrnAttributes a{n.reader.integer("size", 1), n.reader.real("alpha", 1e-4f),
                        n.reader.real("beta", 0.75f), n.reader.real("bias", 1.0f)};
  if (!std::isfinite(a.alpha) || !std::isfinite(a.beta) || !std::isfinite(a.bias)) {
    n.reader.refuse("alpha, beta and bias must be finite");
  }
  emit(n, Op::kLrn, a);
}

}  // namespace

const OnnxImporters& normalization_importers() {
  static const OnnxImporters table = {
      {"GroupNormalization", group_norm},
      {"InstanceNormalization", instance_norm},
      {"LRN", lrn},
      {"LayerNormalization", layer_norm},
      {"LpNormalization", lp_norm},
      {"MeanVarianceNormalization", mean_variance_norm},
      {"RMSNormalization", rms_norm},
  };
  return table;
}

}  // namespace sz::compiler
