// The program's options for cores and sessions.
#include <algorithm>
#include <csignal>

#include "cli/testing/program.h"
#include "client/testing/test_package.h"

namespace sz::cli {
namespace {

using client::testing::convolution_package;
using client::testing::identity_package;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Result;

class CliCores : public testing::Cli {};

TEST_F(CliCores, BenchesNumbersOfCores) {
  write("m.szp", convolution_package(32));
  const json answer = run_json("bench m.szp --cores 1,2 --runs 3 --warmup 0");
  ASSERT_EQ(answer["backends"].size(), 2u);
  EXPECT_EQ(answer["backends"][0]["cores"]["used"], 1);
  EXPECT_EQ(answer["backends"][1]["cores"]["used"], 2);
  EXPECT_EQ(answer["backends"][1]["cores"]["shares"].size(), 2u);
  EXPECT_EQ(answer["identical"], true);
  EXPECT_FALSE(answer.contains("ratio"));  // there is one back end only
  ASSERT_EQ(answer["speedups"].size(), 1u);
  EXPECT_EQ(answer["speedups"][0]["cores"], "2");
  EXPECT_NEAR(answer["speedups"][0]["speedup"].get<double>(),
              answer["backends"][0]["median_ms"].get<double>() /
                  answer["backends"][1]["median_ms"].get<double>(),
              1e-9);
  const json both = run_json("bench m.szp --backends host,host --cores 1,2 --runs 1 --warmup 0");
  EXPECT_EQ(both["backends"].size(), 4u);
  EXPECT_EQ(both["speedups"].size(), 2u);
  ASSERT_EQ(both["ratios"].size(), 2u);
  EXPECT_EQ(both["ratios"][0]["cores"], "1");
  EXPECT_EQ(both["ratios"][1]["cores"], "2");
  EXPECT_EQ(both["ratio"], both["ratios"][0]);
  const Result text = run("bench m.szp --backend host --cores 1,2 --runs 1");
  EXPECT_THAT(text.out, AllOf(HasSubstr("one core over 2"), HasSubstr("used 2 cores")));
}

TEST_F(CliCores, ComputesOnAsManyCoresAsTold) {
  write("m.szp", convolution_package(32));
  write("x.f32", std::vector<std::byte>(32 * 32 * 32 * 4));
  for (const unsigned cores : {1u, 2u, 4u}) {
    const json answer = run_json("run m.szp x.f32 --cores " + std::to_string(cores));
    EXPECT_EQ(answer["cores"]["used"], cores);
    EXPECT_EQ(answer["cores"]["asked"], std::to_string(cores));
    EXPECT_EQ(answer["secure_memory"]["stacks"].get<int>() > 0, cores > 1);
  }
  EXPECT_EQ(run_json("run m.szp x.f32")["cores"]["asked"], "auto");
  for (const char* bad : {"0", "9", "two", "-1", "1,2"}) {
    const Result result = run("run m.szp x.f32 --backend host --cores " + std::string(bad));
    EXPECT_EQ(result.status, 1) << bad;
    EXPECT_THAT(result.err, HasSubstr("--cores")) << bad;
  }
  EXPECT_EQ(run("bench m.szp --backend host --cores 2,2").status, 1);
}

TEST_F(CliCores, AdvisesWhoAskedForCoresThatCannotBeHad) {
  const std::string off = "SMARTZONE_SHIM_SECURE_CORES=off";
  write("m.szp", convolution_package(32));
  write("x.f32", std::vector<std::byte>(32 * 32 * 32 * 4));
  const Result asked = run("run m.szp x.f32 --backend host --cores 2", off);
  EXPECT_EQ(asked.status, 0);
  EXPECT_THAT(asked.err, HasSubstr("computing on one core"));
  EXPECT_EQ(std::count(asked.err.begin(), asked.err.end(), '\n'), 1);
  EXPECT_EQ(run("run m.szp x.f32 --backend host", off).err, "");
  EXPECT_EQ(run("run m.szp x.f32 --backend host --cores 1", off).err, "");
  EXPECT_THAT(run("device-info --backend host", off).out, HasSubstr("secure cores       no"));
}

// Lending threads neither take the signal nor keep the program from ending.
TEST_F(CliCores, EndsOnAnInterrupt) {
  write("m.szp", convolution_package(32));
  write("x.f32", std::vector<std::byte>(32 * 32 * 32 * 4));
  const Result result = run("run m.szp x.f32 --backend host --cores 4 --repeat 1000000",
                            "timeout --preserve-status -s INT -k 60 1");
  EXPECT_EQ(result.status, 128 + SIGINT);
}

TEST_F(CliCores, DealsInputsOutToSeveralSessions) {
  write("m.szp", identity_package({1, 8}));
  std::string list;
  for (int i = 0; i < 20; ++i) {
    std::vector<float> values(8, 0.0f);
    values[static_cast<std::size_t>(i % 8)] = 1.0f;
    write_f32("x" + std::to_string(i) + ".npy", {8}, values);
    list += "x" + std::to_string(i) + ".npy\n";
  }
  write("list", list);
  const json answer = run_json("run m.szp --list list --sessions 3 --output-dir out");
  EXPECT_EQ(answer["sessions"], 3);
  EXPECT_EQ(answer["runs"], 20);
  ASSERT_EQ(answer["results"].size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(answer["results"][i]["file"], "x" + std::to_string(i) + ".npy");
    EXPECT_EQ(answer["results"][i]["outputs"][0]["top"][0]["index"], i % 8);
    EXPECT_TRUE(std::filesystem::exists(path("out/x" + std::to_string(i) + ".y.npy")));
  }
  write_f32("x7.npy", {7}, std::vector<float>(7));
  const Result wrong = run("run m.szp --list list --sessions 3 --backend host");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("x7.npy"));
  EXPECT_THAT(wrong.out, AllOf(HasSubstr("x6.npy"), Not(HasSubstr("x8.npy"))));
  EXPECT_EQ(run("run m.szp x0.npy --sessions 0").status, 1);
}

}  // namespace
}  // namespace sz::cli
