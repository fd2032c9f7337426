// Properties of all models, on random ones.
#include <gtest/gtest.h>

#include <random>

#include "compiler/compile.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/testing/random_tflite.h"
#include "compiler/testing/runner.h"

namespace sz::compiler {
namespace {

using Bytes = std::vector<std::byte>;

// Values for the inputs of a model: small floats, any 8-bit numbers.
std::vector<Bytes> random_inputs(const Bytes& model, std::uint32_t seed) {
  std::mt19937 random(seed);
  const Graph graph = import_tflite(model, {});
  std::vector<Bytes> inputs;
  for (const ValueId id : graph.inputs) {
    const auto count = static_cast<std::size_t>(element_count(graph.shape(id)));
    if (graph.value(id).dtype == DType::kF32) {
      std::vector<float> values;
      for (std::size_t i = 0; i < count; ++i) {
        values.push_back(static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
      }
      const auto view = std::as_bytes(std::span(values));
      inputs.emplace_back(view.begin(), view.end());
    } else {
      Bytes& values = inputs.emplace_back();
      for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<std::byte>(random()));
    }
  }
  return inputs;
}

TEST(RandomTflite, GivesTheSameBitsWithReferenceKernels) {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Bytes model = testing::random_tflite(seed, 1 + static_cast<int>(seed % 9)).file();
    CompileOptions options;
    const Bytes package = compile_tflite(model, "random.tflite", options).package;
    options.reference_kernels = true;
    const Bytes plain = compile_tflite(model, "random.tflite", options).package;
    const auto inputs = random_inputs(model, seed);
    EXPECT_EQ(testing::run_package_bytes(package, inputs), testing::run_package_bytes(plain, inputs));
  }
}

}  // namespace
}  // namespace sz::compiler
