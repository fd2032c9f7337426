// Session::generate: a whole answer, streamed.
#include <algorithm>
#include <chrono>

#include "client/lent_cores.h"
#include "client/pace.h"
#include "client/session_state.h"
#include "client/utf8.h"

namespace sz {
namespace {

using Clock = std::chrono::steady_clock;
using Progress = NextPiece::Progress;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

const char* ending_name(Ending ending) {
  switch (ending) {
    case Ending::kEndOfText:
      return "end of text";
    case Ending::kLimit:
      return "limit";
    case Ending::kContextFull:
      return "context full";
    case Ending::kStopped:
      return "stopped";
  }
  return "unknown";
}

double GenerationReport::prompt_rate() const {
  return prompt_seconds > 0 ? prompt_tokens / prompt_seconds : 0;
}

double GenerationReport::writing_rate() const {
  return writing_seconds > 0 ? written / writing_seconds : 0;
}

namespace {

// One answer on its way. `next` does a piece of work (Session::next).
class Answer {
 public:
  Answer(const GenerateOptions& options, const OnText& on_text, const Context& start)
      : options_(options),
        on_text_(on_text),
        start_(start),
        context_(start),
        pace_(options.tokens_at_once) {
    report_.prompt_tokens = start.waiting;
  }

  template <typename Next>
  GenerationReport run(Next next, Clock::time_point begin) {
    bool more = true;
    while (more) {
      const auto call = Clock::now();
      const NextPiece piece = next(wanted());
      const double taken = seconds_since(call);
      if (piece.tokens.empty() && goes_on(piece)) {
        report_.prompt_seconds += taken;
        more = computed(piece);
      } else {
        if (report_.written == 0) report_.first_token_seconds = seconds_since(begin);
        report_.writing_seconds += taken;
        pace_.took(static_cast<std::uint32_t>(piece.tokens.size()), taken);
        more = wrote(piece);
      }
      context_ = piece.context;
    }
    report_.position = context_.computed + context_.waiting;
    return report_;
  }

 private:
  static bool goes_on(const NextPiece& piece) {
    return piece.progress == Progress::kPrompt || piece.progress == Progress::kToken;
  }

  std::uint32_t wanted() const {
    if (options_.tokens == 0) return pace_.tokens();
    const std::size_t left = options_.tokens - report_.written;
    return static_cast<std::uint32_t>(std::min<std::size_t>(pace_.tokens(), left));
  }

  // A part of the prompt has been computed; whether to go on.
  bool computed(const NextPiece& piece) {
    if (piece.context.computed <= context_.computed) {
      throw Error(ErrorKind::kDevice, "the trusted application does not get on with the prompt");
    }
    const std::uint32_t total = start_.waiting;
    const std::uint32_t left = std::min(total, piece.context.waiting);
    if (!options_.on_prompt || options_.on_prompt(total - left, total)) return true;
    report_.ending = Ending::kStopped;
    return false;
  }

  // Tokens were written, or none could be; whether to go on.
  bool wrote(const NextPiece& piece) {
    report_.written += static_cast<std::uint32_t>(piece.tokens.size());
    report_.tokens.insert(report_.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    if (!give(joiner_.add(piece.text))) return false;
    switch (piece.progress) {
      case Progress::kEndOfText:
        return end(Ending::kEndOfText);
      case Progress::kContextFull:
        return end(Ending::kContextFull);
      case Progress::kIdle:
        if (report_.written != 0) return end(Ending::kEndOfText);
        throw Error(
            "there is nothing to go on from: the conversation is empty, or the model has "
            "ended it; add a prompt");
      default:
        return report_.written != options_.tokens || end(Ending::kLimit);
    }
  }

  bool end(Ending ending) {
    report_.ending = ending;
    give(joiner_.end());
    return false;
  }

  bool give(const std::string& text) {
    if (text.empty() || !on_text_ || on_text_(text)) return true;
    report_.ending = Ending::kStopped;
    return false;
  }

  const GenerateOptions& options_;
  const OnText& on_text_;
  const Context start_;
  Context context_;
  client::Pace pace_;
  client::Utf8Joiner joiner_;
  GenerationReport report_;
};

void check_options(const GenerateOptions& options) {
  if (options.tokens_at_once <= SMARTZONE_MAX_NEXT) return;
  throw Error("tokens_at_once must be 0 (adapted) or 1 to " + std::to_string(SMARTZONE_MAX_NEXT) +
              ", not " + std::to_string(options.tokens_at_once));
}

}  // namespace

GenerationReport Session::generate(std::string_view prompt, const GenerateOptions& options,
                                   const OnText& on_text) {
  State& state = *state_;
  static_cast<void>(state.language("generate"));
  check_options(options);
  const auto begin = Clock::now();
  if (!prompt.empty() || options.prompt.restart || options.prompt.sampling) {
    state.add(std::as_bytes(std::span(prompt)), 0, options.prompt);
  }
  const std::uint32_t cores = state.cores_to_use();
  const client::LentCores lent(state.lenders, state.group, cores - 1);
  Answer answer(options, on_text, state.conversation.context);
  GenerationReport report = answer.run([&](std::uint32_t most) { return state.next(most); }, begin);
  report.cores = cores;
  return report;
}

}  // namespace sz
