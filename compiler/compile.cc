#include "compiler/compile.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "compiler/emit/check.h"
#include "compiler/emit/info.h"
#include "compiler/host/fold_on_engine.h"
#include "compiler/import/darknet/importer.h"
#include "compiler/import/gguf/importer.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/language/compile_language.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/bands.h"
#include "compiler/plan/encode.h"
#include "compiler/plan/lower.h"
#include "compiler/quantize/quantize.h"

namespace sz::compiler {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw CompileError(path + ": cannot be read: " + error.message());
  if (size > std::numeric_limits<std::int32_t>::max()) {
    throw CompileError(path + ": is larger than 2 GiB, the limit of a model file");
  }
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file) throw CompileError(path + ": cannot be read to its end");
  return bytes;
}

void tell(const CompileOptions& options, std::string_view what) {
  if (options.progress) options.progress(what);
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The digest of the model: of the file, or of the .cfg with the weights behind it.
package::Sha256Digest digest_of(std::span<const std::byte> first,
                                std::span<const std::byte> second = {}) {
  if (second.empty()) return package::sha256_of(first);
  std::vector<std::byte> all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return package::sha256_of(all);
}

// A model as an importer gives it.
struct Imported {
  Graph graph;
  package::Sha256Digest sha256{};
};

Imported read_onnx(std::span<const std::byte> bytes, const std::string& source,
                   const CompileOptions& options) {
  tell(options, "import");
  if (!options.weights_path.empty()) {
    throw CompileError(source + ": an ONNX file has its weights in itself; weights from " +
                       options.weights_path + " are only for Darknet's .cfg files");
  }
  OnnxImportOptions import;
  import.source = source;
  import.constant_budget = options.constant_budget;
  for (const auto& [name, shape] : options.input_shapes) import.input_shapes.emplace(name, shape);
  import.input_values = options.input_values;
  return {import_onnx(bytes, import), digest_of(bytes)};
}

Imported read_tflite(std::span<const std::byte> bytes, const std::string& source,
                     const CompileOptions& options) {
  tell(options, "import");
  if (!options.weights_path.empty()) {
    throw CompileError(source + ": a TensorFlow Lite file has its weights in itself; weights from " +
                       options.weights_path + " are only for Darknet's .cfg files");
  }
  if (!options.input_shapes.empty()) {
    throw CompileError(source +
                       ": the shapes of its inputs stand in the file; a shape given beside it is "
                       "only for ONNX files");
  }
  TfliteImportOptions import;
  import.source = source;
  import.constant_budget = options.constant_budget;
  return {import_tflite(bytes, import), digest_of(bytes)};
}

Imported read_darknet(std::string_view cfg, std::span<const std::byte> weights,
                      const std::string& source, const std::string& weights_source,
                      const CompileOptions& options) {
  tell(options, "import");
  if (!options.input_shapes.empty() || !options.input_values.empty()) {
    throw CompileError(source +
                       ": the shape of its input stands in the section [net]; a shape "
                       "given beside it, or a value, is only for ONNX files");
  }
  DarknetImportOptions import;
  import.source = source;
  import.weights_source = weights_source;
  import.constant_budget = options.constant_budget;
  return {import_darknet(cfg, weights, import), digest_of(std::as_bytes(std::span(cfg)), weights)};
}

Imported read_darknet_files(std::span<const std::byte> cfg, const std::string& path,
                            const CompileOptions& options) {
  std::string weights = options.weights_path;
  if (weights.empty()) {
    weights = std::filesystem::path(path).replace_extension(".weights").string();
    if (!std::filesystem::exists(weights)) {
      throw CompileError(path + ": its weights are not there: no " + weights +
                         "; name the file with --weights");
    }
  }
  return read_darknet(as_text(cfg), read_file(weights), path, weights, options);
}

Imported read_model(const std::string& path, std::span<const std::byte> bytes, ModelFormat format,
                    const CompileOptions& options) {
  switch (format) {
    case ModelFormat::kOnnx:
      return read_onnx(bytes, path, options);
    case ModelFormat::kTflite:
      return read_tflite(bytes, path, options);
    case ModelFormat::kGguf:
    case ModelFormat::kLlama2c:
      throw CompileError(path + ": is a language model, which has no graph of nodes; `smartzone inspect` "
                                "shows the plan of its package");
    case ModelFormat::kDarknet:
      break;
  }
  return read_darknet_files(bytes, path, options);
}

Report make_report(const Graph& graph, const Program& program, const Schedule& schedule,
                   const Liveness& liveness, const Placement& placement) {
  Report report;
  report.format = graph.format;
  report.opset = graph.opset;
  report.nodes = static_cast<std::uint32_t>(graph.nodes.size());
  report.steps = static_cast<std::uint32_t>(program.steps.size());
  report.weights_bound = program.raw_weight_bytes;
  report.live_bound = liveness.live_bound;
  report.order = schedule.heuristic;
  report.placement = placement.heuristic;
  return report;
}

void refuse_language_options(const std::string& source, const LanguageOptions& options) {
  const char* what = nullptr;
  if (options.quantize) what = "--quantize q8_0, q4_0, f16, f32 (networks take int8)";
  if (options.context != 0) what = "--context";
  if (!options.tokenizer_path.empty()) what = "--tokenizer";
  if (options.logits_may_leave) what = "--allow-logits";
  if (what != nullptr) throw CompileError(source + ": only a language model takes " + what);
}

CompileResult compile(Imported model, const CompileOptions& options) {
  Graph& graph = model.graph;
  const std::string source = graph.source;
  refuse_language_options(source, options.language);
  run_passes(graph, options.progress, fold_on_engine);
  std::optional<QuantizationReport> quantization;
  if (options.quantize) quantization = quantize_graph(graph, *options.quantize, options.progress);
  tell(options, "lower");
  const auto kernel = options.reference_kernels ? ops::Kernel::kReference : ops::Kernel::kVector;
  const Program whole = lower(graph, kernel);
  tell(options, "schedule");
  const std::uint64_t live_bound = analyse(whole, schedule(whole).order).live_bound;
  const Banded banded = options.bands ? compute_in_bands(whole) : Banded{whole, {}};
  const Program& program = banded.program;
  const Schedule order = schedule(program);
  const Liveness liveness = analyse(program, order.order);
  tell(options, "place");
  const Placement placement = place(liveness.blocks);
  tell(options, "encode");
  const EncodedPlan encoded = encode(program, order, liveness, placement, source);
  const engine::MemoryNeed need = check_emitted(encoded.plan, source);

  CompileResult result;
  result.quantization = std::move(quantization);
  Report& report = result.report;
  report = make_report(graph, program, order, liveness, placement);
  report.live_bound = live_bound;
  report.banded_chains = static_cast<std::uint32_t>(banded.chains.size());
  report.model = options.model_name.empty() ? std::filesystem::path(source).stem().string()
                                            : options.model_name;
  report.plan = encoded.plan.size();
  report.control = need.control;
  report.weights = need.weights;
  report.arena = need.arena;
  report.scratch = need.scratch;
  const InfoInputs info{report.model, model.sha256, options.preprocess_json, options.labels};
  result.package =
      package::write_package(encoded.plan, encoded.weights, make_info(graph, report, info));
  report.package = result.package.size();
  return result;
}

// llama2.c's files have no vocabulary: it lies beside them.
std::vector<std::byte> read_tokenizer(const std::string& model, const LanguageOptions& options,
                                      std::string* path) {
  *path = options.tokenizer_path;
  if (path->empty()) {
    *path = (std::filesystem::path(model).parent_path() / "tokenizer.bin").string();
    if (!std::filesystem::exists(*path)) {
      throw CompileError(model + ": its tokenizer is not there: no " + *path +
                         "; name the file with --tokenizer");
    }
  }
  return read_file(*path);
}

CompileResult compile_language_file(const std::string& path, std::span<const std::byte> bytes,
                                    ModelFormat format, const CompileOptions& options) {
  tell(options, "import");
  if (format == ModelFormat::kGguf) {
    if (!options.language.tokenizer_path.empty()) {
      throw CompileError(path + ": a GGUF file has its tokenizer in itself; --tokenizer is only for "
                                "llama2.c's .bin files");
    }
    GgufImportOptions import;
    import.source = path;
    return compile_language(import_gguf(bytes, import), digest_of(bytes), options);
  }
  std::string tokenizer_path;
  const std::vector<std::byte> tokenizer = read_tokenizer(path, options.language, &tokenizer_path);
  return compile_language(import_llama2c(bytes, tokenizer, path, tokenizer_path),
                          digest_of(bytes, tokenizer), options);
}

}  // namespace

