// Session's functions for language models: one command of the protocol each, and scores.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/status.h"
#include "client/lent_cores.h"
#include "client/saved_file.h"
#include "client/session_state.h"
#include "protocol/commands.h"

namespace sz {

using client::Parameter;
using client::Parameters;
using client::SharedBuffer;

namespace {

constexpr std::size_t kTextBytes = 8u << 10;    // of one NEXT
constexpr std::size_t kLogitsBytes = 1u << 20;  // of one SCORE, or of one token if that is more
constexpr std::uint32_t kScoreTokens = 64;      // of one SCORE

// A structure of the protocol in a shared buffer.
template <typename Reply>
Reply reply_of(SharedBuffer& buffer, const Parameter& parameter) {
  if (parameter.size != sizeof(Reply)) {
    throw Error(ErrorKind::kDevice,
                "the trusted application is of another version than this client: an answer has " +
                    std::to_string(parameter.size) + " bytes, not " +
                    std::to_string(sizeof(Reply)) + "; install the one that came with the client");
  }
  Reply reply{};
  std::memcpy(&reply, buffer.bytes().data(), sizeof(reply));
  return reply;
}

[[noreturn]] void wrong_answer(const std::string& what) {
  throw Error(ErrorKind::kDevice, "the trusted application answered what cannot be: " + what);
}

smartzone_prompt prompt_of(std::uint32_t flags, const PromptOptions& options) {
  smartzone_prompt prompt{};
  prompt.flags = flags;
  if (options.restart) prompt.flags |= SMARTZONE_PROMPT_RESTART;
  if (options.specials) prompt.flags |= SMARTZONE_PROMPT_SPECIALS;
  if (options.sampling) {
    const Sampling& sampling = *options.sampling;
    prompt.flags |= SMARTZONE_PROMPT_SAMPLING;
    prompt.temperature = sampling.temperature;
    prompt.top_k = sampling.top_k;
    prompt.top_p = sampling.top_p;
    prompt.min_p = sampling.min_p;
    prompt.repeat_penalty = sampling.repeat_penalty;
    prompt.repeat_window = sampling.repeat_window;
    prompt.seed = sampling.seed;
  }
  return prompt;
}

NextPiece::Progress progress_of(std::uint32_t number) {
  switch (number) {
    case SMARTZONE_PROGRESS_PROMPT:
      return NextPiece::Progress::kPrompt;
    case SMARTZONE_PROGRESS_TOKEN:
      return NextPiece::Progress::kToken;
    case SMARTZONE_PROGRESS_END_OF_TEXT:
      return NextPiece::Progress::kEndOfText;
    case SMARTZONE_PROGRESS_CONTEXT_FULL:
      return NextPiece::Progress::kContextFull;
    case SMARTZONE_PROGRESS_IDLE:
      return NextPiece::Progress::kIdle;
    default:
      wrong_answer("progress " + std::to_string(number));
  }
}

// What the numbers of these refusals mean, in sentences; other errors as they are.
Error explained(const Error& error, const LanguageInfo& model, std::uint32_t held,
                const PromptOptions& options) {
  const auto status = static_cast<Status>(error.status());
  const std::string context = std::to_string(model.context);
  const std::string mend = "compile the model with a larger --context";
  const bool full = status == Status::kPromptTooLong && error.detail() == 0;
  if (status == Status::kContextFull || full) {
    return Error("the context is full: the conversation has all " + context +
                     " tokens that it holds; begin a new conversation, or " + mend,
                 error.status(), error.detail());
  }
  if (status == Status::kPromptTooLong) {
    return Error("the prompt is too long: there is room for " + std::to_string(error.detail()) +
                     " tokens in the context of " + context +
                     (options.restart || held == 0
                          ? std::string()
                          : ", of which the conversation has " + std::to_string(held)) +
                     "; shorten the prompt, " +
                     (options.restart || held == 0 ? "or " : "begin a new conversation, or ") +
                     mend,
                 error.status(), error.detail());
  }
  if (status == Status::kBadText) {
    return Error("the prompt is not valid UTF-8: the byte at offset " +
                     std::to_string(error.detail()) +
                     " belongs to no character; convert the text to UTF-8",
                 error.status(), error.detail());
  }
  return error;
}

// A piece whose tag does not match was changed, or sealed with another key: nobody can tell which.
Error not_resumed(const Error& error, const std::string& path) {
  if (error.status() != static_cast<std::uint32_t>(Status::kSavedDamaged)) return error;
  const std::string text = path +
                     ": the saved conversation was changed, cut short, or saved on another "
                     "device; piece " +
                     std::to_string(error.detail());
  return Error(text, error.status(), error.detail());
}

}  // namespace

const LanguageInfo& Session::State::language(const char* function) const {
  if (!package) throw Error("no model is loaded: call load before " + std::string(function));
  if (package->language() == nullptr) {
    throw Error("'" + package->name() +
                "' is a network, not a language model: use run instead of " + function);
  }
  return *package->language();
}

SharedBuffer& Session::State::text_buffer(std::size_t bytes) {
  if (!conversation.text || conversation.text->bytes().size() < bytes) {
    conversation.text = transport->allocate(std::max(bytes, kTextBytes));
  }
  return *conversation.text;
}

SharedBuffer& Session::State::control_buffer() {
  constexpr std::size_t kBytes =
      std::max({sizeof(smartzone_prompt), sizeof(smartzone_next), sizeof(smartzone_score)});
  if (!conversation.control) conversation.control = transport->allocate(kBytes);
  return *conversation.control;
}

Context Session::State::add(std::span<const std::byte> text, std::uint32_t flags,
                            const PromptOptions& how) {
  const LanguageInfo& model = language("prompt");
  const std::uint32_t held = conversation.context.computed + conversation.context.waiting;
  const bool tokens = (flags & SMARTZONE_PROMPT_TOKENS) != 0;
  if (!tokens && conversation.most_text_bytes != 0 && text.size() > conversation.most_text_bytes) {
    throw Error("the prompt has " + std::to_string(text.size()) + " bytes; '" + package->name() +
                    "' takes at most " + std::to_string(conversation.most_text_bytes) +
                    " at a time",
                static_cast<std::uint32_t>(Status::kPromptTooLong), conversation.most_text_bytes);
  }
  const smartzone_prompt prompt = prompt_of(flags, how);
  SharedBuffer& bytes = text_buffer(text.size());
  SharedBuffer& control = control_buffer();
  std::copy(text.begin(), text.end(), bytes.bytes().begin());
  std::memcpy(control.bytes().data(), &prompt, sizeof(prompt));
  Parameters parameters{Parameter::memory_in(bytes, text.size()),
                        Parameter::memory_in(control, sizeof(prompt)), Parameter::value_out()};
  try {
    command(SMARTZONE_CMD_PROMPT, parameters,
            "adding to the conversation with '" + package->name() + "'");
  } catch (const Error& error) {
    throw explained(error, model, held, how);
  }
  conversation.context = {.computed = parameters[2].b, .waiting = parameters[2].a};
  return conversation.context;
}

NextPiece Session::State::next(std::uint32_t most_tokens) {
  SharedBuffer& text = text_buffer(kTextBytes);
  SharedBuffer& control = control_buffer();
  Parameters parameters{Parameter::memory_out(text, text.bytes().size()),
                        Parameter::memory_out(control, sizeof(smartzone_next)),
                        Parameter::value(most_tokens, cores_to_use())};
  command(SMARTZONE_CMD_NEXT, parameters, "writing with '" + package->name() + "'");
  const auto reply = reply_of<smartzone_next>(control, parameters[1]);
  if (reply.text_bytes > parameters[0].size || parameters[0].size > text.bytes().size()) {
    wrong_answer(std::to_string(reply.text_bytes) + " bytes of text");
  }
  if (reply.tokens > most_tokens) wrong_answer(std::to_string(reply.tokens) + " tokens");
  NextPiece piece;
  piece.progress = progress_of(reply.progress);
  piece.context = {.computed = reply.position, .waiting = reply.waiting};
  piece.text.assign(reinterpret_cast<const char*>(text.bytes().data()), reply.text_bytes);
  piece.tokens.assign(reply.token, reply.token + reply.tokens);
  conversation.context = piece.context;
  return piece;
}

Score Session::State::score(bool logits) {
  const LanguageInfo& model = language("score");
  const std::size_t row = logits ? std::size_t{model.vocabulary} * sizeof(float) : 0;
  const std::size_t rows =
      logits ? std::clamp<std::size_t>(kLogitsBytes / row, 1, kScoreTokens) : kScoreTokens;
  SharedBuffer& values = text_buffer(row * rows);
  SharedBuffer& control = control_buffer();
  Score score;
  const auto begin = std::chrono::steady_clock::now();
  const client::LentCores lent(lenders, group, cores_to_use() - 1);
  while (conversation.context.waiting != 0) {
    Parameters parameters{Parameter::memory_out(values, row * rows),
                          Parameter::memory_out(control, sizeof(smartzone_score)),
                          Parameter::value(static_cast<std::uint32_t>(rows), cores_to_use())};
    command(SMARTZONE_CMD_SCORE, parameters, "scoring with '" + package->name() + "'");
    const auto reply = reply_of<smartzone_score>(control, parameters[1]);
    if (reply.computed == 0 || reply.computed > rows) {
      wrong_answer(std::to_string(reply.computed) + " scored tokens");
    }
    if (logits && parameters[0].size != reply.computed * row) {
      wrong_answer(std::to_string(parameters[0].size) + " bytes of logits");
    }
    const std::size_t old = score.logits.size();
    score.logits.resize(old + parameters[0].size / sizeof(float));
    std::memcpy(score.logits.data() + old, values.bytes().data(), parameters[0].size);
    score.nll += reply.nll;
    score.judged += reply.judged;
    score.tokens += reply.computed;
    conversation.context = {.computed = reply.position, .waiting = reply.waiting};
  }
  score.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return score;
}

Context Session::prompt(std::string_view text, const PromptOptions& options) {
  return state_->add(std::as_bytes(std::span(text)), 0, options);
}

Context Session::prompt_tokens(std::span<const std::uint32_t> tokens,
                               const PromptOptions& options) {
  return state_->add(std::as_bytes(tokens), SMARTZONE_PROMPT_TOKENS, options);
}

NextPiece Session::next(unsigned most_tokens) {
  static_cast<void>(state_->language("next"));
  if (most_tokens < 1 || most_tokens > SMARTZONE_MAX_NEXT) {
    throw Error("next writes 1 to " + std::to_string(SMARTZONE_MAX_NEXT) + " tokens, not " +
                std::to_string(most_tokens));
  }
  const client::LentCores lent(state_->lenders, state_->group, state_->cores_to_use() - 1);
  return state_->next(most_tokens);
}

Score Session::score(std::string_view text, bool logits) {
  static_cast<void>(state_->language("score"));
  prompt(text, {.restart = true, .specials = false, .sampling = std::nullopt});
  return state_->score(logits);
}

Score Session::score_tokens(std::span<const std::uint32_t> tokens, bool logits) {
  static_cast<void>(state_->language("score_tokens"));
  prompt_tokens(tokens, {.restart = true, .specials = false, .sampling = std::nullopt});
  return state_->score(logits);
}

double Score::mean_nll() const { return judged == 0 ? 0 : nll / judged; }
double Score::perplexity() const { return std::exp(mean_nll()); }

void Session::save_conversation(const std::string& path) {
  static_cast<void>(state_->language("save_conversation"));
  const std::unique_ptr<SharedBuffer> buffer =
      state_->transport->allocate(SMARTZONE_SAVED_PIECE_BYTES);
  client::Pieces pieces;
  for (std::uint32_t number = 0, count = 1; number < count; ++number) {
    Parameters parameters{Parameter::memory_out(*buffer, SMARTZONE_SAVED_PIECE_BYTES),
                          Parameter::value(number), Parameter::value_out()};
    state_->command(SMARTZONE_CMD_SAVE, parameters, "saving the conversation to " + path);
    count = parameters[2].a;
    const std::size_t size = parameters[0].size;
    if (size == 0 || size > buffer->bytes().size()) wrong_answer("an empty piece");
    const auto piece = buffer->bytes().first(size);
    pieces.emplace_back(piece.begin(), piece.end());
  }
  client::write_saved(path, pieces);
}

void Session::resume_conversation(const std::string& path) {
  static_cast<void>(state_->language("resume_conversation"));
  const client::Pieces pieces = client::read_saved(path);
  const std::unique_ptr<SharedBuffer> buffer =
      state_->transport->allocate(SMARTZONE_SAVED_PIECE_BYTES);
  state_->conversation.context = {};
  std::uint32_t to_come = 1;
  for (std::uint32_t number = 0; number < pieces.size(); ++number) {
    if (to_come == 0) throw Error(path + ": has more pieces than the saved conversation");
    const std::vector<std::byte>& piece = pieces[number];
    std::copy(piece.begin(), piece.end(), buffer->bytes().begin());
    Parameters parameters{Parameter::memory_in(*buffer, piece.size()), Parameter::value(number),
                          Parameter::value_out()};
    try {
      state_->command(SMARTZONE_CMD_RESUME, parameters, "resuming the conversation of " + path);
    } catch (const Error& error) {
      throw not_resumed(error, path);
    }
    to_come = parameters[2].a;
  }
  if (to_come != 0) {
    throw Error(path + ": the saved conversation was cut short: " + std::to_string(to_come) +
                    " pieces are missing",
                static_cast<std::uint32_t>(Status::kSavedDamaged),
                static_cast<std::uint32_t>(pieces.size()));
  }
  state_->add({}, 0, {});  // adds nothing, and tells how many tokens there are
}

}  // namespace sz
