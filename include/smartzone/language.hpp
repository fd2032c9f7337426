// Language models: what is said about them, and what Session's functions for them take and give.
//
//   session.load(package);                                   // package.language() != nullptr
//   sz::GenerateOptions options;
//   options.sampling = sz::Sampling{.temperature = 0.8f, .top_p = 0.95f, .seed = 7};
//   session.generate("Once upon a time", options, [](std::string_view text) {
//     std::cout << text << std::flush;
//     return true;                                           // false: stop here
//   });
//
// A session with a language model has one conversation: the tokens of its context. It lives in the
// trusted application; text goes in, and only the text that the model writes comes out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sz {

// What a package says of its language model.
struct LanguageInfo {
  std::uint32_t context = 0;  // tokens of a conversation, those of the prompts and of the answers
  std::uint32_t vocabulary = 0;  // tokens that there are
  std::uint32_t batch = 0;       // tokens of a prompt that are computed at once
  std::string cache;             // what the caches hold: "f32", "f16", "q8_0"
  std::map<std::string, std::uint64_t>
      formats;                // of the weights, with their number: "Q6_K -> q8_0"
  std::string chat_template;  // as the model file had it; empty if it had none
};

// How tokens are chosen, in this order: penalty, temperature, top-k, top-p, min-p. The defaults are
// greedy: always the likeliest token.
struct Sampling {
  float temperature = 0.0f;          // 0: greedy; at most 100
  std::uint32_t top_k = 0;           // 0: off
  float top_p = 1.0f;                // above 0, at most 1; 1: off
  float min_p = 0.0f;                // 0 to 1; 0: off
  float repeat_penalty = 1.0f;       // above 0, at most 100; 1: off
  std::uint32_t repeat_window = 64;  // latest tokens that are penalised
  std::uint64_t seed = 0;            // the same seed, model and text: the same answer
};

// How a text is added to the conversation.
struct PromptOptions {
  bool restart = false;              // forget the conversation first
  bool specials = false;             // text like "<|im_end|>" names control tokens
  std::optional<Sampling> sampling;  // none: as before (greedy in a new session)
};

// Tokens of the conversation.
struct Context {
  std::uint32_t computed = 0;  // that the model has seen
  std::uint32_t waiting = 0;   // that it has not
};

// What Session::next did.
struct NextPiece {
  enum class Progress {
    kPrompt,       // there is more of the prompt to compute
    kToken,        // tokens were written, and more can be
    kEndOfText,    // the model ended its answer
    kContextFull,  // there is no room for another token
    kIdle,         // nothing waits and nothing was begun
  };
  Progress progress = Progress::kIdle;
  Context context;
  std::string text;                   // may begin and end within a character
  std::vector<std::uint32_t> tokens;  // that were written
};

struct GenerateOptions {
  std::size_t tokens = 0;  // most tokens to write; 0: until the model ends or the context is full
  PromptOptions prompt{.restart = true, .specials = false, .sampling = std::nullopt};

  // Tokens between two calls of on_text, which are also those that a stop can come late: 1 to 64.
  // 0: one where a token takes long, more where the way to the secure world would cost as much.
  unsigned tokens_at_once = 0;

  // Called with tokens done and in all while the prompt is computed; false: stop.
  std::function<bool(std::uint32_t done, std::uint32_t total)> on_prompt;
};

// Takes what is written as it comes: whole characters, valid UTF-8 (what is none comes as U+FFFD).
// Returns whether to go on.
using OnText = std::function<bool(std::string_view text)>;

// Why an answer ended.
enum class Ending {
  kEndOfText,    // the model ended it
  kLimit,        // GenerateOptions::tokens were written
  kContextFull,  // the conversation fills the context
  kStopped,      // on_text or on_prompt said so
};

const char* ending_name(Ending ending);  // "end of text", "limit", "context full", "stopped"

struct GenerationReport {
  Ending ending = Ending::kLimit;
  // Tokens that had to be computed first: those of the prompt and, where the conversation goes on,
  // the last of the answer before.
  std::uint32_t prompt_tokens = 0;
  std::uint32_t written = 0;          // tokens
  std::vector<std::uint32_t> tokens;  // these
  std::uint32_t position = 0;         // tokens of the conversation, computed and waiting
  double prompt_seconds = 0;
  double writing_seconds = 0;
  double first_token_seconds = 0;  // from the call to the first token; 0 if there was none
  unsigned cores = 1;              // most that it could compute on

  double prompt_rate() const;  // tokens a second; 0 if there is no time to tell
  double writing_rate() const;
};

// How likely a model finds a text.
struct Score {
  double nll = 0;            // sum of the negative log-likelihoods of the tokens, natural logarithm
  std::uint32_t judged = 0;  // tokens in it: all but the first
  std::uint32_t tokens = 0;  // computed
  std::vector<float> logits;  // where asked for: tokens x vocabulary
  double seconds = 0;

  double mean_nll() const;    // 0 if no token was judged
  double perplexity() const;  // e to the power of it
};

}  // namespace sz
