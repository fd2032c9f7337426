// smartzone generate: a language model writes on from a prompt.
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/app.h"
#include "cli/files.h"
#include "cli/sampling_options.h"
#include "cli/table.h"
#include "cli/writing.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "The prompt is a text that the model writes on from; for questions and answers use\n"
    "`smartzone chat`. Text goes to standard output as it is written, the rest to standard error.\n"
    "Ctrl-C stops at the next token; what was written and the summary stay (exit status 130).\n"
    "The prompt, the tokens and the model's caches stay in the secure world.\n"
    "\n"
    "Examples:\n"
    "  smartzone generate stories.szp --prompt 'Once upon a time'\n"
    "  smartzone generate stories.szp --prompt-file begin.txt --tokens 100 --seed 7\n"
    "  echo 'Once upon a time' | smartzone generate stories.szp - --greedy --json\n"
    "  smartzone generate stories.szp --prompt 'Lily' --save lily.szc\n"
    "  smartzone generate stories.szp --resume lily.szc --prompt ' went home' --seed 8";

struct GenerateArguments {
  std::string package;
  std::string source;  // "-" or empty
  std::string prompt;
  std::string prompt_file;
  std::size_t tokens = 256;
  std::string save;
  std::string resume;
  bool echo = false;
  bool specials = false;
  SamplingOptions sampling;
  CoreOptions cores;
};

std::string standard_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

std::string prompt_of(const GenerateArguments& arguments) {
  if (arguments.source == "-" || arguments.prompt_file == "-") return standard_input();
  if (!arguments.prompt_file.empty()) return read_text(arguments.prompt_file);
  return arguments.prompt;
}

// A line on standard error while a long prompt is computed, where that is a terminal.
class PromptProgress {
 public:
  explicit PromptProgress(bool shown) : shown_(shown) {}
  void show(std::uint32_t done, std::uint32_t total) const {
    if (!shown_) return;
    std::cerr << "\rprompt: " << done << " of " << total << " tokens"
              << (done == total ? "\r\033[K" : "") << std::flush;
  }

 private:
  bool shown_;
};

GenerateOptions options_of(const GenerateArguments& arguments, const Sampling& sampling,
                           const PromptProgress& progress) {
  GenerateOptions options;
  options.tokens = arguments.tokens;
  options.prompt = {
      .restart = arguments.resume.empty(), .specials = arguments.specials, .sampling = sampling};
  options.on_prompt = [&progress](std::uint32_t done, std::uint32_t total) {
    progress.show(done, total);
    return !StopOnInterrupt::asked();
  };
  return options;
}

void print_document(const GenerateArguments& arguments, const Package& package, Session& session,
                    const Sampling& sampling, const std::string& prompt, const std::string& text,
                    const GenerationReport& report) {
  const DeviceInfo device = session.device_info();
  print_json({{"package", arguments.package},
              {"model", package.name()},
              {"backend", backend_name(device.backend)},
              {"secure", device.secure},
              {"tee", device.tee},
              {"prompt", prompt},
              {"text", text},
              {"tokens", report.tokens},
              {"sampling", sampling_json(sampling)},
              {"report", report_json(report)},
              {"language", language_json(*package.language())},
              {"cores", cores_json(session.cores())},
              {"secure_memory", memory_json(session.secure_memory())}});
}

int generate(const Globals& globals, const GenerateArguments& arguments) {
  const Package package = open_language_package(arguments.package);
  const std::string prompt = prompt_of(arguments);
  const Sampling sampling = sampling_of(arguments.sampling);
  Session session =
      open_and_load(choose_backend(globals), package, arguments.cores.session_options());
  advise(session.cores());
  if (!arguments.resume.empty()) session.resume_conversation(arguments.resume);
  if (arguments.echo && !globals.json) std::cout << prompt << std::flush;
  std::string text;
  GenerationReport report;
  {
    const StopOnInterrupt interrupt;
    const PromptProgress progress(on_terminal() && !globals.json);
    const auto write = [&](std::string_view piece) {
      text += piece;
      if (!globals.json) std::cout << piece << std::flush;
      return !StopOnInterrupt::asked();
    };
    report = session.generate(prompt, options_of(arguments, sampling, progress), write);
  }
  if (!arguments.save.empty()) session.save_conversation(arguments.save);
  if (globals.json) {
    print_document(arguments, package, session, sampling, prompt, text, report);
  } else {
    std::cout << (text.ends_with('\n') ? "" : "\n") << std::flush;
    std::cerr << "\nchosen       " << sampling_text(sampling) << '\n';
    print_writing_summary(std::cerr, report, *package.language(), session.device_info(),
                          session.secure_memory(), session.cores());
  }
  return report.ending == Ending::kStopped ? kExitInterrupted : kExitOk;
}

}  // namespace

void add_generate(CLI::App& app, Globals& globals, Action* action) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* sub = app.add_subcommand("generate", "let a language model write on from a prompt");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", arguments->package, "compiled language model (.szp)")->required();
  auto* source = sub->add_option("source", arguments->source, "- for a prompt on standard input")
                     ->check(CLI::IsMember({"-"}));
  auto* prompt = sub->add_option("--prompt", arguments->prompt,
                                 "the text to write on from (default: none; the model begins)");
  auto* file = sub->add_option("--prompt-file", arguments->prompt_file,
                               "a file with that text; - for standard input");
  source->excludes(prompt)->excludes(file);
  prompt->excludes(file);
  sub->add_option("--tokens", arguments->tokens,
                  "most tokens to write; 0: until the model ends or the context is full")
      ->check(CLI::Range(0u, 1u << 24))
      ->capture_default_str();
  sub->add_flag("--echo", arguments->echo, "print the prompt as well");
  sub->add_flag("--specials", arguments->specials,
                "text like \"<|im_end|>\" in the prompt names control tokens");
  sub->add_option("--save", arguments->save,
                  "write the conversation to this file at the end, sealed: only this device's "
                  "trusted application can read it");
  sub->add_option("--resume", arguments->resume,
                  "go on from a saved conversation; --prompt is added to it");
  add_sampling_options(*sub, &arguments->sampling);
  add_core_options(*sub, &arguments->cores, false);
  sub->callback([&globals, arguments, action] {
    *action = [&globals, arguments] { return generate(globals, *arguments); };
  });
}

}  // namespace sz::cli
