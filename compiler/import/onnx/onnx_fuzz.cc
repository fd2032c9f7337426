// Arbitrary bytes as a model file: refused with CompileError, or compiled to a package whose plan
// passes the engine's checker (compile_onnx sees to it) and, if it is small, runs.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "compiler/compile.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/testing/onnx_mutator.h"
#include "compiler/testing/random_network.h"
#include "compiler/testing/runner.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace sz::compiler;

constexpr std::uint64_t kConstantBudget = 4 << 20;
// What is run at most: small enough for some thousand runs a second.
constexpr std::uint64_t kArenaToRun = 16 << 10;
constexpr std::uint64_t kWeightsToRun = 64 << 10;
constexpr std::uint32_t kStepsToRun = 64;

void run(const CompileResult& result, std::span<const std::byte> model) {
  const Report& report = result.report;
  if (report.arena > kArenaToRun || report.weights > kWeightsToRun || report.steps > kStepsToRun) {
    return;
  }
  OnnxImportOptions options;
  options.constant_budget = kConstantBudget;
  const Graph graph = import_onnx(model, options);
  std::vector<std::vector<float>> inputs;
  for (const ValueId id : graph.inputs) {
    inputs.emplace_back(static_cast<std::size_t>(element_count(graph.shape(id))), 0.5f);
  }
  testing::run_package(result.package, inputs);  // throws if the engine refuses
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  CompileOptions options;
  options.constant_budget = kConstantBudget;
  CompileResult result;
  try {
    result = compile_onnx(bytes, "fuzz", options);
  } catch (const InternalError& error) {
    std::cerr << error.what() << '\n';
    std::abort();
  } catch (const CompileError&) {
    return 0;
  }
  run(result, bytes);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (random() % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  onnx::ModelProto model;
  if (!model.ParseFromArray(data, static_cast<int>(size)) || model.graph().node_size() == 0 ||
      random() % 64 == 0) {
    model = testing::random_network(seed, 1 + static_cast<int>(random() % 12)).model();
  }
  const unsigned changes = 1 + static_cast<unsigned>(random() % 3);
  for (unsigned i = 0; i < changes; ++i) testing::mutate(model, random);
  const std::string text = model.SerializeAsString();
  if (text.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}
