#include "cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>

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

Session open_session(Backend backend) {
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
    Session session = Session::open(backend);
    end_watch();
    return session;
  } catch (...) {
    end_watch();
    throw;
  }
}

Session open_and_load(Backend backend, const Package& package) {
  Session session = open_session(backend);
  const bool terminal = isatty(STDERR_FILENO) == 1;
  session.load(package, [&](std::uint64_t done, std::uint64_t total) {
    if (!terminal) return;
    std::cerr << "\rloading " << mib(done) << " of " << mib(total)
              << (done == total ? "\r\033[K" : "") << std::flush;
  });
  return session;
}

void print_json(const nlohmann::ordered_json& json) {
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

nlohmann::ordered_json memory_json(const SecureMemory& memory) {
  return {{"control", memory.control}, {"weights", memory.weights}, {"arena", memory.arena},
          {"scratch", memory.scratch}, {"now", memory.now},         {"peak", memory.peak}};
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
