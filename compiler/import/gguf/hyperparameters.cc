#include "compiler/import/gguf/hyperparameters.h"

#include <algorithm>
#include <string_view>

#include "compiler/error.h"
#include "compiler/import/messages.h"

namespace sz::compiler::gguf {
namespace {

constexpr std::string_view kArchitecture = "general.architecture", kParts = "split.count";

// All that are read, here and for the rotary embedding, and those that mean nothing for inference.
constexpr std::string_view kKnown[] = {
    "llama.vocab_size",
    "llama.context_length",
    "llama.embedding_length",
    "llama.block_count",
    "llama.feed_forward_length",
    "llama.expert_count",
    "llama.expert_used_count",
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.value_length",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scale_linear",
    "llama.rope.scaling.type",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.finetuned",
    "llama.rope.scaling.yarn_ext_factor",
    "llama.rope.scaling.yarn_attn_factor",
    "llama.rope.scaling.yarn_beta_fast",
    "llama.rope.scaling.yarn_beta_slow",
};

void check_kind(const Metadata& metadata) {
  const std::string_view architecture = metadata.need_text(kArchitecture);
  if (architecture != "llama") {
    metadata.refuse(metadata.need(kArchitecture),
                    "is " + quoted(architecture) + "; the architecture 'llama' is supported");
  }
  if (metadata.whole(kParts, 0, UINT64_MAX).value_or(1) > 1) {
    metadata.refuse(metadata.need(kParts),
                    "says that the model is in several files; "
                    "one file is supported, so join them before");
  }
  for (const std::string_view key : {"llama.expert_count", "llama.expert_used_count"}) {
    if (metadata.whole(key, 0, UINT64_MAX).value_or(0) > 0) {
      metadata.refuse(metadata.need(key), "asks for a mixture of experts, which is not supported");
    }
  }
}

void check_known(const File& file, const Metadata& metadata) {
  for (const Entry& entry : file.entries) {
    if (!entry.key.starts_with("llama.")) continue;
    if (std::find(std::begin(kKnown), std::end(kKnown), entry.key) == std::end(kKnown)) {
      metadata.refuse(entry, "is not known; it may change what the model computes");
    }
  }
}

void read_heads(const Metadata& metadata, LanguageModel* model) {
  constexpr std::string_view kHeads = "llama.attention.head_count";
  constexpr std::string_view kKvHeads = "llama.attention.head_count_kv";
  model->heads = metadata.need_whole(kHeads, 1, kMaxWidth);
  model->kv_heads =
      static_cast<std::uint32_t>(metadata.whole(kKvHeads, 1, model->heads).value_or(model->heads));
  if (model->heads % model->kv_heads != 0) {
    metadata.refuse(metadata.need(kKvHeads), "is " + std::to_string(model->kv_heads) +
                                                 ", no divisor of the " +
                                                 std::to_string(model->heads) + " heads");
  }
  const auto length = [&](std::string_view key) -> std::uint32_t {
    if (metadata.find(key) != nullptr) return metadata.need_whole(key, 1, kMaxWidth);
    if (model->width % model->heads != 0) {
      metadata.refuse(metadata.need(kHeads), "is " + std::to_string(model->heads) +
                                                 ", no divisor of the width " +
                                                 std::to_string(model->width));
    }
    return model->width / model->heads;
  };
  model->head = length("llama.attention.key_length");
  const std::uint32_t value = length("llama.attention.value_length");
  if (value != model->head || std::uint64_t{model->heads} * model->head > kMaxWidth) {
    throw CompileError(
        metadata.source() + ": " + std::to_string(model->heads) + " heads with keys of " +
        std::to_string(model->head) + " numbers and values of " + std::to_string(value) +
        ": they must be equal, and at most " + std::to_string(kMaxWidth) + " together");
  }
}

}  // namespace

std::uint32_t read_hyperparameters(const Metadata& metadata, LanguageModel* model) {
  constexpr std::string_view kEpsilon = "llama.attention.layer_norm_rms_epsilon";
  check_kind(metadata);
  check_known(metadata.file(), metadata);
  model->name = std::string(metadata.text("general.name").value_or("").substr(0, 256));
  model->context = metadata.need_whole("llama.context_length", 1, kMaxContext);
  model->width = metadata.need_whole("llama.embedding_length", 1, kMaxWidth);
  model->hidden = metadata.need_whole("llama.feed_forward_length", 1, kMaxWidth);
  model->vocabulary = static_cast<std::uint32_t>(
      metadata.whole("llama.vocab_size", 1, language::kMaxTokens).value_or(0));
  read_heads(metadata, model);
  metadata.need(kEpsilon);
  model->epsilon = *metadata.real(kEpsilon);
  if (!(model->epsilon >= 0.0f && model->epsilon <= 1.0f)) {
    metadata.refuse(metadata.need(kEpsilon),
                    "is " + std::to_string(model->epsilon) + ", not within 0 and 1");
  }
  return metadata.need_whole("llama.block_count", 1, kMaxLayers);
}

}  // namespace sz::compiler::gguf
