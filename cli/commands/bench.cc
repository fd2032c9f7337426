// smartzone bench: the same network on several back ends, run by run in turn.
#include <cstring>
#include <iostream>

#include "cli/app.h"
#include "cli/inputs.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "The back ends take turns (A B A B ...), so that a change in the machine's load meets them\n"
    "alike. A time is one Session::run: copy the inputs in, compute, copy the outputs out. "
    "Outputs\n"
    "are compared bit for bit between all runs. One core each.\n"
    "\n"
    "Examples:\n"
    "  smartzone bench digits.szp\n"
    "  smartzone bench squeezenet.szp --backends tee,host --runs 11 --json";

struct BenchOptions {
  std::string package;
  std::vector<std::string> backends;
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

struct Contender {
  Session session;
  DeviceInfo device;
  SecureMemory memory;
  std::vector<double> times = {};
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

// Runs everybody in turn; returns whether all outputs of all runs were the same bits.
bool race(std::vector<Contender>& contenders, const std::vector<Tensor>& inputs,
          const BenchOptions& options) {
  std::vector<Tensor> first;
  bool identical = true;
  for (std::size_t i = 0; i < options.warmup + options.runs; ++i) {
    for (Contender& one : contenders) {
      std::vector<Tensor> outputs;
      const double taken = milliseconds([&] { outputs = one.session.run(inputs); });
      if (i >= options.warmup) one.times.push_back(taken);
      if (first.empty()) first = outputs;
      identical = identical && same_bits(first, outputs);
    }
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

// Times of contender a over those of contender b, run by run, their median.
double paired_ratio(const Contender& a, const Contender& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.times.size(); ++i) ratios.push_back(a.times[i] / b.times[i]);
  return spread_of(ratios).median;
}

Json ratio_json(const std::vector<Contender>& contenders) {
  const Contender& a = contenders[0];
  const Contender& b = contenders[1];
  return {{"of", {backend_name(a.device.backend), backend_name(b.device.backend)}},
          {"ratio_of_medians", spread_of(a.times).median / spread_of(b.times).median},
          {"median_of_ratios", paired_ratio(a, b)}};
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
    list.push_back(entry);
  }
  Json json{{"package", options.package}, {"model", package.name()}, {"runs", options.runs},
            {"warmup", options.warmup},   {"seed", options.seed},    {"cores", 1},
            {"backends", list},           {"identical", identical}};
  if (contenders.size() > 1) json["ratio"] = ratio_json(contenders);
  print_json(json);
}

void report_text(const std::vector<Contender>& contenders, const Package& package, std::size_t runs,
                 bool identical) {
  std::cout << package.name() << ", " << runs << " runs in turn, one core each, milliseconds\n";
  using enum Table::Align;
  Table table({{"back end", kLeft}, {"min", kRight}, {"median", kRight}, {"max", kRight}});
  for (const Contender& one : contenders) {
    const Spread spread = spread_of(one.times);
    table.add({backend_name(one.device.backend) +
                   std::string(one.device.secure ? " (secure world)" : " (NOT SECURE)"),
               fixed(spread.min, 3), fixed(spread.median, 3), fixed(spread.max, 3)});
  }
  table.print(std::cout);
  if (contenders.size() > 1) {
    const Json ratio = ratio_json(contenders);
    std::cout << contenders[0].device.tee << " over " << contenders[1].device.tee
              << ": ratio of medians " << fixed(ratio["ratio_of_medians"], 4)
              << ", median of the pairs' ratios " << fixed(ratio["median_of_ratios"], 4) << '\n';
  }
  std::cout << "outputs of all runs: "
            << (identical ? "bit-identical" : "DIFFERENT, which is a defect") << '\n';
}

int bench(const Globals& globals, const BenchOptions& options) {
  const Package package = Package::open(options.package);
  const std::vector<Tensor> inputs = bench_inputs(options, package);
  std::vector<Contender> contenders;
  for (const Backend backend : chosen(globals, options)) {
    Session session = open_and_load(backend, package);
    const DeviceInfo device = session.device_info();
    const SecureMemory memory = session.secure_memory();
    contenders.push_back({std::move(session), device, memory});
  }
  const bool identical = race(contenders, inputs, options);
  if (globals.json) {
    report_json(contenders, options, package, identical);
  } else {
    report_text(contenders, package, options.runs, identical);
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