ModelFormat model_format(const std::string& path, std::span<const std::byte> bytes) {
  const std::string ending = std::filesystem::path(path).extension().string();
  if (ending == ".onnx") return ModelFormat::kOnnx;
  if (ending == ".cfg") return ModelFormat::kDarknet;
  if (ending == ".tflite") return ModelFormat::kTflite;
  if (ending == ".gguf") return ModelFormat::kGguf;
  if (ending == ".bin") return ModelFormat::kLlama2c;
  if (ending == ".weights") {
    throw CompileError(path +
                       ": holds Darknet weights only; name the .cfg file, and the weights "
                       "with --weights");
  }
  // A .cfg begins with [net], but for comments; an ONNX file usually with field 1, its version; a
  // TensorFlow Lite file has its identifier behind the first four bytes.
  std::string_view text = as_text(bytes);
  if (text.size() >= 8 && text.substr(4, 4) == "TFL3") return ModelFormat::kTflite;
  if (text.substr(0, 4) == "GGUF") return ModelFormat::kGguf;
  if (text.substr(0, 1) == "\x08") return ModelFormat::kOnnx;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#' || line[first] == ';') continue;
    const std::string_view section = line.substr(first);
    if (section.starts_with("[net]") || section.starts_with("[network]")) {
      return ModelFormat::kDarknet;
    }
    break;
  }
  throw CompileError(path +
                     ": it is not clear what kind of model this is; name it .onnx (ONNX), "
                     ".tflite (TensorFlow Lite), .cfg (Darknet), .gguf (GGUF) or .bin (llama2.c)");
}

