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
#include "compiler/language/matrix.h"
#include "compiler/language/tokenizer_blob.h"
#include "compiler/testing/llama2c_files.h"
#include "language/tokenizer.h"

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

void require(bool holds, const char* what) {
  if (holds) return;
  std::cerr << what << '\n';
  std::abort();
}

void check_matrix(const MatrixPtr& matrix, std::uint32_t outputs, std::uint32_t inputs) {
  require(matrix != nullptr, "a matrix is missing");
  require(matrix->outputs == outputs && matrix->inputs == inputs, "a matrix has the wrong shape");
  require(matrix->data.size() == outputs * row_bytes(matrix->format, inputs),
          "a matrix has the wrong size");
}

// What the rest of the compiler relies on.
void check_model(const LanguageModel& model) {
  check_matrix(model.embedding, model.vocabulary, model.width);
  check_matrix(model.head_matrix, model.vocabulary, model.width);
  require(model.final_norm.size() == model.width && !model.layers.empty(), "sizes do not fit");
  require(model.heads * model.head == model.width, "heads do not fit");
  for (const LanguageLayer& layer : model.layers) {
    check_matrix(layer.q, model.width, model.width);
    check_matrix(layer.k, model.kv_heads * model.head, model.width);
    check_matrix(layer.v, model.kv_heads * model.head, model.width);
    check_matrix(layer.o, model.width, model.width);
    check_matrix(layer.gate, model.hidden, model.width);
    check_matrix(layer.up, model.hidden, model.width);
    check_matrix(layer.down, model.width, model.hidden);
    require(layer.attention_norm.size() == model.width && layer.ffn_norm.size() == model.width,
            "a norm has the wrong size");
  }
  const std::vector<std::byte> blob = tokenizer_blob(model.tokenizer, "fuzz");
  sz::language::Tokenizer tokenizer;
  require(sz::language::Tokenizer::open(blob, &tokenizer).status == sz::Status::kOk,
          "the device refuses a vocabulary that was written");
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
      check_model(import_llama2c(small, bytes, "fuzz", "tokens"));
    } else {
      const auto& tokens = data[0] % 4 == 0 ? with_piece : without;
      check_model(import_llama2c(bytes, tokens, "fuzz", "tokens"));
    }
  } catch (const InternalError& error) {
    require(false, error.what());
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
