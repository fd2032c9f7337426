#include "cli/writing.h"

#include "cli/app.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int) { interrupted = 1; }

// Why an answer ended, in the context of what can be done about it.
std::string ending_text(const GenerationReport& report, const LanguageInfo& model) {
  switch (report.ending) {
    case Ending::kEndOfText:
      return "the model ended the text";
    case Ending::kLimit:
      return "as many tokens as --tokens allows";
    case Ending::kContextFull:
      return "the context of " + std::to_string(model.context) +
             " tokens is full (compile with a larger --context for more)";
    case Ending::kStopped:
      return "stopped";
  }
  return ending_name(report.ending);
}

}  // namespace

Package open_language_package(const std::string& path) {
  const Package package = Package::open(path);
  if (package.language() != nullptr) return package;
  throw Error(path + ": is a network, not a language model: use `smartzone run`");
}

Package open_network_package(const std::string& path) {
  const Package package = Package::open(path);
  if (package.language() == nullptr) return package;
  throw Error(path + ": is a language model, not a network: use `smartzone generate` or "
                     "`smartzone chat`, and `smartzone perplexity` to measure it");
}

StopOnInterrupt::StopOnInterrupt() {
  interrupted = 0;
  sigaction(SIGINT, nullptr, &before_);
  if (before_.sa_handler == SIG_IGN) return;  // whoever started the program does not want it
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}
StopOnInterrupt::~StopOnInterrupt() { sigaction(SIGINT, &before_, nullptr); }
bool StopOnInterrupt::asked() { return interrupted != 0; }

std::string rate_text(std::uint64_t tokens, double seconds) {
  std::string text = std::to_string(tokens) + (tokens == 1 ? " token" : " tokens") + " in " +
                     fixed(seconds, 2) + " s";
  if (seconds > 0) {
    text += " (" + fixed(static_cast<double>(tokens) / seconds, 1) + " tokens/s)";
  }
  return text;
}

void print_writing_summary(std::ostream& out, const GenerationReport& report,
                           const LanguageInfo& model, const DeviceInfo& device,
                           const SecureMemory& memory, const CoreReport& cores) {
  out << "prompt       " << rate_text(report.prompt_tokens, report.prompt_seconds) << '\n'
      << "writing      " << rate_text(report.written, report.writing_seconds) << '\n';
  if (report.written != 0) {
    out << "first token  after " << fixed(report.first_token_seconds * 1000, 1) << " ms\n";
  }
  out << "ended        " << ending_text(report, model) << "; " << report.position << " of "
      << model.context << " tokens of context\n"
      << "computed     "
      << (device.secure ? "in the secure world (" + device.tee + ")"
                        : std::string("in this process (NOT SECURE)"))
      << " on " << cores_line(cores) << '\n'
      << "memory       " << mib(memory.peak)
      << (device.secure ? " secure" : " that would be secure") << ": weights "
      << mib(memory.weights) << ", caches " << mib(memory.state) << ", conversation "
      << mib(memory.language) << ", arena " << mib(memory.arena) << ", rest "
      << mib(memory.peak - memory.weights - memory.state - memory.language - memory.arena) << '\n';
}

nlohmann::ordered_json report_json(const GenerationReport& report) {
  return {{"ended", ending_name(report.ending)},
          {"prompt_tokens", report.prompt_tokens},
          {"prompt_seconds", report.prompt_seconds},
          {"prompt_tokens_per_second", report.prompt_rate()},
          {"written", report.written},
          {"writing_seconds", report.writing_seconds},
          {"writing_tokens_per_second", report.writing_rate()},
          {"first_token_seconds", report.first_token_seconds},
          {"position", report.position},
          {"cores", report.cores}};
}

nlohmann::ordered_json sampling_json(const Sampling& sampling) {
  return {{"temperature", sampling.temperature},
          {"top_k", sampling.top_k},
          {"top_p", sampling.top_p},
          {"min_p", sampling.min_p},
          {"repeat_penalty", sampling.repeat_penalty},
          {"repeat_window", sampling.repeat_window},
          {"seed", sampling.seed}};
}

nlohmann::ordered_json language_json(const LanguageInfo& model) {
  return {{"context", model.context},
          {"vocabulary", model.vocabulary},
          {"batch", model.batch},
          {"cache", model.cache},
          {"formats", model.formats}};
}

}  // namespace sz::cli
