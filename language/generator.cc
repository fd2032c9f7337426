#include "language/generator.h"

#include "base/checked.h"
#include "language/likelihood.h"
#include "language/utf8.h"

namespace sz::language {
namespace {

constexpr std::uint64_t kAlignment = 64;

std::uint64_t larger(std::uint64_t a, std::uint64_t b) { return a > b ? a : b; }

// Tokens that a prompt may have: at most 3 of 2 bytes, as a space may go in front of every second.
std::uint64_t most_fresh(const package::LanguageRecord& record) {
  const std::uint64_t most = record.most_text_bytes * std::uint64_t{3} / 2 + 2;
  return most < record.context ? most : record.context;
}

std::uint64_t work_bytes(const package::LanguageRecord& record) {
  return larger(Tokenizer::work_bytes(record.most_text_bytes),
                sampler_work_bytes(record.vocabulary));
}

// Hands out memory from the front.
class Parts {
 public:
  explicit Parts(MutableByteSpan memory) : memory_(memory) {}

  MutableByteSpan take(std::uint64_t bytes) {
    const MutableByteSpan part = memory_.first(bytes);
    memory_ = memory_.subspan(align_up(bytes, kAlignment));
    return part;
  }
  std::span<std::uint32_t> take_words(std::uint64_t count) {
    const MutableByteSpan part = take(count * sizeof(std::uint32_t));
    return {reinterpret_cast<std::uint32_t*>(part.data()), count};
  }

 private:
  MutableByteSpan memory_;
};

Failure run_model(const void* context, std::span<const std::uint32_t> tokens,
                  std::uint32_t position, Workers& workers, std::span<float>* logits) {
  const auto& model = *static_cast<const engine::Model*>(context);
  const package::LanguageRecord& record = *model.language();
  const std::uint32_t entry = tokens.size() == 1 ? record.decode_entry : record.prefill_entry;
  return model.run_tokens(entry, tokens, position, workers, logits);
}

// The number, from 1, of the first field of a saved state that makes no sense; 0: all do.
std::uint32_t wrong_field(const GeneratorState& state, std::uint32_t context) {
  if (state.position > context) return 1;
  if (state.waiting > context - state.position) return 2;
  const auto phase = static_cast<Phase>(state.phase);
  const bool none = state.waiting == 0;
  if (phase == Phase::kPrompt) {
    if (none && state.position != 0) return 3;
  } else if (phase == Phase::kReady) {
    if (!none || state.position == 0) return 3;
  } else if (phase == Phase::kAnswer || phase == Phase::kEnded) {
    if (state.waiting != 1 || state.position == 0) return 3;
  } else {
    return 3;
  }
  if (state.reserved != 0) return 4;
  return check_settings(state.settings).ok() ? 0 : 5;
}

}  // namespace

std::uint64_t generator_bytes(const package::LanguageRecord& record) {
  return align_up(record.context * std::uint64_t{sizeof(std::uint32_t)}, kAlignment) +
         align_up(most_fresh(record) * sizeof(std::uint32_t), kAlignment) +
         align_up(record.most_text_bytes, kAlignment) + align_up(work_bytes(record), kAlignment);
}

Failure Generator::open(const engine::Model& model, MutableByteSpan memory) {
  return open(*model.language(), model.tokenizer(), {run_model, &model}, memory);
}

Failure Generator::open(const package::LanguageRecord& record, ByteSpan tokenizer,
                        TokenRunner runner, MutableByteSpan memory) {
  Tokenizer opened;
  if (Failure failure = Tokenizer::open(tokenizer, &opened); !failure.ok()) return failure;
  if (opened.header().tokens != record.vocabulary) return {Status::kLanguageInvalid, 1};
  if (memory.size() < generator_bytes(record)) return {Status::kLanguageInvalid, 2};
  *this = Generator();
  tokenizer_ = opened;
  runner_ = runner;
  batch_ = record.batch;
  Parts parts(memory);
  tokens_ = parts.take_words(record.context);
  fresh_ = parts.take_words(most_fresh(record));
  text_ = parts.take(record.most_text_bytes);
  work_ = parts.take(work_bytes(record));
  state_.random = start_sampler(state_.settings.seed);
  return kSuccess;
}

void Generator::reset() {
  state_.position = 0;
  state_.waiting = 0;
  enter(Phase::kPrompt);
  logits_ = {};
}

// There is room for them.
void Generator::add(std::span<const std::uint32_t> tokens, bool restart) {
  if (restart) reset();
  if (tokens.empty()) return;
  copy_bytes(&tokens_[used()], tokens.data(), tokens.size_bytes());
  state_.waiting += static_cast<std::uint32_t>(tokens.size());
  enter(Phase::kPrompt);
}

Failure Generator::prompt(ByteSpan text, const PromptOptions& options) {
  if (text.size() > text_.size()) return {Status::kPromptTooLong, detail_of(text_.size())};
  const std::size_t bad = first_bad_byte(text);
  if (bad != text.size()) return {Status::kBadText, detail_of(bad)};
  const std::uint32_t before = options.restart ? 0 : used();
  const std::uint32_t room = context() - before;
  const EncodeOptions encoding = {
      .bos = before == 0,
      .specials = options.specials,
      .begins = tokenizer_.begins_after(before == 0 ? kNoToken : tokens_[before - 1])};
  std::uint32_t count = 0;
  const std::span<std::uint32_t> fresh = room < fresh_.size() ? fresh_.first(room) : fresh_;
  if (Failure failure = tokenizer_.encode(text, encoding, work_, fresh, &count); !failure.ok()) {
    return failure;
  }
  add(fresh.first(count), options.restart);
  return kSuccess;
}

Failure Generator::prompt_tokens(std::span<const std::uint32_t> tokens, bool restart) {
  const std::uint32_t room = context() - (restart ? 0 : used());
  if (tokens.size() > room) return {Status::kPromptTooLong, room};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= tokenizer_.header().tokens) return {Status::kBadToken, detail_of(i)};
  }
  add(tokens, restart);
  return kSuccess;
}

