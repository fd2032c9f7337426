#include "client/cpus.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace sz::client {
namespace {

namespace fs = std::filesystem;

class Cgroups : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "smartzone_cpus_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    files_ = {folder_ / "cgroup", folder_ / "root"};
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  fs::path folder_;
  CgroupFiles files_;
};

TEST_F(Cgroups, LimitNothingWhereThereAreNone) {
  EXPECT_FALSE(cgroup_cpus(files_));
  write("cgroup", "");
  EXPECT_FALSE(cgroup_cpus(files_));
  write("cgroup", "0::/a\n");
  EXPECT_FALSE(cgroup_cpus(files_));
}

TEST_F(Cgroups, OfVersion2RoundUp) {
  write("cgroup", "0::/a/b\n");
  write("root/a/b/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 2u);
  write("root/a/b/cpu.max", "100000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 1u);
  write("root/a/b/cpu.max", "1 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 1u);
  write("root/a/b/cpu.max", "max 100000\n");
  EXPECT_FALSE(cgroup_cpus(files_));
}

TEST_F(Cgroups, CountTheTightestOnTheWayUp) {
  write("cgroup", "0::/a/b\n");
  write("root/a/b/cpu.max", "800000 100000\n");
  write("root/a/cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 3u);
  write("root/cpu.max", "50000 25000\n");
  EXPECT_EQ(cgroup_cpus(files_), 2u);
}

TEST_F(Cgroups, OfAContainerShowOnlyTheMount) {
  write("root/cpu.max", "200000 100000\n");
  write("cgroup", "0::/docker/0123abcd\n");
  EXPECT_EQ(cgroup_cpus(files_), 2u);
  write("cgroup", "0::/../other\n");
  write("other/cpu.max", "100000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 2u);
}

TEST_F(Cgroups, OfVersion1AreFoundByTheirController) {
  write("cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/a\n1:name=systemd:/y\n");
  write("root/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
  write("root/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 3u);
  write("root/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
  EXPECT_FALSE(cgroup_cpus(files_));
  write("cgroup", "5:cpuset:/a\n");
  write("root/cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n");
  EXPECT_FALSE(cgroup_cpus(files_));
}

TEST_F(Cgroups, OfBothVersionsBothCount) {
  write("cgroup", "4:cpu:/a\n0::/b\n");
  write("root/cpu/a/cpu.cfs_quota_us", "400000\n");
  write("root/cpu/a/cpu.cfs_period_us", "100000\n");
  write("root/unified/b/cpu.max", "200000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 2u);
  write("root/unified/b/cpu.max", "600000 100000\n");
  EXPECT_EQ(cgroup_cpus(files_), 4u);
}

TEST_F(Cgroups, WithNonsenseLimitNothing) {
  write("cgroup", "0::/a\nnonsense\n7:\n");
  for (const char* text : {"", "\n", "100000", "100000 ", "100000 0", "-5 100000", "x 100000",
                           "100000 100000x", "99999999999999999999 1"}) {
    write("root/a/cpu.max", text);
    EXPECT_FALSE(cgroup_cpus(files_)) << text;
  }
  write("root/a/cpu.max", "9223372036854775807 1");
  EXPECT_EQ(cgroup_cpus(files_), 1u << 16);
}

TEST(Cpus, FollowTheAffinityOfTheMoment) {
  const unsigned before = affinity_cpus();
  EXPECT_GE(before, 1u);
  EXPECT_LE(usable_cpus(), before);
  // A thread of its own, so that the test's affinity stays.
  std::thread([] {
    cpu_set_t all, one;
    ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &all)) {
        CPU_SET(cpu, &one);
        break;
      }
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(affinity_cpus(), 1u);
    EXPECT_EQ(usable_cpus(), 1u);
  }).join();
}

}  // namespace
}  // namespace sz::client
