// Arbitrary bytes as a TensorFlow Lite model: refused with CompileError, or compiled to a package
// whose plan passes the engine's checker (compile_tflite sees to it) and, if it is small, runs.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>

#include "compiler/compile.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/testing/random_tflite.h"
#include "compiler/testing/runner.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace sz::compiler;

constexpr std::uint64_t kConstantBudget = 4 << 20;
// What is compiled and run at most: small enough for some thousand runs a second.
constexpr std::size_t kNodesToCompile = 64;
constexpr std::uint64_t kArenaToRun = 16 << 10;
constexpr std::uint64_t kWeightsToRun = 64 << 10;

void compile_and_run(std::span<const std::byte> model) {
  TfliteImportOptions import;
  import.constant_budget = kConstantBudget;
  const Graph graph = import_tflite(model, import);
  if (graph.nodes.size() > kNodesToCompile) return;
  CompileOptions options;
  options.constant_budget = kConstantBudget;
  const CompileResult result = compile_tflite(model, "fuzz", options);
  if (result.report.arena > kArenaToRun || result.report.weights > kWeightsToRun) return;
  std::vector<std::vector<std::byte>> inputs;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    inputs.emplace_back(static_cast<std::size_t>(element_count(*value.shape)) *
                        sz::dtype_bytes(value.dtype));
  }
  testing::run_package_bytes(result.package, inputs);  // throws if the engine refuses
}

// Another number where one of 32 bits may stand: most models stay well-formed tables.
void mutate(std::vector<std::byte>& model, std::mt19937& random) {
  static constexpr std::uint32_t kNumbers[] = {0,  1,  2,   3,   4,     5,          6,
                                               7,  8,  16,  100, 65536, 0x7fffffff, 0x80000000,
                                               9,  17, 255, 256, 34,    0xffffffff, 0xfffffffe,
                                               22, 39, 114};
  const std::size_t words = model.size() / sizeof(std::uint32_t);
  if (words == 0) return;
  const std::size_t at = random() % words * sizeof(std::uint32_t);
  if (random() % 2 == 0) {
    model[at + random() % 4] = static_cast<std::byte>(random() % 16);
    return;
  }
  const std::uint32_t number = kNumbers[random() % std::size(kNumbers)];
  std::memcpy(model.data() + at, &number, sizeof(number));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> model(bytes.begin(), bytes.end());
  try {
    compile_and_run(model);
  } catch (const InternalError& error) {
    std::cerr << error.what() << '\n';
    std::abort();
  } catch (const CompileError&) {
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (random() % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  const auto bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> model(bytes.begin(), bytes.end());
  if (size < 64 || random() % 32 == 0) {
    model = testing::random_tflite(seed, static_cast<int>(random() % 8)).file();
  }
  for (unsigned i = random() % 4; i > 0; --i) mutate(model, random);
  if (model.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, model.data(), model.size());
  return model.size();
}
