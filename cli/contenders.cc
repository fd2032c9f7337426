#include "cli/contenders.h"

#include <algorithm>
#include <iostream>
#include <numeric>

#include "cli/cores.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

std::vector<Backend> chosen(const Globals& globals, const BenchOptions& options) {
  std::vector<Backend> backends;
  for (const std::string& name : options.backends) backends.push_back(parse_backend(name));
  if (!backends.empty()) return backends;
  if (!globals.backend.empty()) return {parse_backend(globals.backend)};
  if (backend_available(Backend::kTee)) return {Backend::kTee, Backend::kHost};
  return {choose_backend(globals)};
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

// Times of contender a over those of contender b: of the medians, and run by run.
Json compared(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return {{"ratio_of_medians", spread_of(a).median / spread_of(b).median},
          {"median_of_ratios", spread_of(ratios).median}};
}

}  // namespace

void Contender::compute(const std::function<void(Session&)>& work) {
  session->use_cores(asked);
  const CoreReport before = session->cores();
  work(*session);
  add_difference(before, session->cores(), &cores);
}

std::vector<Contender> open_contenders(const Globals& globals, const BenchOptions& options,
                                       const Package& package) {
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
  return contenders;
}

void count_lending(std::vector<Contender>* contenders) {
  for (Contender& one : *contenders) {
    const CoreReport all = one.session->cores();
    one.cores.visits = all.visits;
    one.cores.lending_errors = all.lending_errors;
    one.cores.lending_error = all.lending_error;
    one.cores.advice = all.advice;
  }
}

std::uint64_t next_random(std::uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Json ratios_json(const std::vector<Contender>& contenders, std::size_t core_counts, Series series) {
  Json list = Json::array();
  for (std::size_t other = core_counts; other < contenders.size(); ++other) {
    const Contender& a = contenders[other % core_counts];
    const Contender& b = contenders[other];
    Json entry{{"of", {backend_name(a.device.backend), backend_name(b.device.backend)}},
               {"tee", {a.device.tee, b.device.tee}},
               {"cores", cores_text(a.asked)}};
    entry.update(compared(a.*series, b.*series));
    list.push_back(entry);
  }
  return list;
}

Json speedups_json(const std::vector<Contender>& contenders, std::size_t core_counts,
                   Series series) {
  Json list = Json::array();
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    for (std::size_t n = 0; n < core_counts; ++n) {
      const Contender& one = contenders[i];
      const Contender& many = contenders[i / core_counts * core_counts + n];
      if (one.asked != 1 || many.asked == 1) continue;
      Json entry{{"backend", backend_name(many.device.backend)},
                 {"cores", cores_text(many.asked)},
                 {"used", many.cores.used}};
      entry.update(compared(one.*series, many.*series));
      entry["speedup"] = entry["ratio_of_medians"];
      list.push_back(entry);
    }
  }
  return list;
}

void print_comparisons(const std::vector<Contender>& contenders, std::size_t core_counts,
                       Series series, const std::string& what) {
  const auto figures = [](const Json& one) {
    return "ratio of medians " + fixed(one["ratio_of_medians"], 4) +
           ", median of the pairs' ratios " + fixed(one["median_of_ratios"], 4) + '\n';
  };
  for (const Json& one : ratios_json(contenders, core_counts, series)) {
    std::cout << what << one["tee"][0].get<std::string>() << " over "
              << one["tee"][1].get<std::string>() << " (cores: " << one["cores"].get<std::string>()
              << "): " << figures(one);
  }
  for (const Json& one : speedups_json(contenders, core_counts, series)) {
    std::cout << what << one["backend"].get<std::string>() << ", one core over "
              << one["cores"].get<std::string>() << ": " << figures(one);
  }
}

}  // namespace sz::cli
