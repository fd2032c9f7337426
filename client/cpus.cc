#include "client/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sz::client {
namespace {

namespace fs = std::filesystem;

constexpr int kMostCpus = 1 << 16;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::optional<unsigned> rounded_up(std::optional<std::int64_t> quota,
                                   std::optional<std::int64_t> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  const std::int64_t cpus = *quota / *period + (*quota % *period != 0 ? 1 : 0);
  return static_cast<unsigned>(std::min<std::int64_t>(cpus, kMostCpus));
}

// cpu.max: "QUOTA PERIOD" or "max PERIOD".
std::optional<unsigned> limit_v2(const fs::path& folder) {
  const std::string line = first_line(folder / "cpu.max");
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  return rounded_up(number(std::string_view(line).substr(0, space)),
                    number(std::string_view(line).substr(space + 1)));
}

std::optional<unsigned> limit_v1(const fs::path& folder) {
  return rounded_up(number(first_line(folder / "cpu.cfs_quota_us")),
                    number(first_line(folder / "cpu.cfs_period_us")));
}

std::optional<unsigned> smaller(std::optional<unsigned> a, std::optional<unsigned> b) {
  if (!a) return b;
  return b ? std::min(*a, *b) : a;
}

// The least limit from the group up to the mount. In a container the group's path may be the
// host's, of which nothing is to be seen but the mount itself: folders that are not there have no
// limit.
template <typename Limit>
std::optional<unsigned> least_on_the_way(const fs::path& mount, const std::string& group,
                                         Limit limit) {
  std::optional<unsigned> least = limit(mount);
  fs::path folder = mount;
  for (const fs::path& step : fs::path(group).relative_path()) {
    if (step == "..") return least;  // outside of what this process sees
    folder /= step;
    least = smaller(least, limit(folder));
  }
  return least;
}

bool lists_cpu(const std::string& controllers) {
  std::size_t begin = 0;
  while (begin <= controllers.size()) {
    const std::size_t comma = std::min(controllers.find(',', begin), controllers.size());
    if (controllers.compare(begin, comma - begin, "cpu") == 0) return true;
    begin = comma + 1;
  }
  return false;
}

}  // namespace

unsigned affinity_cpus() {
  // The kernel refuses a set that is too small for it; how large it is, it does not tell.
  for (int room = 1024; room <= kMostCpus; room *= 2) {
    std::vector<cpu_set_t> set(CPU_ALLOC_SIZE(room) / sizeof(cpu_set_t));
    const std::size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) {
      return static_cast<unsigned>(std::max(1, CPU_COUNT_S(bytes, set.data())));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

std::optional<unsigned> cgroup_cpus(const CgroupFiles& files) {
  std::optional<unsigned> least;
  std::ifstream membership(files.membership);
  // HIERARCHY:CONTROLLERS:PATH; version 2 is the line with hierarchy 0 and no controllers.
  for (std::string line; std::getline(membership, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) {
      for (const fs::path& mount : {files.root, files.root / "unified"}) {
        least = smaller(least, least_on_the_way(mount, group, limit_v2));
      }
    } else if (lists_cpu(controllers)) {
      for (const fs::path& mount : {files.root / controllers, files.root / "cpu"}) {
        least = smaller(least, least_on_the_way(mount, group, limit_v1));
      }
    }
  }
  return least;
}

unsigned usable_cpus() {
  const unsigned allowed = affinity_cpus();
  return std::min(allowed, cgroup_cpus().value_or(allowed));
}

}  // namespace sz::client
