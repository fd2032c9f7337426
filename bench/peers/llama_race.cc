// SmartZone beside llama.cpp on one language model, in one process, in turn: prompts and single tokens.
//
//   llama_race --package MODEL.szp --model MODEL.gguf --library FOLDER [--threads 1] [--prompt 128]
//              [--tokens 32] [--runs 21] [--tolerance 0.01]
//
// Prints one JSON document. A wrong answer is no comparison: the logits of the prompt must agree within
// the tolerance, relative to the largest.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/peers/llama_cpp.h"
#include "bench/peers/race.h"
#include "compiler/host/language_runner.h"
#include "cores/host/thread_pool.h"

namespace {

using Json = nlohmann::ordered_json;
using Tokens = std::vector<std::uint32_t>;

struct Options {
  std::string package, model, library;
  unsigned threads = 1;
  std::size_t prompt = 128, tokens = 32, runs = 21;
  double tolerance = 0.01;
};

Tokens made_up(std::size_t count, std::uint32_t vocabulary) {
  Tokens tokens(count);
  std::uint32_t state = 12345;
  for (std::uint32_t& token : tokens) {
    state = state * 1664525u + 1013904223u;
    token = (state >> 8) % vocabulary;
  }
  return tokens;
}

// The largest difference, relative to the largest logit.
double distance(std::span<const float> a, std::span<const float> b) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  return a.size() == b.size() ? difference / largest : 1e9;
}

Json row(const sz::peers::Summary& summary, double tokens) {
  return {{"smartzone_tokens_per_s", 1000 * tokens / summary.ours_ms},
          {"peer_tokens_per_s", 1000 * tokens / summary.theirs_ms},
          {"ratio", 1 / summary.ratio},  // of rates: above 1, SmartZone is faster
          {"ratio_of_best", 1 / summary.ratio_of_least},
          {"processor_ratio", 1 / summary.processor_ratio},
          {"smartzone_busy_cores", summary.ours_busy_cores},
          {"peer_busy_cores", summary.theirs_busy_cores}};
}

Json compare(const Options& options) {
  std::ifstream file(options.package, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.empty()) throw std::runtime_error(options.package + ": cannot be read");
  sz::compiler::LanguageRunner ours(std::as_bytes(std::span(bytes)));
  sz::cores::ThreadPool pool(options.threads);
  const auto context = static_cast<std::uint32_t>(options.prompt + options.tokens);
  sz::peers::LlamaCpp theirs(options.library, options.model, context, static_cast<int>(options.threads));

  const Tokens text = made_up(context, theirs.vocabulary());
  const std::span all(text);
  const auto prompt = all.first(options.prompt);
  const std::vector<float> logits = ours.feed(prompt, pool);
  theirs.feed(prompt);
  const double apart = distance(logits, theirs.logits());
  if (!(apart <= options.tolerance)) {
    throw std::runtime_error("wrong answer: the logits are " + std::to_string(apart) + " apart");
  }
  sz::peers::RaceOptions race;
  race.rounds = options.runs;
  const auto prompts = sz::peers::race(
      [&] {
        ours.reset();
        ours.feed(prompt, pool);
      },
      [&] {
        theirs.rewind(0);
        theirs.feed(prompt);
      },
      race);
  const auto position = static_cast<std::uint32_t>(options.prompt);
  const auto singles = sz::peers::race(
      [&] {
        ours.reset(position);
        for (std::size_t i = options.prompt; i < text.size(); ++i) ours.feed(all.subspan(i, 1), pool);
      },
      [&] {
        theirs.rewind(position);
        for (std::size_t i = options.prompt; i < text.size(); ++i) theirs.feed(all.subspan(i, 1));
      },
      race);
  return {{"threads", options.threads},
          {"logits_apart", apart},
          {"prompt", row(sz::peers::summary_of(prompts), static_cast<double>(options.prompt))},
          {"tokens", row(sz::peers::summary_of(singles), static_cast<double>(options.tokens))}};
}

}  // namespace

int main(int count, char** words) {
  Options options;
  CLI::App app("tokens per second beside llama.cpp");
  app.add_option("--package", options.package, "compiled model (.szp)")->required();
  app.add_option("--model", options.model, "the same model (.gguf)")->required();
  app.add_option("--library", options.library, "folder of llama.cpp's libraries")->required();
  app.add_option("--threads", options.threads, "of each engine")->check(CLI::Range(1u, 8u));
  app.add_option("--prompt", options.prompt, "tokens of the prompt")->check(CLI::Range(1, 4096));
  app.add_option("--tokens", options.tokens, "single tokens behind it")->check(CLI::Range(1, 4096));
  app.add_option("--runs", options.runs, "pairs of turns")->check(CLI::Range(1, 1001));
  app.add_option("--tolerance", options.tolerance, "of the logits, relative to the largest");
  CLI11_PARSE(app, count, words);
  try {
    std::cout << compare(options).dump(2) << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "llama_race: " << error.what() << '\n';
    return 1;
  }
}
