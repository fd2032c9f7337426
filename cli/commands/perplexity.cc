// smartzone perplexity: how likely a language model finds texts.
#include <cmath>
#include <iostream>
#include <memory>

#include "base/status.h"
#include "cli/app.h"
#include "cli/files.h"
#include "cli/npy.h"
#include "cli/table.h"
#include "cli/writing.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Of each text: the mean over its tokens of -ln(probability that the model gave the token that\n"
    "came), and e to the power of it, the perplexity. A text begins a new context (with the\n"
    "model's begin token, if it has one); one that is longer than the context is cut at blanks\n"
    "into pieces that each do. Smaller is better; only figures on the same text and the same\n"
    "tokenizer compare.\n"
    "\n"
    "Examples:\n"
    "  smartzone perplexity stories.szp story.txt\n"
    "  smartzone perplexity stories-q4.szp a.txt b.txt --json\n"
    "  smartzone perplexity stories.szp story.txt --logits logits.npy   (compile --allow-logits)";

struct PerplexityArguments {
  std::string package;
  std::vector<std::string> files;
  std::string logits;
  CoreOptions cores;
};

struct TextScore {
  std::string name;
  double nll = 0;
  std::uint64_t judged = 0;
  std::uint64_t tokens = 0;
  std::uint64_t pieces = 0;
  double seconds = 0;
  double mean() const { return judged == 0 ? 0 : nll / static_cast<double>(judged); }
};

// Near the middle, behind a line if there is one, else behind a word; within the text.
std::size_t place_to_cut(std::string_view text) {
  const std::size_t middle = text.size() / 2;
  for (const char* blank : {"\n", " "}) {
    const std::size_t before = text.rfind(blank, middle);
    if (before != std::string_view::npos && before + 1 >= text.size() / 4) return before + 1;
  }
  std::size_t at = middle;  // never within a character
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at == 0 ? middle : at;
}

// Scores a text, in halves if it is too long for the context.
void add_score(Session& session, std::string_view text, bool logits, TextScore* sum,
               std::vector<float>* values) {
  std::vector<std::string_view> rest = {text};
  while (!rest.empty()) {
    const std::string_view part = rest.back();
    rest.pop_back();
    try {
      const Score score = session.score(part, logits);
      sum->nll += score.nll;
      sum->judged += score.judged;
      sum->tokens += score.tokens;
      sum->seconds += score.seconds;
      ++sum->pieces;
      values->insert(values->end(), score.logits.begin(), score.logits.end());
    } catch (const Error& error) {
      if (error.status() != static_cast<std::uint32_t>(Status::kPromptTooLong) || part.size() < 2) {
        throw;
      }
      const std::size_t cut = place_to_cut(part);
      rest.push_back(part.substr(cut));
      rest.push_back(part.substr(0, cut));
    }
  }
}

void write_logits(const std::string& path, const std::vector<float>& values,
                  std::uint32_t vocabulary) {
  const auto rows = static_cast<std::int64_t>(values.size() / vocabulary);
  write_file(path, format_npy(ElementType::kF32, {rows, std::int64_t{vocabulary}},
                              std::as_bytes(std::span(values))));
}

Json score_json(const TextScore& score) {
  return {{"text", score.name},
          {"tokens", score.tokens},
          {"judged", score.judged},
          {"pieces", score.pieces},
          {"nll", score.nll},
          {"mean_nll", score.mean()},
          {"perplexity", std::exp(score.mean())},
          {"seconds", score.seconds}};
}

void print_scores(const std::vector<TextScore>& scores, const TextScore& all) {
  using enum Table::Align;
  Table table({{"text", kLeft},
               {"tokens", kRight},
               {"pieces", kRight},
               {"mean nll", kRight},
               {"perplexity", kRight}});
  const auto add = [&](const TextScore& score) {
    table.add({score.name, std::to_string(score.tokens), std::to_string(score.pieces),
               fixed(score.mean(), 6), fixed(std::exp(score.mean()), 4)});
  };
  for (const TextScore& score : scores) add(score);
  if (scores.size() > 1) add(all);
  table.print(std::cout);
}

int perplexity(const Globals& globals, const PerplexityArguments& arguments) {
  const Package package = open_language_package(arguments.package);
  std::vector<std::string> texts;
  for (const std::string& file : arguments.files) texts.push_back(read_text(file));
  Session session =
      open_and_load(choose_backend(globals), package, arguments.cores.session_options());
  advise(session.cores());
  std::vector<TextScore> scores;
  TextScore all{.name = "all"};
  std::vector<float> values;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    TextScore score{.name = arguments.files[i]};
    add_score(session, texts[i], !arguments.logits.empty(), &score, &values);
    all.nll += score.nll;
    all.judged += score.judged;
    all.tokens += score.tokens;
    all.pieces += score.pieces;
    all.seconds += score.seconds;
    scores.push_back(score);
  }
  if (!arguments.logits.empty()) {
    write_logits(arguments.logits, values, package.language()->vocabulary);
  }
  if (!globals.json) {
    print_scores(scores, all);
    return kExitOk;
  }
  const DeviceInfo device = session.device_info();
  Json list = Json::array();
  for (const TextScore& score : scores) list.push_back(score_json(score));
  print_json({{"package", arguments.package},
              {"model", package.name()},
              {"backend", backend_name(device.backend)},
              {"secure", device.secure},
              {"tee", device.tee},
              {"texts", list},
              {"all", score_json(all)},
              {"language", language_json(*package.language())},
              {"cores", cores_json(session.cores())},
              {"secure_memory", memory_json(session.secure_memory())}});
  return kExitOk;
}

}  // namespace

void add_perplexity(CLI::App& app, Globals& globals, Action* action) {
  auto arguments = std::make_shared<PerplexityArguments>();
  CLI::App* sub =
      app.add_subcommand("perplexity", "measure how likely a language model finds texts");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", arguments->package, "compiled language model (.szp)")->required();
  sub->add_option("files", arguments->files, "texts, UTF-8")->required();
  sub->add_option("--logits", arguments->logits,
                  "write the logits after each token to this .npy file; only where the package "
                  "lets them leave (compile --allow-logits)");
  add_core_options(*sub, &arguments->cores, false);
  sub->callback([&globals, arguments, action] {
    *action = [&globals, arguments] { return perplexity(globals, *arguments); };
  });
}

}  // namespace sz::cli
