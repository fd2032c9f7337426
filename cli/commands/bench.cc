// smartzone bench: the same network on several back ends and numbers of cores, run by run in turn.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <memory>
#include <numeric>

#include "cli/app.h"
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
    "  smartzone bench squeezenet.szp --cores 1,2";

struct BenchOptions {
  std::string package;
  std::vector<std::string> backends;
  std::vector<std::string> cores = {"1"};
  std::string lenders = kClientLends;
  std::size_t runs = 20;
  std::size_t warmup = 2;
  std::uint64_t seed = 1;
  std::vector<std::string> files;
};

// SplitMix64: the same inputs for the same seed everywhere.
std::uint64_t next_random(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

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

// A back end on a number of cores. Those of one back end share a session, loaded for the most.
struct Contender {
  unsigned asked;  // cores; 0: auto
  std::shared_ptr<Session> session;
  DeviceInfo device;
  SecureMemory memory;
  std::vector<double> times = {};
  CoreReport cores = {};  // what its own runs added
};

std::vector<Backend> chosen(const Globals& globals, const BenchOptions& options) {
  std::vector<Backend> backends;
  for (const std::string& name : options.backends) backends.push_back(parse_backend(name));
  if (!backends.empty()) return backends;
  if (!globals.backend.empty()) return {parse_backend(globals.backend)};
  if (backend_available(Backend::kTee)) return {Backend::kTee, Backend::kHost};
  return {choose_backend(globals)};
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].data != b[i].data) return false;
  }
  return a.size() == b.size();
}

void add_difference(const CoreReport& before, const CoreReport& after, CoreReport* sum) {
  for (std::size_t i = 0; i < sum->work.size(); ++i) sum->work[i] += after.work[i] - before.work[i];
  const double all = std::accumulate(sum->work.begin(), sum->work.end(), 0.0);
  for (std::size_t i = 0; i < sum->work.size() && all > 0; ++i) {
    sum->shares[i] = static_cast<double>(sum->work[i]) / all;
  }
  sum->runs += after.runs - before.runs;
  sum->shared_steps += after.shared_steps - before.shared_steps;
  sum->evictions += after.evictions - before.evictions;
  sum->redone += after.redone - before.redone;
}

// Milliseconds of a run; its counters are added to the contender's.
double one_run(Contender& one, const std::vector<Tensor>& inputs, std::vector<Tensor>* outputs) {
  one.session->use_cores(one.asked);
  const CoreReport before = one.session->cores();
  const double taken = milliseconds([&] { *outputs = one.session->run(inputs); });
  add_difference(before, one.session->cores(), &one.cores);
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
  // Lenders serve the session, whoever's run it is.
  for (Contender& one : contenders) {
    const CoreReport all = one.session->cores();
    one.cores.visits = all.visits;
    one.cores.lending_errors = all.lending_errors;
    one.cores.lending_error = all.lending_error;
    one.cores.advice = all.advice;
  }
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

// Times of contender a over those of contender b: of the medians, and run by run.
Json compared(const Contender& a, const Contender& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.times.size(); ++i) ratios.push_back(a.times[i] / b.times[i]);
  return {{"ratio_of_medians", spread_of(a.times).median / spread_of(b.times).median},
          {"median_of_ratios", spread_of(ratios).median}};
}

// The first back end over each other one, on equal numbers of cores. Contenders are ordered by
// back end, each with the same list of cores.
Json ratios_json(const std::vector<Contender>& contenders, std::size_t core_counts) {
  Json list = Json::array();
  for (std::size_t other = core_counts; other < contenders.size(); ++other) {
    const Contender& a = contenders[other % core_counts];
    const Contender& b = contenders[other];
    Json entry{{"of", {backend_name(a.device.backend), backend_name(b.device.backend)}},
               {"tee", {a.device.tee, b.device.tee}},
               {"cores", cores_text(a.asked)}};
    entry.update(compared(a, b));
    list.push_back(entry);
  }
  return list;
}

// Each back end's one core over its other numbers of cores; nothing where one core did not race.
Json speedups_json(const std::vector<Contender>& contenders, std::size_t core_counts) {
  Json list = Json::array();
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    for (std::size_t n = 0; n < core_counts; ++n) {
      const Contender& one = contenders[i];
      const Contender& many = contenders[i / core_counts * core_counts + n];
      if (one.asked != 1 || many.asked == 1) continue;
      Json entry{{"backend", backend_name(many.device.backend)},
                 {"cores", cores_text(many.asked)},
                 {"used", many.cores.used}};
      entry.update(compared(one, many));
      entry["speedup"] = entry["ratio_of_medians"];
      list.push_back(entry);
    }
  }
  return list;
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
  const Json ratios = ratios_json(contenders, options.cores.size());
  if (!ratios.empty()) json["ratio"] = ratios.front();
  json["ratios"] = ratios;
  json["speedups"] = speedups_json(contenders, options.cores.size());
  print_json(json);
}

void print_comparisons(const std::vector<Contender>& contenders, std::size_t core_counts) {
  const auto figures = [](const Json& one) {
    return "ratio of medians " + fixed(one["ratio_of_medians"], 4) +
           ", median of the pairs' ratios " + fixed(one["median_of_ratios"], 4) + '\n';
  };
  for (const Json& one : ratios_json(contenders, core_counts)) {
    std::cout << one["tee"][0].get<std::string>() << " over " << one["tee"][1].get<std::string>()
              << " (cores: " << one["cores"].get<std::string>() << "): " << figures(one);
  }
  for (const Json& one : speedups_json(contenders, core_counts)) {
    std::cout << one["backend"].get<std::string>() << ", one core over "
              << one["cores"].get<std::string>() << ": " << figures(one);
  }
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
  print_comparisons(contenders, options.cores.size());
  std::cout << "outputs of all runs: "
            << (identical ? "bit-identical" : "DIFFERENT, which is a defect") << '\n';
}

// The number to load for: the largest, or 0 (auto) if that is among them.
unsigned most_of(const std::vector<unsigned>& core_counts) {
  const auto [least, most] = std::minmax_element(core_counts.begin(), core_counts.end());
  return *least == 0 ? 0 : *most;
}

// A report without counts, of a contender that asked for so many cores.
CoreReport start_of(const CoreReport& loaded, unsigned asked) {
  CoreReport report;
  report.asked = asked;
  report.used = asked == 0 ? loaded.used : std::min(asked, loaded.used);
  report.work.resize(report.used);
  report.shares.resize(report.used);
  return report;
}

int bench(const Globals& globals, const BenchOptions& options) {
  const Package package = Package::open(options.package);
  const std::vector<Tensor> inputs = bench_inputs(options, package);
  const std::vector<unsigned> core_counts = parse_cores_list(options.cores);
  std::vector<Contender> contenders;
  for (const Backend backend : chosen(globals, options)) {
    const unsigned most = most_of(core_counts);
    const auto session = std::make_shared<Session>(open_and_load(
        backend, package, {.cores = most, .plugin_lends = options.lenders == kPluginLends}));
    advise(session->cores());
    for (const unsigned cores : core_counts) {
      contenders.push_back({cores, session, session->device_info(), session->secure_memory()});
      contenders.back().cores = start_of(session->cores(), cores);
    }
  }
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
  sub->add_option("--seed", options->seed, "of the random inputs")->capture_default_str();
  sub->add_option("--input", options->files, "a file instead of random input, for each input")
      ->allow_extra_args(false);
  sub->callback([&globals, options, action] {
    *action = [&globals, options] { return bench(globals, *options); };
  });
}

}  // namespace sz::cli
