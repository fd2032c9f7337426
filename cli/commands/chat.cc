// smartzone chat: talks with a language model, turn by turn.
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <memory>

#include "cli/app.h"
#include "cli/chat_template.h"
#include "cli/sampling_options.h"
#include "cli/table.h"
#include "cli/writing.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Each line is a message; the model keeps the whole conversation in its context. Ctrl-C stops "
    "an\n"
    "answer; the end of input (Ctrl-D) or /quit ends the program. Lines that begin with / are\n"
    "commands: /help lists them (// begins a message with /). Without a terminal the messages are\n"
    "the lines of standard input.\n"
    "\n"
    "Examples:\n"
    "  smartzone chat model.szp --system 'You answer in one sentence.'\n"
    "  smartzone chat stories.szp --template none --tokens 100\n"
    "  printf 'Hello\\nAnd now?\\n' | smartzone chat model.szp --greedy --json";

constexpr const char* kCommands =
    "/reset       forget the conversation\n"
    "/save FILE   write the conversation, sealed: only this device's trusted application can read "
    "it\n"
    "/load FILE   go on from such a file\n"
    "/seed N      begin the random numbers anew\n"
    "/stats       tokens, times and secure memory\n"
    "/quit        end (so does the end of input)\n"
    "//...        a message that begins with /\n";

struct ChatArguments {
  std::string package;
  std::string system;
  std::string kind = "auto";
  std::size_t tokens = 512;
  SamplingOptions sampling;
  CoreOptions cores;
};

// Sums over the turns.
struct Totals {
  std::uint64_t turns = 0, prompt_tokens = 0, written = 0;
  double prompt_seconds = 0, writing_seconds = 0;

  void add(const GenerationReport& report) {
    ++turns;
    prompt_tokens += report.prompt_tokens;
    written += report.written;
    prompt_seconds += report.prompt_seconds;
    writing_seconds += report.writing_seconds;
  }
};

class Chat {
 public:
  Chat(Session& session, const Package& package, const ChatArguments& arguments, bool json)
      : session_(session),
        package_(package),
        arguments_(arguments),
        json_(json),
        kind_(parse_chat_template(arguments.kind, package.language()->chat_template)),
        sampling_(sampling_of(arguments.sampling)) {}

  // Reads lines until the end; the exit status.
  int run() {
    const bool terminal = isatty(STDIN_FILENO) == 1;
    std::string line;
    while (!done_) {
      if (terminal) std::cout << "> " << std::flush;
      if (!std::getline(std::cin, line)) break;
      if (!line.empty() && line.back() == '\r') line.pop_back();
      try {
        take(line);
      } catch (const Error& error) {
        // A mistake of the person's is told and mended; a lost trusted application is not.
        if (error.kind() != ErrorKind::kInput) throw;
        std::cerr << "smartzone: " << error.what() << '\n';
        failed_ = true;
      }
    }
    if (terminal && !done_) std::cout << '\n';
    return failed_ && !terminal ? kExitInput : kExitOk;
  }

  ChatTemplate kind() const { return kind_; }
  const Sampling& sampling() const { return sampling_; }
  const Json& turns() const { return turns_; }

  void print_stats(std::ostream& out) {
    const SecureMemory memory = session_.secure_memory();
    out << "turns        " << totals_.turns << "; " << position_ << " of "
        << package_.language()->context << " tokens of context\n"
        << "prompts      " << rate_text(totals_.prompt_tokens, totals_.prompt_seconds) << '\n'
        << "writing      " << rate_text(totals_.written, totals_.writing_seconds) << '\n'
        << "computed on  " << cores_line(session_.cores()) << '\n'
        << "memory       " << mib(memory.peak) << ": weights " << mib(memory.weights) << ", caches "
        << mib(memory.state) << ", conversation " << mib(memory.language) << '\n';
  }

 private:
  void take(const std::string& line) {
    if (line.starts_with("//")) return answer(line.substr(1));
    if (line.starts_with("/")) return command(line);
    if (!line.empty()) answer(line);
  }

  void command(const std::string& line) {
    const std::size_t blank = line.find(' ');
    const std::string name = line.substr(0, blank);
    const std::string word = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (name == "/help") {
      told() << kCommands;
    } else if (name == "/quit") {
      done_ = true;
    } else if (name == "/reset") {
      begin_anew();
      if (loaded_) sampling_sent_ = false;  // the file's settings go with its conversation
      loaded_ = false;
    } else if (name == "/stats") {
      print_stats(told());
    } else if (name == "/seed") {
      sampling_.seed = number(word);
      sampling_sent_ = false;
    } else if (name == "/save" || name == "/load") {
      if (word.empty()) throw Error(name + ": needs the name of a file");
      name == "/save" ? session_.save_conversation(word) : load(word);
    } else {
      throw Error(name + ": there is no such command; /help lists them");
    }
  }

  // Where the answers to commands go.
  std::ostream& told() const { return json_ ? std::cerr : std::cout; }

