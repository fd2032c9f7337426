// LSTM, GRU and RNN: one node that makes all states, and one for each output of ONNX's.
#include <cmath>

#include "compiler/import/onnx/families.h"

namespace sz::compiler {
namespace {

using ops::RecurrentActivation;
using ops::RecurrentFunction;
using ops::RecurrentKind;

struct Known {
  const char* name;
  RecurrentFunction function;
  float alpha, beta;  // the defaults
  bool takes_alpha, takes_beta;
};

// ONNX compares the names without regard to case.
constexpr Known kFunctions[] = {
    {"sigmoid", RecurrentFunction::kSigmoid, 0, 0, false, false},
    {"tanh", RecurrentFunction::kTanh, 0, 0, false, false},
    {"relu", RecurrentFunction::kRelu, 0, 0, false, false},
    {"affine", RecurrentFunction::kAffine, 1, 0, true, true},
    {"leakyrelu", RecurrentFunction::kLeakyRelu, 0.01f, 0, true, false},
    {"hardsigmoid", RecurrentFunction::kHardSigmoid, 0.2f, 0.5f, true, true},
    {"scaledtanh", RecurrentFunction::kScaledTanh, 1, 1, true, true},
    {"softsign", RecurrentFunction::kSoftsign, 0, 0, false, false},
};

const Known& known(NodeReader& reader, const std::string& name) {
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const Known& function : kFunctions) {
    if (lower == function.name) return function;
  }
  reader.refuse("the activation '" + name + "' is not implemented");
}

std::vector<std::string> default_names(RecurrentKind kind, std::size_t directions) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < directions; ++i) {
    if (kind != RecurrentKind::kRnn) names.push_back("Sigmoid");
    if (kind == RecurrentKind::kLstm) names.push_back("Tanh");
    names.push_back("Tanh");
  }
  return names;
}

// The numbers are given to those functions that take one, in order.
std::vector<std::array<RecurrentActivation, 3>> activations(NodeReader& reader, RecurrentKind kind,
                                                            std::size_t directions) {
  const auto given = reader.texts("activations");
  const auto names = given.empty() ? default_names(kind, directions) : given;
  const std::size_t each = kind == RecurrentKind::kRnn ? 1 : kind == RecurrentKind::kGru ? 2 : 3;
  if (names.size() != each * directions) {
    reader.refuse("has " + std::to_string(names.size()) + " activations instead of " +
                  std::to_string(each * directions));
  }
  const auto alphas = reader.reals("activation_alpha");
  const auto betas = reader.reals("activation_beta");
  std::size_t next_alpha = 0, next_beta = 0;
  std::vector<std::array<RecurrentActivation, 3>> result(directions);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Known& function = known(reader, names[i]);
    RecurrentActivation& activation = result[i / each][i % each];
    activation = {function.function, function.alpha, function.beta};
    if (function.takes_alpha && next_alpha < alphas.size()) activation.alpha = alphas[next_alpha++];
    if (function.takes_beta && next_beta < betas.size()) activation.beta = betas[next_beta++];
    if (!std::isfinite(activation.alpha) || !std::isfinite(activation.beta)) {
      reader.refuse("the numbers of its activations must be finite");
    }
  }
  if (next_alpha < alphas.size() || next_beta < betas.size()) {
    reader.refuse("activation_alpha or activation_beta has more numbers than activations take one");
  }
  return result;
}

RecurrentLayerAttributes attributes(NodeImport& n, RecurrentKind kind) {
  RecurrentLayerAttributes a;
  a.kind = kind;
  a.units = n.reader.integer("hidden_size", 0);
  const std::string direction = n.reader.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    n.reader.refuse("direction '" + direction + "' is unknown");
  }
  a.directions = direction == "bidirectional" ? 2 : 1;
  a.reverse = direction == "reverse";
  a.batch_first = n.reader.flag("layout", false);
  if (n.reader.has("clip")) a.clip = n.reader.real("clip", 0);
  if (!(a.clip > 0.0f)) n.reader.refuse("clip must be above 0");
  if (kind == RecurrentKind::kGru) {
    a.linear_before_reset = n.reader.flag("linear_before_reset", false);
  }
  if (kind == RecurrentKind::kLstm && n.reader.flag("input_forget", false)) {
    n.reader.refuse("input_forget is not implemented");
  }
  a.activations = activations(n.reader, kind, static_cast<std::size_t>(a.directions));
  const bool lstm = kind == RecurrentKind::kLstm;
  a.keep_cell = lstm && n.outputs.size() > 2 && n.outputs[2] != kNoValue;
  return a;
}

template <RecurrentKind kind, Op op, int most_inputs>
void layer(NodeImport& n) {
  n.reader.expect_inputs(3, most_inputs);
  using What = RecurrentResultAttributes::What;
  const RecurrentLayerAttributes a = attributes(n, kind);
  const ValueId all = n.builder.temporary();
  n.builder.add({op, n.name, n.inputs, all, a, {}});
  static constexpr What kOutputs[] = {What::kAll, What::kLastHidden, What::kLastCell};
  const std::size_t most = kind == RecurrentKind::kLstm ? 3 : 2;
  for (std::size_t i = 0; i < n.outputs.size() && i < most; ++i) {
    if (n.outputs[i] == kNoValue) continue;
    n.builder.add({Op::kRecurrentResult,
                   n.name,
                   {all},
                   n.outputs[i],
                   RecurrentResultAttributes{kOutputs[i], a},
                   {}});
  }
}

}  // namespace

const OnnxImporters& recurrent_importers() {
  static const OnnxImporters table = {
      {"GRU", layer<RecurrentKind::kGru, Op::kGru, 6>},
      {"LSTM", layer<RecurrentKind::kLstm, Op::kLstm, 8>},
      {"RNN", layer<RecurrentKind::kRnn, Op::kRnn, 6>},
  };
  return table;
}

}  // namespace sz::compiler
