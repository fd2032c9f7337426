// Arbitrary bytes as llama2.c's files: refused with CompileError, or imported. The first byte says
// what the others are: a checkpoint (even; with a tokenizer that fits), or a tokenizer (odd; for a
// small checkpoint).
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>

#include "compiler/error.h"
#include "compiler/import/llama2c/importer.h"
#include "compiler/testing/imported_model.h"
#include "compiler/testing/llama2c_files.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace sz::compiler;
using testing::Llama2cSizes;

constexpr Llama2cSizes kSmall = {.dim = 2,
                                 .hidden = 2,
                                 .layers = 1,
                                 .heads = 1,
                                 .kv_heads = 1,
                                 .vocabulary = 260,
                                 .context = 4,
                                 .tied = true};

void import_and_check(std::span<const std::byte> checkpoint, std::span<const std::byte> tokenizer) {
  const LanguageModel model = import_llama2c(checkpoint, tokenizer, "fuzz", "tokens");
  testing::require_sound(model);
  testing::require_sound(model.tokenizer);
}

std::vector<std::byte> random_checkpoint(std::mt19937& random) {
  Llama2cSizes sizes = kSmall;
  sizes.tied = random() % 2 == 0;
  sizes.vocabulary = 259 + static_cast<std::int32_t>(random() % 2);
  std::vector<float> numbers(testing::llama2c_numbers(sizes), 0.5f);
  switch (random() % 3) {
    case 0:
      return testing::llama2c_legacy(sizes, numbers);
    case 1:
      return testing::llama2c_version1(sizes, numbers);
    default:
      break;
  }
  const std::int32_t group = random() % 2 == 0 ? 2 : 4;
  return testing::llama2c_version2(sizes, group, static_cast<std::uint32_t>(random()), &numbers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  static const auto small =
      testing::llama2c_legacy(kSmall, std::vector<float>(testing::llama2c_numbers(kSmall)));
  static const auto with_piece = testing::llama2c_tokenizer({"a"});
  static const auto without = testing::llama2c_tokenizer({});
  try {
    if (data[0] % 2 == 1) {
      import_and_check(small, bytes);
    } else {
      const auto& tokens = data[0] % 4 == 0 ? with_piece : without;
      import_and_check(bytes, tokens);
    }
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
  if (size >= 64 && random() % 4 != 0) {
    if (random() % 2 == 0) return LLVMFuzzerMutate(data, size, most);
    // Another number where one of 32 bits may stand, in the headers most often.
    static constexpr std::int32_t kNumbers[] = {0,   1,   2,     4,  8,  -260,     259,
                                                255, 260, 65536, -1, -2, INT32_MAX};
    const std::int32_t number = kNumbers[random() % std::size(kNumbers)];
    const std::size_t range = random() % 2 == 0 ? 48 : size - 4;
    std::memcpy(data + random() % range, &number, sizeof(number));
    return size;
  }
  const bool checkpoint = random() % 2 == 0;
  const auto bytes = checkpoint ? random_checkpoint(random) : testing::llama2c_tokenizer({"a"});
  if (bytes.size() + 1 > most) return LLVMFuzzerMutate(data, size, most);
  data[0] = static_cast<std::uint8_t>(checkpoint ? random() % 2 * 2 : 1);
  std::memcpy(data + 1, bytes.data(), bytes.size());
  return bytes.size() + 1;
}