  static std::uint64_t number(const std::string& word) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) {
      throw Error("/seed: needs a whole number");
    }
    return value;
  }

  void begin_anew() {
    first_ = true;
    stuck_ = false;
    sent_ = 0;
    position_ = 0;
  }

  void load(const std::string& file) {
    begin_anew();  // an error leaves an empty conversation
    session_.resume_conversation(file);
    first_ = false;
    ended_ = true;
    sampling_sent_ = true;  // the file has its own settings
    loaded_ = true;
    position_ = session_.prompt("", {}).computed;
  }

  // Adds what is said. On an error the segments before it have been added: they are not sent again.
  void add(const std::vector<Segment>& segments, const std::string& message) {
    for (; sent_ < segments.size(); ++sent_) {
      const Segment& segment = segments[sent_];
      PromptOptions options{
          .restart = first_ && sent_ == 0, .specials = segment.specials, .sampling = std::nullopt};
      if (!sampling_sent_) options.sampling = sampling_;
      try {
        session_.prompt(segment.text, options);
      } catch (const Error&) {
        const bool said = sent_ != 0 && segments[sent_ - 1].text == message;
        stuck_ = said;
        throw;
      }
      sampling_sent_ = true;
    }
    sent_ = 0;
    first_ = false;
  }

  void answer(const std::string& message) {
    if (stuck_) throw Error("the context is full: /reset begins a new conversation");
    add(turn_segments(kind_, {first_, ended_, arguments_.system, message}), message);
    GenerateOptions options;
    options.tokens = arguments_.tokens;
    options.prompt.restart = false;
    options.on_prompt = [](std::uint32_t, std::uint32_t) { return !StopOnInterrupt::asked(); };
    std::string text;
    GenerationReport report;
    {
      const StopOnInterrupt interrupt;
      report = session_.generate("", options, [&](std::string_view piece) {
        text += piece;
        if (!json_) std::cout << piece << std::flush;
        return !StopOnInterrupt::asked();
      });
    }
    if (!json_) std::cout << (text.ends_with('\n') ? "" : "\n") << std::flush;
    ended_ = report.ending == Ending::kEndOfText;
    position_ = report.position;
    totals_.add(report);
    turns_.push_back({{"message", message},
                      {"text", text},
                      {"tokens", report.tokens},
                      {"report", report_json(report)}});
    tell(report.ending);
  }

  // What a person should know of how an answer ended.
  void tell(Ending ending) {
    if (ending == Ending::kContextFull) {
      stuck_ = true;
      std::cerr << "smartzone: the context of " << package_.language()->context
                << " tokens is full: /reset begins a new conversation; for longer ones compile the "
                   "model with a larger --context\n";
    } else if (ending == Ending::kLimit) {
      std::cerr << "smartzone: cut off after " << arguments_.tokens
                << " tokens (--tokens allows more)\n";
    } else if (ending == Ending::kStopped) {
      std::cerr << "smartzone: stopped\n";
    }
  }

  Session& session_;
  const Package& package_;
  const ChatArguments& arguments_;
  const bool json_;
  const ChatTemplate kind_;
  Sampling sampling_;
  bool sampling_sent_ = false;
  bool loaded_ = false;
  bool first_ = true;     // nothing has been said
  bool ended_ = true;     // the last answer was, by the model
  bool stuck_ = false;    // a message is in the conversation that cannot be answered any more
  std::size_t sent_ = 0;  // segments of the turn that are in the conversation already
  std::uint32_t position_ = 0;
  Totals totals_;
  bool done_ = false;
  bool failed_ = false;
  Json turns_ = Json::array();
};

int chat(const Globals& globals, const ChatArguments& arguments) {
  const Package package = open_language_package(arguments.package);
  static_cast<void>(parse_chat_template(arguments.kind, ""));  // before a TEE is asked for
  Session session =
      open_and_load(choose_backend(globals), package, arguments.cores.session_options());
  advise(session.cores());
  Chat talk(session, package, arguments, globals.json);
  if (arguments.kind == "auto" && talk.kind() == ChatTemplate::kNone &&
      !package.language()->chat_template.empty()) {
    std::cerr << "smartzone: the model's chat template is of no kind that is known here; messages "
                 "go in as they are (--template chooses one)\n";
  }
  if (isatty(STDIN_FILENO) == 1) {
    std::cerr << package.name() << ", template " << chat_template_name(talk.kind()) << ", "
              << sampling_text(talk.sampling()) << "; /help lists the commands\n";
  }
  const int status = talk.run();
  const DeviceInfo device = session.device_info();
  if (!globals.json) {
    std::cerr << '\n';
    talk.print_stats(std::cerr);
    return status;
  }
  print_json({{"package", arguments.package},
              {"model", package.name()},
              {"backend", backend_name(device.backend)},
              {"secure", device.secure},
              {"tee", device.tee},
              {"template", chat_template_name(talk.kind())},
              {"sampling", sampling_json(talk.sampling())},
              {"turns", talk.turns()},
              {"language", language_json(*package.language())},
              {"cores", cores_json(session.cores())},
              {"secure_memory", memory_json(session.secure_memory())}});
  return status;
}

}  // namespace

void add_chat(CLI::App& app, Globals& globals, Action* action) {
  auto arguments = std::make_shared<ChatArguments>();
  CLI::App* sub = app.add_subcommand("chat", "talk with a language model");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", arguments->package, "compiled language model (.szp)")->required();
  sub->add_option("--system", arguments->system, "what the model is told at the beginning");
  sub->add_option("--template", arguments->kind,
                  "how turns are written down: auto (as the model's file says), none, chatml, "
                  "llama2, llama3")
      ->check(CLI::IsMember({"auto", "none", "chatml", "llama2", "llama3"}))
      ->capture_default_str();
  sub->add_option("--tokens", arguments->tokens,
                  "most tokens of an answer; 0: until the model ends or the context is full")
      ->check(CLI::Range(0u, 1u << 24))
      ->capture_default_str();
  add_sampling_options(*sub, &arguments->sampling);
  add_core_options(*sub, &arguments->cores, false);
  sub->callback([&globals, arguments, action] {
    *action = [&globals, arguments] { return chat(globals, *arguments); };
  });
}

}  // namespace sz::cli
