// How many processors this process may use just now.
#pragma once

#include <filesystem>
#include <optional>

namespace sz::client {

// Processors that are online and that the process may run on (affinity). At least 1.
unsigned affinity_cpus();

// Where the kernel tells about control groups; tests put files of their own there.
struct CgroupFiles {
  std::filesystem::path membership = "/proc/self/cgroup";
  std::filesystem::path root = "/sys/fs/cgroup";
};

// Processors' worth of time that the process' control groups allow, rounded up: the least of
// cpu.max (version 2) and cpu.cfs_quota_us (version 1) on the way to the root. Empty: no limit, or
// none that could be read.
std::optional<unsigned> cgroup_cpus(const CgroupFiles& files = {});

// The smaller of the two. Both change while a process runs: ask anew when it matters.
unsigned usable_cpus();

}  // namespace sz::client
