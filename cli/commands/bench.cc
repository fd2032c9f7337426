// smartzone bench: the same network on several back ends and numbers of cores, run by run in turn.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>

#include "cli/app.h"
#include "cli/contenders.h"
#include "cli/cores.h"
#include "cli/inputs.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Contenders are all back ends on all numbers of cores. They take turns (A B A B ...), so that\n"
    "a change in the machine's load meets them alike. A time is one Session::run: copy the inputs\n"
    "in, compute, copy the outputs out. Outputs are compared bit for bit between all runs.\n"
    "\n"
    "Examples:\n"
    "  smartzone bench digits.szp\n"
    "  smartzone bench squeezenet.szp --backends tee,host --runs 11 --json\n"
    "  smartzone bench squeezenet.szp --cores 1,2\n"
    "  smartzone bench stories.szp --cores 1,2 --prompt-tokens 128 --tokens 64   (language model)\n"
    "\n"
    "Of a language model two times are taken: to compute a prompt of random tokens, and to write\n"
    "greedily after it. The tokens that all runs write are compared.";

// f32: uniform in [-1, 1); other types: small non-negative numbers.
Tensor random_tensor(const TensorInfo& info, std::uint64_t* state) {
  Tensor tensor{info, std::vector<std::byte>(info.bytes())};
  if (info.type == ElementType::kF32) {
    for (float& value : tensor.f32()) {
      value = static_cast<float>(next_random(state) >> 40) * 0x1p-23f - 1.0f;
    }
    return tensor;
  }
  const std::size_t step = element_bytes(info.type);
  for (std::size_t at = 0; at < tensor.data.size(); at += step) {
    tensor.data[at] = static_cast<std::byte>(next_random(state) & 1);
  }
  return tensor;
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].data != b[i].data) return false;
  }
  return a.size() == b.size();
}

// Milliseconds of a run; its counters are added to the contender's.
double one_run(Contender& one, const std::vector<Tensor>& inputs, std::vector<Tensor>* outputs) {
  double taken = 0;
  one.compute(
      [&](Session& session) { taken = milliseconds([&] { *outputs = session.run(inputs); }); });
  return taken;
}

// Runs everybody in turn; returns whether all outputs of all runs were the same bits.
bool race(std::vector<Contender>& contenders, const std::vector<Tensor>& inputs,
          const BenchOptions& options) {
  std::vector<Tensor> first;
  bool identical = true;
  for (std::size_t i = 0; i < options.warmup + options.runs; ++i) {
    for (Contender& one : contenders) {
      std::vector<Tensor> outputs;
      const double taken = one_run(one, inputs, &outputs);
      if (i >= options.warmup) one.times.push_back(taken);
      if (first.empty()) first = outputs;
      identical = identical && same_bits(first, outputs);
    }
  }
  count_lending(&contenders);
  return identical;
}

std::vector<Tensor> bench_inputs(const BenchOptions& options, const Package& package) {
  std::vector<Tensor> inputs;
  std::uint64_t state = options.seed;
  if (!options.files.empty() && options.files.size() != package.inputs().size()) {
    throw Error("--input must be given once for each of the network's " +
                std::to_string(package.inputs().size()) + " inputs");
  }
  for (std::size_t i = 0; i < package.inputs().size(); ++i) {
    const TensorInfo& info = package.inputs()[i];
    inputs.push_back(options.files.empty() ? random_tensor(info, &state)
                                           : load_input(options.files[i], info, package));
  }
  return inputs;
}

void report_json(const std::vector<Contender>& contenders, const BenchOptions& options,
                 const Package& package, bool identical) {
  Json list = Json::array();
  for (const Contender& one : contenders) {
    Json entry{{"backend", backend_name(one.device.backend)},
               {"secure", one.device.secure},
               {"tee", one.device.tee}};
    entry.update(spread_json(spread_of(one.times)));
    entry["times_ms"] = one.times;
    entry["secure_memory"] = memory_json(one.memory);
    entry["cores"] = cores_json(one.cores);
    list.push_back(entry);
  }
  Json json{{"package", options.package}, {"model", package.name()}, {"runs", options.runs},
            {"warmup", options.warmup},   {"seed", options.seed},    {"cores", options.cores},
            {"backends", list},           {"identical", identical}};
  const Json ratios = ratios_json(contenders, options.cores.size(), &Contender::times);
  if (!ratios.empty()) json["ratio"] = ratios.front();
  json["ratios"] = ratios;
  json["speedups"] = speedups_json(contenders, options.cores.size(), &Contender::times);
  print_json(json);
}

void report_text(const std::vector<Contender>& contenders, const BenchOptions& options,
                 const Package& package, bool identical) {
  std::cout << package.name() << ", " << options.runs << " runs in turn, milliseconds\n";
  using enum Table::Align;
  Table table({{"back end", kLeft},
               {"cores", kRight},
               {"min", kRight},
               {"median", kRight},
               {"max", kRight},
               {"", kLeft}});
  for (const Contender& one : contenders) {
    const Spread spread = spread_of(one.times);
    table.add({backend_name(one.device.backend) +
                   std::string(one.device.secure ? " (secure world)" : " (NOT SECURE)"),
               cores_text(one.asked), fixed(spread.min, 3), fixed(spread.median, 3),
               fixed(spread.max, 3), one.asked == 1 ? "" : "used " + cores_line(one.cores)});
  }
  table.print(std::cout);
  print_comparisons(contenders, options.cores.size(), &Contender::times, "");
  std::cout << "outputs of all runs: "
            << (identical ? "bit-identical" : "DIFFERENT, which is a defect") << '\n';
}

int bench(const Globals& globals, const BenchOptions& options) {
  const Package package = Package::open(options.package);
  if (package.language() != nullptr) return bench_language(globals, options, package);
  const std::vector<Tensor> inputs = bench_inputs(options, package);
  std::vector<Contender> contenders = open_contenders(globals, options, package);
  const bool identical = race(contenders, inputs, options);
  if (globals.json) {
    report_json(contenders, options, package, identical);
  } else {
    report_text(contenders, options, package, identical);
  }
  return identical ? kExitOk : kExitDevice;
}

}  // namespace

void add_bench(CLI::App& app, Globals& globals, Action* action) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* sub = app.add_subcommand("bench", "time a compiled network, back end against back end");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", options->package, "compiled network (.szp)")->required();
  sub->add_option("--backends", options->backends,
                  "which, separated by commas (default: tee,host where there is a TEE)")
      ->delimiter(',')
      ->check(CLI::IsMember({"tee", "host"}));
  sub->add_option("--cores", options->cores,
                  "numbers of cores, separated by commas: auto or 1 to 8 (e.g. 1,2)")
      ->delimiter(',')
      ->capture_default_str();
  add_lenders_option(*sub, &options->lenders);
  sub->add_option("--runs", options->runs, "timed runs of each")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--warmup", options->warmup, "runs of each before the timed ones")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  sub->add_option("--prompt-tokens", options->prompt_tokens,
                  "language models: tokens of the prompt")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--tokens", options->tokens, "language models: tokens to write")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--seed", options->seed, "of the random inputs")->capture_default_str();
  sub->add_option("--input", options->files, "a file instead of random input, for each input")
      ->allow_extra_args(false);
  sub->callback([&globals, options, action] {
    *action = [&globals, options] { return bench(globals, *options); };
  });
}

}  // namespace sz::cli
