#include "ta/conversation.h"

#include "language/sampler.h"
#include "language/tokenizer_format.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

// Details of kBadParameters: the number of the parameter.
constexpr std::uint32_t kParameter0 = 0;
constexpr std::uint32_t kParameter1 = 1;
constexpr std::uint32_t kParameter2 = 2;

constexpr std::uint32_t kPromptFlags = SMARTZONE_PROMPT_RESTART | SMARTZONE_PROMPT_SPECIALS |
                                       SMARTZONE_PROMPT_TOKENS | SMARTZONE_PROMPT_SAMPLING;

// The protocol's numbers are the generator's.
static_assert(static_cast<std::uint32_t>(language::Progress::kPrompt) == SMARTZONE_PROGRESS_PROMPT);
static_assert(static_cast<std::uint32_t>(language::Progress::kToken) == SMARTZONE_PROGRESS_TOKEN);
static_assert(static_cast<std::uint32_t>(language::Progress::kEndOfText) ==
              SMARTZONE_PROGRESS_END_OF_TEXT);
static_assert(static_cast<std::uint32_t>(language::Progress::kContextFull) ==
              SMARTZONE_PROGRESS_CONTEXT_FULL);
static_assert(static_cast<std::uint32_t>(language::Progress::kIdle) == SMARTZONE_PROGRESS_IDLE);

language::SamplerSettings settings_of(const smartzone_prompt& request) {
  return {.temperature = request.temperature,
          .top_k = request.top_k,
          .top_p = request.top_p,
          .min_p = request.min_p,
          .repeat_penalty = request.repeat_penalty,
          .repeat_window = request.repeat_window,
          .seed = request.seed};
}

}  // namespace

Failure Conversation::open(const engine::Model& model, MutableByteSpan memory) {
  close();
  const Failure failure = generator_.open(model, memory);
  if (failure.ok()) model_ = &model;
  return failure;
}

void Conversation::close() {
  model_ = nullptr;
  generator_ = language::Generator();
  saving_ = Saving();
}

Failure Conversation::prompt(ByteSpan text, ByteSpan request) {
  saving_.stop(*model_, generator_);
  smartzone_prompt copy;
  if (request.size() != sizeof(copy)) return {Status::kBadParameters, kParameter1};
  TEE_MemMove(&copy, request.data(), sizeof(copy));
  if ((copy.flags & ~kPromptFlags) != 0 || copy.reserved != 0) {
    return {Status::kBadParameters, kParameter1};
  }
  const language::SamplerSettings settings = settings_of(copy);
  const bool sampling = (copy.flags & SMARTZONE_PROMPT_SAMPLING) != 0;
  if (sampling) {
    if (Failure failure = language::check_settings(settings); !failure.ok()) return failure;
  }
  const bool tokens = (copy.flags & SMARTZONE_PROMPT_TOKENS) != 0;
  const Failure failure = tokens ? add_tokens(text, (copy.flags & SMARTZONE_PROMPT_RESTART) != 0)
                                 : add_text(text, copy);
  if (!failure.ok() || !sampling) return failure;
  return generator_.sampling(settings);
}

Failure Conversation::add_text(ByteSpan text, const smartzone_prompt& request) {
  const MutableByteSpan room = generator_.text_buffer();
  if (text.size() > room.size()) return {Status::kPromptTooLong, detail_of(room.size())};
  const MutableByteSpan copy = room.first(text.size());
  TEE_MemMove(copy.data(), text.data(), text.size());
  const language::PromptOptions options = {
      .restart = (request.flags & SMARTZONE_PROMPT_RESTART) != 0,
      .specials = (request.flags & SMARTZONE_PROMPT_SPECIALS) != 0};
  const Failure failure = generator_.prompt(copy, options);
  wipe_bytes(copy.data(), copy.size());
  return failure;
}

Failure Conversation::add_tokens(ByteSpan tokens, bool restart) {
  const MutableByteSpan room = generator_.text_buffer();
  if (tokens.size() % sizeof(std::uint32_t) != 0) return {Status::kBadParameters, kParameter0};
  if (tokens.size() > room.size()) {
    return {Status::kPromptTooLong, detail_of(room.size() / sizeof(std::uint32_t))};
  }
  TEE_MemMove(room.data(), tokens.data(), tokens.size());
  const std::span<const std::uint32_t> copy(reinterpret_cast<const std::uint32_t*>(room.data()),
                                            tokens.size() / sizeof(std::uint32_t));
  const Failure failure = generator_.prompt_tokens(copy, restart);
  wipe_bytes(room.data(), tokens.size());
  return failure;
}

Failure Conversation::next(std::uint32_t most, Workers& workers, MutableByteSpan text,
                           smartzone_next* reply) {
  saving_.stop(*model_, generator_);
  if (most < 1 || most > SMARTZONE_MAX_NEXT) return {Status::kBadParameters, kParameter2};
  if (text.size() < language::kMaxTokenBytes) {
    return {Status::kBufferTooSmall, language::kMaxTokenBytes};
  }
  *reply = {};
  language::StepResult step;
  do {
    if (Failure failure = generator_.step(workers, &step); !failure.ok()) return failure;
    if (step.progress != language::Progress::kToken) break;
    TEE_MemMove(text.data() + reply->text_bytes, step.text.data(), step.text.size());
    reply->text_bytes += static_cast<std::uint32_t>(step.text.size());
    reply->token[reply->tokens++] = step.token;
  } while (reply->tokens < most && text.size() - reply->text_bytes >= language::kMaxTokenBytes);
  reply->progress = static_cast<std::uint32_t>(step.progress);
  reply->position = position();
  reply->waiting = waiting();
  return kSuccess;
}

Failure Conversation::score(std::uint32_t most, Workers& workers, MutableByteSpan logits,
                            std::uint64_t* written, smartzone_score* reply) {
  saving_.stop(*model_, generator_);
  const package::LanguageRecord& language = *model_->language();
  if (most < 1 || most > SMARTZONE_MAX_NEXT) return {Status::kBadParameters, kParameter2};
  if (!logits.empty() && (language.flags & package::kLogitsMayLeave) == 0) {
    return {Status::kBadState, language.flags};
  }
  const std::uint64_t row = std::uint64_t{language.vocabulary} * sizeof(float);
  if (!logits.empty() && logits.size() < most * row) {
    return {Status::kBufferTooSmall, detail_of(most * row)};
  }
  *reply = {};
  while (reply->computed < most && waiting() != 0) {
    std::span<float> after;
    if (Failure failure = generator_.score(workers, &reply->nll, &reply->judged, &after);
        !failure.ok()) {
      return failure;
    }
    if (!logits.empty()) TEE_MemMove(logits.data() + reply->computed * row, after.data(), row);
    ++reply->computed;
  }
  reply->position = position();
  reply->waiting = waiting();
  if (!logits.empty()) *written = reply->computed * row;
  return kSuccess;
}

Failure Conversation::save(std::uint32_t piece, MutableByteSpan out, std::uint64_t* written,
                           std::uint32_t* pieces) {
  return saving_.save(*model_, generator_, piece, out, written, pieces);
}

Failure Conversation::resume(std::uint32_t piece, ByteSpan in, std::uint32_t* left) {
  return saving_.resume(*model_, generator_, piece, in, left);
}

}  // namespace sz::ta
