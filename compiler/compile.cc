#include "compiler/compile.h"

#include <filesystem>
#include <fstream>
#include <limits>

#include "compiler/emit/check.h"
#include "compiler/emit/info.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/encode.h"
#include "compiler/plan/lower.h"

namespace sz::compiler {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw CompileError(path + ": cannot be read: " + error.message());
  if (size > std::numeric_limits<std::int32_t>::max()) {
    throw CompileError(path + ": is larger than 2 GiB, the limit of an ONNX file");
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

Graph import_and_rewrite(std::span<const std::byte> bytes, const std::string& source,
                         const CompileOptions& options) {
  tell(options, "import");
  OnnxImportOptions import;
  import.source = source;
  import.constant_budget = options.constant_budget;
  for (const auto& [name, shape] : options.input_shapes) import.input_shapes.emplace(name, shape);
  Graph graph = import_onnx(bytes, import);
  run_passes(graph, options.progress);
  return graph;
}

Report make_report(const Graph& graph, const Program& program, const Schedule& schedule,
                   const Liveness& liveness, const Placement& placement) {
  Report report;
  report.opset = graph.opset;
  report.nodes = static_cast<std::uint32_t>(graph.nodes.size());
  report.steps = static_cast<std::uint32_t>(program.steps.size());
  report.weights_bound = program.raw_weight_bytes;
  report.live_bound = liveness.live_bound;
  report.order = schedule.heuristic;
  report.placement = placement.heuristic;
  return report;
}

}  // namespace

CompileResult compile_onnx(std::span<const std::byte> bytes, const std::string& source,
                           const CompileOptions& options) {
  const Graph graph = import_and_rewrite(bytes, source, options);
  tell(options, "lower");
  const auto kernel = options.reference_kernels ? ops::Kernel::kReference : ops::Kernel::kVector;
  const Program program = lower(graph, kernel);
  tell(options, "schedule");
  const Schedule order = schedule(program);
  const Liveness liveness = analyse(program, order.order);
  tell(options, "place");
  const Placement placement = place(liveness.blocks);
  tell(options, "encode");
  const EncodedPlan encoded = encode(program, order, liveness, placement, source);
  const engine::MemoryNeed need = check_emitted(encoded.plan, source);

  CompileResult result;
  Report& report = result.report;
  report = make_report(graph, program, order, liveness, placement);
  report.model = options.model_name.empty() ? std::filesystem::path(source).stem().string()
                                            : options.model_name;
  report.plan = encoded.plan.size();
  report.control = need.control;
  report.weights = need.weights;
  report.arena = need.arena;
  report.scratch = need.scratch;
  const InfoInputs info{report.model, package::sha256_of(bytes), options.preprocess_json,
                        options.labels};
  result.package =
      package::write_package(encoded.plan, encoded.weights, make_info(graph, report, info));
  report.package = result.package.size();
  return result;
}

CompileResult compile_onnx(const std::string& path, const CompileOptions& options) {
  return compile_onnx(read_file(path), path, options);
}

std::string inspect_graph(const std::string& path, const CompileOptions& options) {
  return print(import_and_rewrite(read_file(path), path, options));
}

}  // namespace sz::compiler
