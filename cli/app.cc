#include "cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>

#include "cli/cores.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};

}  // namespace

Backend choose_backend(const Globals& globals) {
  if (!globals.backend.empty()) return parse_backend(globals.backend);
  if (backend_available(Backend::kTee)) return Backend::kTee;
  std::cerr << "smartzone: no TEE here; running in this process, which is NOT SECURE "
               "(--backend host says the same without this line)\n";
  return Backend::kHost;
}

Session::Options CoreOptions::session_options() const {
  const unsigned asked = parse_cores(cores);
  return {.cores = sessions > 1 && asked == 0 ? 1 : asked,
          .plugin_lends = lenders == kPluginLends};
}

void add_lenders_option(CLI::App& sub, std::string* lenders) {
  sub.add_option("--lenders", *lenders,
                 "who lends cores: client (threads of this program) or plugin (of tee-supplicant, "
                 "asked by the trusted application; where it is installed)")
      ->check(CLI::IsMember({kClientLends, kPluginLends}))
      ->capture_default_str();
}

void add_core_options(CLI::App& sub, CoreOptions* options, bool several_sessions) {
  sub.add_option("--cores", options->cores,
                 "most cores to compute on: auto (as many as this process may use and the network "
                 "can), or a number")
      ->capture_default_str();
  add_lenders_option(sub, &options->lenders);
  if (!several_sessions) return;
  sub.add_option("--sessions", options->sessions,
                 "instances of the trusted application that share the inputs, for throughput; "
                 "each has its own copy of the network, and one core unless --cores says more")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

Session open_session(Backend backend, const Session::Options& options) {
  std::mutex mutex;
  std::condition_variable opened;
  bool done = false;
  std::thread watch([&] {
    std::unique_lock lock(mutex);
    if (!opened.wait_for(lock, kPatience, [&] { return done; })) {
      std::cerr << "smartzone: still waiting for the TEE to open the trusted application; does "
                   "tee-supplicant run? (Ctrl-C ends this)\n";
    }
  });
  const auto end_watch = [&] {
    {
      const std::lock_guard lock(mutex);
      done = true;
    }
    opened.notify_one();
    watch.join();
  };
  try {
    Session session = Session::open(backend, options);
    end_watch();
    return session;
  } catch (...) {
    end_watch();
    throw;
  }
}

bool on_terminal() { return isatty(STDERR_FILENO) == 1; }

Session open_and_load(Backend backend, const Package& package, const Session::Options& options) {
  Session session = open_session(backend, options);
  const bool terminal = on_terminal();
  session.load(package, [&](std::uint64_t done, std::uint64_t total) {
    if (!terminal) return;
    std::cerr << "\rloading " << mib(done) << " of " << mib(total)
              << (done == total ? "\r\033[K" : "") << std::flush;
  });
  return session;
}

std::vector<Session> open_sessions(Backend backend, const Package& package,
                                   const CoreOptions& options) {
  std::vector<Session> sessions;
  for (std::size_t i = 0; i < options.sessions; ++i) {
    sessions.push_back(open_and_load(backend, package, options.session_options()));
  }
  advise(sessions.front().cores());
  return sessions;
}

void advise(const CoreReport& report) {
  if (report.asked > 1 && report.used == 1 && !report.advice.empty()) {
    std::cerr << "smartzone: " << report.advice << '\n';
  }
}

std::string cores_line(const CoreReport& report) {
  if (report.used == 1) return "1 core";
  std::string line = std::to_string(report.used) + " cores";
  if (report.shared_steps == 0) return line;
  for (std::size_t i = 0; i < report.shares.size(); ++i) {
    line += (i == 0 ? " (" : ", ") + fixed(100 * report.shares[i], 0) + " %";
  }
  return line + " of the shared work)";
}

void print_json(const nlohmann::ordered_json& json) {
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

nlohmann::ordered_json memory_json(const SecureMemory& memory) {
  return {{"control", memory.control}, {"weights", memory.weights},   {"arena", memory.arena},
          {"state", memory.state},     {"language", memory.language}, {"scratch", memory.scratch},
          {"board", memory.board},     {"stacks", memory.stacks},
          {"now", memory.now},         {"peak", memory.peak}};
}

nlohmann::ordered_json cores_json(const CoreReport& report) {
  nlohmann::ordered_json json{{"asked", cores_text(report.asked)},
                              {"used", report.used},
                              {"work", report.work},
                              {"shares", report.shares},
                              {"shared_steps", report.shared_steps},
                              {"evictions", report.evictions},
                              {"redone", report.redone},
                              {"visits", report.visits},
                              {"lending_errors", report.lending_errors}};
  if (!report.lending_error.empty()) json["lending_error"] = report.lending_error;
  if (!report.advice.empty()) json["advice"] = report.advice;
  return json;
}

nlohmann::ordered_json tensor_info_json(const TensorInfo& info) {
  return {{"name", info.name}, {"dtype", element_type_name(info.type)}, {"shape", info.shape}};
}

double milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  return taken.count();
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {values.front(), median, values.back()};
}

nlohmann::ordered_json spread_json(const Spread& spread) {
  return {{"min_ms", spread.min}, {"median_ms", spread.median}, {"max_ms", spread.max}};
}

}  // namespace sz::cli
