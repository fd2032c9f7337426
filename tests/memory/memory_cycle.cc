// Loads and unloads a package again and again in the TEE and prints, as JSON, how much of OP-TEE's
// pool is taken at each point: memory_cycle PACKAGE.szp TIMES [tee|host [CORES]]

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "include/smartzone/smartzone.hpp"

namespace {

std::uint64_t taken(sz::Session& session) {
  const sz::SecurePool pool = session.device_info().pool;
  if (!pool.known) throw sz::Error("this TEE keeps no statistics of its memory (CFG_WITH_STATS=y)");
  return pool.allocated;
}

void print(const char* name, std::uint64_t value) {
  std::printf("\"%s\": %llu, ", name, static_cast<unsigned long long>(value));
}

int cycle(const sz::Package& package, long times, sz::Backend backend, unsigned cores) {
  // One session only looks; its own memory is part of every figure.
  sz::Session watcher = sz::Session::open(backend);
  const std::uint64_t before = taken(watcher);
  std::optional<sz::Session> session = sz::Session::open(backend, {.cores = cores});
  const std::uint64_t opened = taken(watcher);
  std::uint64_t loaded = 0, drift = 0;
  for (long i = 0; i < times; ++i) {
    session->load(package);
    loaded = taken(watcher);
    session->unload();
    const std::uint64_t unloaded = taken(watcher);
    const std::uint64_t difference = unloaded > opened ? unloaded - opened : opened - unloaded;
    if (difference > drift) drift = difference;
  }
  session.reset();
  std::printf("{");
  print("before", before);
  print("opened", opened);
  print("loaded", loaded);
  print("unloaded_drift", drift);
  print("after", taken(watcher));
  std::printf("\"cycles\": %ld}\n", times);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: memory_cycle PACKAGE.szp TIMES [tee|host [CORES]]\n");
    return 1;
  }
  try {
    return cycle(sz::Package::open(argv[1]), std::strtol(argv[2], nullptr, 10),
                 sz::parse_backend(argc > 3 ? argv[3] : "tee"),
                 argc > 4 ? static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10)) : 1);
  } catch (const sz::Error& error) {
    std::fprintf(stderr, "memory_cycle: %s\n", error.what());
    return 2;
  }
}
