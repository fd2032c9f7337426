// The C interface for language models.
#include "client/c_api.h"

using sz::c_api::guarded;
using sz::c_api::require;

namespace {

bool flag(std::uint32_t value, const char* name) {
  if (value > 1) {
    throw sz::Error("sz_generate_options." + std::string(name) + " must be 0 or 1");
  }
  return value == 1;
}

sz::Sampling to_sampling(const sz_sampling& from) {
  return {.temperature = from.temperature,
          .top_k = from.top_k,
          .top_p = from.top_p,
          .min_p = from.min_p,
          .repeat_penalty = from.repeat_penalty,
          .repeat_window = from.repeat_window,
          .seed = from.seed};
}

sz::GenerateOptions to_options(const sz_generate_options* from) {
  sz::GenerateOptions options;
  if (from == nullptr) return options;
  for (const std::uint32_t word : from->reserved) {
    if (word != 0) {
      throw sz::Error("sz_generate_options.reserved must be 0: clear the struct first");
    }
  }
  options.tokens = from->tokens;
  options.tokens_at_once = from->tokens_at_once;
  options.prompt.restart = !flag(from->go_on, "go_on");
  options.prompt.specials = flag(from->specials, "specials");
  if (from->sampling != nullptr) options.prompt.sampling = to_sampling(*from->sampling);
  return options;
}

int to_ending(sz::Ending ending) {
  switch (ending) {
    case sz::Ending::kEndOfText:
      return SZ_END_OF_TEXT;
    case sz::Ending::kLimit:
      return SZ_END_LIMIT;
    case sz::Ending::kContextFull:
      return SZ_END_CONTEXT_FULL;
    case sz::Ending::kStopped:
      return SZ_END_STOPPED;
  }
  return SZ_END_STOPPED;
}

}  // namespace

extern "C" {

int sz_package_language(const sz_package* package, sz_language* language) {
  return guarded([&] {
    require(package, "package");
    require(language, "language");
    const sz::LanguageInfo* from = package->package.language();
    if (from == nullptr) {
      throw sz::Error("'" + package->package.name() + "' is a network, not a language model");
    }
    *language = {from->context,       from->vocabulary,           from->batch, 0,
                 from->cache.c_str(), from->chat_template.c_str()};
  });
}

void sz_sampling_greedy(sz_sampling* sampling) {
  if (sampling == nullptr) return;
  const sz::Sampling from;
  *sampling = {from.temperature,    from.top_k,         from.top_p, from.min_p,
               from.repeat_penalty, from.repeat_window, from.seed};
}

int sz_session_generate(sz_session* session, const char* prompt, const sz_generate_options* options,
                        sz_on_text on_text, void* context, sz_generation* report) {
  return guarded([&] {
    require(session, "session");
    require(prompt, "prompt");
    sz::OnText forward;
    if (on_text != nullptr) {
      forward = [&](std::string_view text) {
        return on_text(context, text.data(), text.size()) == 0;
      };
    }
    const sz::GenerationReport from =
        session->session.generate(prompt, to_options(options), forward);
    if (report == nullptr) return;
    *report = {to_ending(from.ending), from.prompt_tokens,   from.written,
               from.position,          from.cores,           0,
               from.prompt_seconds,    from.writing_seconds, from.first_token_seconds};
  });
}

int sz_session_score(sz_session* session, const char* text, sz_score* score) {
  return guarded([&] {
    require(session, "session");
    require(text, "text");
    require(score, "score");
    const sz::Score from = session->session.score(text);
    *score = {from.nll, from.judged, from.tokens, from.seconds};
  });
}

int sz_session_save(sz_session* session, const char* path) {
  return guarded([&] {
    require(session, "session");
    require(path, "path");
    session->session.save_conversation(path);
  });
}

int sz_session_resume(sz_session* session, const char* path) {
  return guarded([&] {
    require(session, "session");
    require(path, "path");
    session->session.resume_conversation(path);
  });
}

}  // extern "C"
