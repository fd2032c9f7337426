#include "cli/testing/language_package.h"

#include <algorithm>
#include <random>

#include "cli/files.h"
#include "compiler/compile.h"
#include "compiler/testing/llama2c_files.h"

namespace sz::cli::testing {

std::vector<std::byte> toy_language_package(const std::string& folder, std::uint32_t context) {
  compiler::testing::Llama2cSizes sizes;
  sizes.context = static_cast<std::int32_t>(context);
  // Wide enough apart that the likeliest token changes from place to place. Taken from the
  // generator's bits, so that every library makes the same model.
  std::mt19937 random(1);
  std::vector<float> numbers(compiler::testing::llama2c_numbers(sizes));
  for (float& number : numbers) {
    number = static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f;
  }
  // The tokens that end a text are never the likeliest: greedy writing goes on until it is stopped.
  const auto width = numbers.begin() + sizes.dim;
  std::fill(width, width + 2 * sizes.dim, 0.0f);
  write_file(folder + "/toy.bin", compiler::testing::llama2c_legacy(sizes, numbers));
  write_file(folder + "/tokenizer.bin",
             compiler::testing::llama2c_tokenizer(compiler::testing::small_pieces()));
  compiler::CompileOptions options;
  options.model_name = "toy";
  options.language.context = context;
  options.language.batch = 8;
  options.language.logits_may_leave = true;
  return compiler::compile_file(folder + "/toy.bin", options).package;
}

}  // namespace sz::cli::testing