Failure Generator::sampling(const SamplerSettings& settings) {
  if (Failure failure = check_settings(settings); !failure.ok()) return failure;
  state_.settings = settings;
  state_.random = start_sampler(settings.seed);
  return kSuccess;
}

// Computes the first `count` waiting tokens. Nothing has changed on an error, but that the logits
// are lost.
Failure Generator::run(std::uint32_t count, Workers& workers) {
  std::span<float> logits;
  logits_ = {};
  const auto tokens = tokens_.subspan(state_.position, count);
  const Failure failure = runner_.run(runner_.context, tokens, state_.position, workers, &logits);
  if (!failure.ok()) return failure;
  logits_ = logits;
  state_.position += count;
  state_.waiting -= count;
  if (state_.waiting == 0) enter(Phase::kReady);
  return kSuccess;
}

// Logits that are lost (the sampler works in them; they are not saved) come back by computing the
// last token again, which gives the same bits.
Failure Generator::ensure_logits(Workers& workers) {
  if (!logits_.empty()) return kSuccess;
  const std::uint32_t last = state_.position - 1;
  return runner_.run(runner_.context, tokens_.subspan(last, 1), last, workers, &logits_);
}

Failure Generator::choose(Workers& workers, StepResult* result) {
  if (state_.position == context()) {
    result->progress = Progress::kContextFull;
    return kSuccess;
  }
  if (Failure failure = ensure_logits(workers); !failure.ok()) return failure;
  const std::uint32_t token =
      sample(logits_, tokens_.first(state_.position), state_.settings, &state_.random, work_);
  logits_ = {};
  tokens_[state_.position] = token;
  state_.waiting = 1;
  result->token = token;
  if (tokenizer_.ends(token)) {
    enter(Phase::kEnded);
    result->progress = Progress::kEndOfText;
    return kSuccess;
  }
  enter(Phase::kAnswer);
  result->progress = Progress::kToken;
  result->text = tokenizer_.piece(tokens_[state_.position - 1], token);
  return kSuccess;
}

Failure Generator::step(Workers& workers, StepResult* result) {
  *result = {};
  if (is(Phase::kEnded)) {
    *result = {.progress = Progress::kEndOfText, .token = tokens_[state_.position], .text = {}};
    return kSuccess;
  }
  if (is(Phase::kReady)) return choose(workers, result);
  if (state_.waiting == 0) return kSuccess;
  if (is(Phase::kPrompt)) {
    result->progress = Progress::kPrompt;
    return run(state_.waiting < batch_ ? state_.waiting : batch_, workers);
  }
  if (state_.position + 1 == context()) {  // nothing could follow
    result->progress = Progress::kContextFull;
    return kSuccess;
  }
  if (Failure failure = run(1, workers); !failure.ok()) return failure;
  return choose(workers, result);
}

Failure Generator::score(Workers& workers, double* nll, std::uint32_t* judged,
                         std::span<float>* logits) {
  if (state_.waiting == 0) return {Status::kBadState, 0};
  double one = 0.0;
  const bool judge = state_.position != 0;
  if (judge) {
    if (Failure failure = ensure_logits(workers); !failure.ok()) return failure;
    one = negative_log_likelihood(logits_, tokens_[state_.position]);
  }
  if (Failure failure = run(1, workers); !failure.ok()) return failure;
  if (judge) {
    *nll += one;
    ++*judged;
  }
  *logits = logits_;
  return kSuccess;
}

Failure Generator::restore(const GeneratorState& state) {
  reset();
  const std::uint32_t wrong = wrong_field(state, context());
  if (wrong != 0) return {Status::kSavedDamaged, wrong};
  for (const std::uint32_t token : tokens_.first(state.position + state.waiting)) {
    if (token >= tokenizer_.header().tokens) return {Status::kSavedDamaged, 0};
  }
  const bool ended = static_cast<Phase>(state.phase) == Phase::kEnded;
  if (ended && !tokenizer_.ends(tokens_[state.position])) return {Status::kSavedDamaged, 3};
  state_ = state;
  return kSuccess;
}

}  // namespace sz::language
