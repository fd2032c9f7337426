// smartzone bench of a language model: a prompt and an answer, back end against back end.
#include <iostream>
#include <span>

#include "cli/contenders.h"
#include "cli/cores.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

// Random tokens, the same for the same seed.
std::vector<std::uint32_t> bench_prompt(const BenchOptions& options, const LanguageInfo& model) {
  if (options.prompt_tokens + options.tokens > model.context) {
    throw Error("--prompt-tokens " + std::to_string(options.prompt_tokens) + " and --tokens " +
                std::to_string(options.tokens) + " do not fit the context of " +
                std::to_string(model.context) + " tokens");
  }
  std::vector<std::uint32_t> tokens;
  std::uint64_t state = options.seed;
  for (std::size_t i = 0; i < options.prompt_tokens; ++i) {
    tokens.push_back(static_cast<std::uint32_t>(next_random(&state) % model.vocabulary));
  }
  return tokens;
}

// Times of one prompt and one answer, and the tokens that were written.
struct Lap {
  double prompt_ms = 0;
  double writing_ms = 0;
  std::vector<std::uint32_t> written = {};
};

// Writes greedily until there are enough tokens. A model that ends its answer is given one more
// token to go on from, so that every lap computes the same number.
Lap one_lap(Session& session, const std::vector<std::uint32_t>& prompt, std::size_t tokens) {
  session.prompt_tokens(prompt, {.restart = true, .specials = false, .sampling = Sampling()});
  Lap lap;
  while (lap.written.size() < tokens) {
    GenerateOptions options;
    options.prompt.restart = false;
    options.tokens = tokens - lap.written.size();
    const GenerationReport report = session.generate("", options, {});
    const double prompt_ms = report.prompt_seconds * 1000;
    const double writing_ms = report.writing_seconds * 1000;
    const bool first = lap.written.empty() && lap.prompt_ms == 0;
    lap.prompt_ms += first ? prompt_ms : 0;
    lap.writing_ms += writing_ms + (first ? 0 : prompt_ms);
    lap.written.insert(lap.written.end(), report.tokens.begin(), report.tokens.end());
    if (report.ending == Ending::kContextFull) throw Error("the context is full: fewer --tokens");
    if (lap.written.size() == tokens) break;
    const std::uint32_t more[] = {prompt[lap.written.size() % prompt.size()]};
    lap.written.push_back(more[0]);
    session.prompt_tokens(more, {});
  }
  return lap;
}

bool race(std::vector<Contender>* contenders, const std::vector<std::uint32_t>& prompt,
          const BenchOptions& options) {
  std::vector<std::uint32_t> first;
  bool identical = true;
  for (std::size_t i = 0; i < options.warmup + options.runs; ++i) {
    for (Contender& one : *contenders) {
      Lap lap;
      one.compute([&](Session& session) { lap = one_lap(session, prompt, options.tokens); });
      if (first.empty()) first = lap.written;
      identical = identical && first == lap.written;
      if (i < options.warmup) continue;
      one.prompt_times.push_back(lap.prompt_ms);
      one.writing_times.push_back(lap.writing_ms);
    }
  }
  count_lending(contenders);
  return identical;
}

double rate(std::size_t tokens, const std::vector<double>& times) {
  return 1000.0 * static_cast<double>(tokens) / spread_of(times).median;
}

Json series_json(std::size_t tokens, const std::vector<double>& times) {
  Json json = spread_json(spread_of(times));
  json["tokens_per_second"] = rate(tokens, times);
  json["times_ms"] = times;
  return json;
}

Json contest_json(const std::vector<Contender>& contenders, std::size_t core_counts,
                  Series series) {
  return {{"ratios", ratios_json(contenders, core_counts, series)},
          {"speedups", speedups_json(contenders, core_counts, series)}};
}

void report_json(const std::vector<Contender>& contenders, const BenchOptions& options,
                 const Package& package, bool identical) {
  Json list = Json::array();
  for (const Contender& one : contenders) {
    list.push_back({{"backend", backend_name(one.device.backend)},
                    {"secure", one.device.secure},
                    {"tee", one.device.tee},
                    {"prompt", series_json(options.prompt_tokens, one.prompt_times)},
                    {"writing", series_json(options.tokens, one.writing_times)},
                    {"secure_memory", memory_json(one.memory)},
                    {"cores", cores_json(one.cores)}});
  }
  const std::size_t core_counts = options.cores.size();
  print_json({{"package", options.package},
              {"model", package.name()},
              {"runs", options.runs},
              {"warmup", options.warmup},
              {"seed", options.seed},
              {"prompt_tokens", options.prompt_tokens},
              {"tokens", options.tokens},
              {"cores", options.cores},
              {"backends", list},
              {"identical", identical},
              {"prompt", contest_json(contenders, core_counts, &Contender::prompt_times)},
              {"writing", contest_json(contenders, core_counts, &Contender::writing_times)}});
}

void report_text(const std::vector<Contender>& contenders, const BenchOptions& options,
                 const Package& package, bool identical) {
  std::cout << package.name() << ", " << options.runs << " runs in turn, a prompt of "
            << options.prompt_tokens << " tokens and " << options.tokens
            << " written; medians, tokens/s\n";
  using enum Table::Align;
  Table table({{"back end", kLeft},
               {"cores", kRight},
               {"prompt", kRight},
               {"writing", kRight},
               {"", kLeft}});
  for (const Contender& one : contenders) {
    table.add({backend_name(one.device.backend) +
                   std::string(one.device.secure ? " (secure world)" : " (NOT SECURE)"),
               cores_text(one.asked), fixed(rate(options.prompt_tokens, one.prompt_times), 1),
               fixed(rate(options.tokens, one.writing_times), 1),
               one.asked == 1 ? "" : "used " + cores_line(one.cores)});
  }
  table.print(std::cout);
  print_comparisons(contenders, options.cores.size(), &Contender::prompt_times,
                    "prompt, times of ");
  print_comparisons(contenders, options.cores.size(), &Contender::writing_times,
                    "writing, times of ");
  std::cout << "tokens of all runs: " << (identical ? "the same" : "DIFFERENT, which is a defect")
            << '\n';
}

}  // namespace

int bench_language(const Globals& globals, const BenchOptions& options, const Package& package) {
  if (!options.files.empty()) {
    throw Error("--input is for networks; '" + package.name() + "' is a language model");
  }
  const std::vector<std::uint32_t> prompt = bench_prompt(options, *package.language());
  std::vector<Contender> contenders = open_contenders(globals, options, package);
  const bool identical = race(&contenders, prompt, options);
  if (globals.json) {
    report_json(contenders, options, package, identical);
  } else {
    report_text(contenders, options, package, identical);
  }
  return identical ? kExitOk : kExitDevice;
}

}  // namespace sz::cli
