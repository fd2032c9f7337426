#include "compiler/language/compile_language.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/emit/check.h"
#include "compiler/emit/info.h"
#include "compiler/language/calibration.h"
#include "compiler/language/language_plan.h"
#include "package/package_file.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

using nlohmann::json;

std::uint64_t numbers(const MatrixPtr& matrix) {
  return std::uint64_t{matrix->outputs} * matrix->inputs;
}

std::uint64_t parameters_of(const LanguageModel& model) {
  std::uint64_t count = numbers(model.embedding) + model.final_norm.size();
  if (model.head_matrix != model.embedding) count += numbers(model.head_matrix);
  for (const LanguageLayer& layer : model.layers) {
    count += layer.attention_norm.size() + layer.ffn_norm.size();
    for (const MatrixPtr& matrix :
         {layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down}) {
      count += numbers(matrix);
    }
  }
  return count;
}

// The bytes of all matrices and vectors as the file has them.
std::uint64_t raw_bytes(const LanguageModel& model) {
  std::uint64_t bytes = model.embedding->data.size() + 4 * model.final_norm.size();
  if (model.head_matrix != model.embedding) bytes += model.head_matrix->data.size();
  for (const LanguageLayer& layer : model.layers) {
    bytes += 4 * (layer.attention_norm.size() + layer.ffn_norm.size());
    for (const MatrixPtr& matrix :
         {layer.q, layer.k, layer.v, layer.o, layer.gate, layer.up, layer.down}) {
      bytes += matrix->data.size();
    }
  }
  return bytes;
}

std::string info_of(const LanguageModel& model, const Report& report,
                    const package::Sha256Digest& sha256) {
  const LanguageReport& language = *report.language;
  json info;
  info["format"] = 1;
  info["name"] = report.model;
  info["producer"] = std::string("smartzone ") + SMARTZONE_VERSION;
  info["source"] = {{"format", model.format}, {"sha256", hex(sha256)}};
  info["inputs"] = json::array();
  info["outputs"] = json::array();
  info["preprocess"] = nullptr;
  info["labels"] = json::array();
  info["language"] = {{"context", language.context},
                      {"vocabulary", model.vocabulary},
                      {"batch", language.batch},
                      {"cache", language.cache},
                      {"parameters", language.parameters},
                      {"formats", language.conversions},
                      {"layers", model.layers.size()},
                      {"width", model.width},
                      {"chat_template", model.chat_template.empty() ? json(nullptr)
                                                                    : json(model.chat_template)}};
  info["memory"] = {
      {"control", report.control},
      {"weights", report.weights},
      {"arena", report.arena},
      {"state", language.state},
      {"language", language.conversation},
      {"scratch", report.scratch},
      {"lower_bound", {{"weights", report.weights_bound}, {"live", report.live_bound}}}};
  info["steps"] = report.steps;
  return info.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

void refuse_foreign_options(const LanguageModel& model, const CompileOptions& options) {
  const char* what = nullptr;
  if (options.preprocess_json) what = "preprocessing of pictures";
  if (!options.labels.empty()) what = "labels";
  if (!options.weights_path.empty()) what = "a second file of weights";
  if (!options.input_shapes.empty() || !options.input_values.empty()) what = "shapes of inputs";
  if (options.quantize) what = "quantisation by samples (int8); use q8_0 or q4_0";
  if (options.reference_kernels) what = "reference kernels";
  if (what != nullptr) {
    throw CompileError(model.source + ": is a language model, which takes no " + what);
  }
}

}  // namespace

CompileResult compile_language(const LanguageModel& model, const package::Sha256Digest& sha256,
                               const CompileOptions& options) {
  refuse_foreign_options(model, options);
  ProductsOf products;
  if (options.language.quantize == ops::BlockFormat::kQ4_0 && options.language.calibration > 0) {
    if (options.progress) options.progress("calibrate: the model writes text of its own");
    products = observe_inputs(model, options.language.calibration);
  }
  if (options.progress) options.progress("pack");
  const LanguagePlan plan =
      plan_language(model, options.language, {.keep = false, .products = &products});
  const engine::MemoryNeed need = check_emitted(plan.plan, model.source);

  CompileResult result;
  Report& report = result.report;
  report.model = options.model_name;
  if (report.model.empty()) report.model = std::filesystem::path(model.source).stem().string();
  report.format = model.format;
  report.steps = plan.steps;
  report.plan = plan.plan.size();
  report.control = need.control;
  report.weights = need.weights;
  report.arena = need.arena;
  report.scratch = need.scratch;
  report.weights_bound = raw_bytes(model);
  report.live_bound = plan.live_bound;
  report.language = LanguageReport{.context = plan.context,
                                   .batch = plan.batch,
                                   .parameters = parameters_of(model),
                                   .state = need.state,
                                   .conversation = need.language,
                                   .cache = std::string(format_name(options.language.cache)),
                                   .conversions = plan.conversions};
  result.package =
      package::write_package(plan.plan, plan.weights, info_of(model, report, sha256));
  report.package = result.package.size();
  return result;
}

}  // namespace sz::compiler