CompileResult compile_onnx(std::span<const std::byte> bytes, const std::string& source,
                           const CompileOptions& options) {
  return compile(read_onnx(bytes, source, options), options);
}

CompileResult compile_darknet(std::string_view cfg, std::span<const std::byte> weights,
                              const std::string& source, const CompileOptions& options) {
  return compile(read_darknet(cfg, weights, source, source + " (weights)", options), options);
}

CompileResult compile_tflite(std::span<const std::byte> bytes, const std::string& source,
                             const CompileOptions& options) {
  return compile(read_tflite(bytes, source, options), options);
}

CompileResult compile_file(const std::string& path, const CompileOptions& options) {
  const std::vector<std::byte> bytes = read_file(path);
  const ModelFormat format = model_format(path, bytes);
  if (format == ModelFormat::kGguf || format == ModelFormat::kLlama2c) {
    return compile_language_file(path, bytes, format, options);
  }
  return compile(read_model(path, bytes, format, options), options);
}

ConstantPtr read_tensor_file(const std::string& path) {
  return import_tensor_bytes(read_file(path), path, kMaxTensorBytes);
}

std::string inspect_graph(const std::string& path, const CompileOptions& options) {
  const std::vector<std::byte> bytes = read_file(path);
  Imported model = read_model(path, bytes, model_format(path, bytes), options);
  run_passes(model.graph, options.progress, fold_on_engine);
  return print(model.graph);
}

}  // namespace sz::compiler
