// The program as a user runs it: arguments in; output, messages and exit status out.
#include "cli/testing/program.h"
#include "client/testing/test_package.h"
#include "protocol/commands.h"

namespace sz::cli {
namespace {

using client::testing::identity_package;
using client::testing::large_package;
using client::testing::two_by_two_package;
using nlohmann::json;
using ::testing::AllOf;
using testing::Cli;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Result;

constexpr const char* kGray = R"("labels": ["zero", "one", "two", "three"], "preprocess":
    {"version": 1, "color": "GRAY", "resize": null, "crop": null, "mean": [0], "scale": [1]})";

TEST_F(Cli, ExplainsItselfAndEachSubcommandWithExamples) {
  const Result all = run("--help");
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out,
              AllOf(HasSubstr("Examples:"), HasSubstr("Exit status: 0"), HasSubstr("--backend")));
  for (const char* name :
       {"compile", "inspect", "analyze", "run", "accuracy", "bench", "device-info"}) {
    const Result one = run(std::string(name) + " --help");
    EXPECT_EQ(one.status, 0) << name;
    EXPECT_THAT(one.out, HasSubstr("smartzone " + std::string(name) + " ")) << name;
    EXPECT_THAT(all.out, HasSubstr(name));
  }
  EXPECT_THAT(run("--version").out, HasSubstr("smartzone " SMARTZONE_VERSION));
}

TEST_F(Cli, AnswersWrongUsageWithStatusOne) {
  EXPECT_EQ(run("").status, 1);
  EXPECT_EQ(run("fly").status, 1);
  EXPECT_EQ(run("run").status, 1);
  EXPECT_EQ(run("run --frobnicate x.szp").status, 1);
  EXPECT_EQ(run("--backend gpu device-info").status, 1);
  EXPECT_EQ(run("run x.szp a.npy --top 0").status, 1);
}

TEST_F(Cli, RunsATensorAndPrintsTheBestClasses) {
  write("m.szp", identity_package({1, 4}, R"("labels": ["zero", "one", "two", "three"])"));
  write_f32("x.npy", {1, 4}, {0.1f, 0.5f, 0.4f, 0.0f});
  const Result text = run("run m.szp x.npy --backend host --top 2");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("0.500000  one"), HasSubstr("0.400000  two"),
                              Not(HasSubstr("zero")), HasSubstr("NOT SECURE")));
  const json answer = run_json("run m.szp x.npy --top 2");
  EXPECT_EQ(answer["backend"], "host");
  EXPECT_EQ(answer["secure"], false);
  const json& top = answer["results"][0]["outputs"][0]["top"];
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0]["index"], 1);
  EXPECT_EQ(top[0]["label"], "one");
  EXPECT_FLOAT_EQ(top[1]["score"].get<float>(), 0.4f);
  EXPECT_GT(answer["secure_memory"]["now"].get<int>(), 0);
}

TEST_F(Cli, SaysOnceThatTheHostIsNotSecureIfNobodyAskedForIt) {
  if (std::filesystem::exists("/dev/tee0")) GTEST_SKIP() << "there is a TEE here";
  write("m.szp", identity_package({1, 4}));
  write_f32("x.npy", {1, 4}, {1, 2, 3, 4});
  EXPECT_THAT(run("run m.szp x.npy").err, HasSubstr("NOT SECURE"));
  EXPECT_EQ(run("run m.szp x.npy --backend host").err, "");
}

TEST_F(Cli, AnswersWithStatusTwoWhereThereIsNoTee) {
  if (std::filesystem::exists("/dev/tee0")) GTEST_SKIP() << "there is a TEE here";
  const Result result = run("device-info --backend tee");
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("TEE"));
}

TEST_F(Cli, RunsSeveralFilesInOneSession) {
  write("m.szp", identity_package({1, 4}));
  for (int i = 0; i < 3; ++i) {
    std::vector<float> values(4, 0.0f);
    values[static_cast<std::size_t>(i)] = 1.0f;
    write_f32("x" + std::to_string(i) + ".npy", {4}, values);
  }
  write("list", "x1.npy\nx2.npy\n\n");
  for (const char* arguments : {"run m.szp x0.npy x1.npy x2.npy", "run m.szp x0.npy @list",
                                "run m.szp x0.npy --list list"}) {
    const json answer = run_json(arguments);
    ASSERT_EQ(answer["results"].size(), 3u) << arguments;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(answer["results"][i]["outputs"][0]["top"][0]["index"], i) << arguments;
    }
  }
}

TEST_F(Cli, RepeatsForTheTimes) {
  write("m.szp", identity_package({1, 4}));
  write_f32("x.npy", {1, 4}, {1, 2, 3, 4});
  const json answer = run_json("run m.szp x.npy --repeat 7");
  EXPECT_EQ(answer["runs"], 7);
  EXPECT_LE(answer["time"]["min_ms"].get<double>(), answer["time"]["median_ms"].get<double>());
}

TEST_F(Cli, WritesOutputsAsTensors) {
  write("m.szp", identity_package({2, 3}));
  write_f32("x.npy", {2, 3}, {1, 2, 3, 4, 5, 6});
  run_json("run m.szp x.npy --output y.npy");
  EXPECT_EQ(read(path("y.npy")), read(path("x.npy")));
  run_json("run m.szp x.npy --output-dir out");
  EXPECT_EQ(read(path("out/x.y.npy")), read(path("x.npy")));
  EXPECT_EQ(run_json("run m.szp x.npy --values")["results"][0]["outputs"][0]["values"].size(), 6u);
  EXPECT_EQ(run("run m.szp x.npy x.npy --output y.npy").status, 1);
  EXPECT_THAT(run("run m.szp x.npy ./x.npy --backend host --output-dir out").err,
              HasSubstr("written twice"));
}

TEST_F(Cli, TakesSeveralInputsByName) {
  write("m.szp", two_by_two_package());
  write_f32("a.npy", {1, 3}, {10, 20, 30});
  write_f32("b.npy", {1, 3}, {1, 2, 3});
  const json answer = run_json("run m.szp --input b=b.npy --input a=a.npy --values");
  EXPECT_EQ(answer["results"][0]["outputs"][0]["values"], json({11, 22, 33}));
  EXPECT_EQ(answer["results"][0]["outputs"][1]["values"], json({9, 18, 27}));
  EXPECT_THAT(run("run m.szp a.npy").err, HasSubstr("--input NAME=FILE"));
  EXPECT_THAT(run("run m.szp --input a=a.npy").err, HasSubstr("input 'b' is missing"));
  EXPECT_THAT(run("run m.szp --input c=a.npy").err, HasSubstr("no input 'c'; it has a, b"));
  EXPECT_THAT(run("run m.szp --input a=a.npy --input a=b.npy").err, HasSubstr("given twice"));
  EXPECT_THAT(run("run m.szp --input a").err, HasSubstr("NAME=FILE"));
}

TEST_F(Cli, TakesRawFilesOfExactlyTheInputsSize) {
  write("m.szp", identity_package({1, 4}));
  write("x.f32", std::vector<std::byte>(16));
  write("y.bin", std::vector<std::byte>(15));
  EXPECT_EQ(run("run m.szp x.f32 --backend host").status, 0);
  const Result wrong = run("run m.szp y.bin --backend host");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("y.bin"), HasSubstr("15 bytes"), HasSubstr("16 bytes")));
}

TEST_F(Cli, PutsPicturesThroughTheRecordedPreprocessing) {
  write("m.szp", identity_package({1, 1, 2, 2}, kGray));
  write("p.npy", format_npy(ElementType::kU8, {2, 2},
                            std::vector<std::byte>{std::byte{1}, std::byte{9}, std::byte{3},
                                                   std::byte{250}}));
  EXPECT_EQ(run_json("run m.szp p.npy --values")["results"][0]["outputs"][0]["values"],
            json({1, 9, 3, 250}));
  // A BMP of 2 x 2 grey pixels would need a palette: a 24-bit one is grey by equal channels.
  std::string bmp =
      std::string("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0", 30) +
      std::string(24, '\0');
  bmp += std::string("\x03\x03\x03\x04\x04\x04\0\0\x01\x01\x01\x02\x02\x02\0\0", 16);
  write("p.bmp", bmp);
  EXPECT_EQ(run_json("run m.szp p.bmp --values")["results"][0]["outputs"][0]["values"],
            json({1, 2, 3, 4}));
}

TEST_F(Cli, DoesNotGuessHowPixelsBecomeInputs) {
  write("m.szp", identity_package({1, 1, 2, 2}));
  write("p.npy", format_npy(ElementType::kU8, {2, 2}, std::vector<std::byte>(4)));
  write("p.png", "no picture");
  for (const char* name : {"p.npy", "p.png"}) {
    const Result result = run("run m.szp --backend host " + std::string(name));
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, HasSubstr("--preprocess"));
  }
}

TEST_F(Cli, NamesTheFileThatIsWrong) {
  write("m.szp", identity_package({1, 1, 2, 2}, kGray));
  write("bad.szp", "this is no package");
  write("p.png", "this is no picture");
  write("p.gif", "GIF89a");
  write_f32("x.npy", {1, 5}, {1, 2, 3, 4, 5});
  const std::pair<const char*, const char*> cases[] = {
      {"run nowhere.szp x.npy", "nowhere.szp: cannot be opened: No such file"},
      {"run bad.szp x.npy", "bad.szp"},
      {"run m.szp nowhere.npy", "nowhere.npy: cannot be opened"},
      {"run m.szp p.png", "p.png: is not a JPEG, PNG or BMP"},
      {"run m.szp p.gif", "p.gif: what it holds cannot be told"},
      {"run m.szp x.npy", "x.npy: holds f32 [1, 5]; input 'x' is f32 [1, 1, 2, 2]"},
      {"run m.szp @nowhere", "nowhere: cannot be opened"},
      {"run m.szp", "no input"},
      {"inspect bad.szp", "bad.szp"},
      {"bench bad.szp", "bad.szp"},
  };
  for (const auto& [arguments, message] : cases) {
    const Result result = run(std::string(arguments) + " --backend host");
    EXPECT_EQ(result.status, 1) << arguments;
    EXPECT_THAT(result.err, HasSubstr(message)) << arguments;
    EXPECT_EQ(result.out, "") << arguments;
  }
}

TEST_F(Cli, RefusesAModelThatTheSecureMemoryCannotHold) {
  write("m.szp", large_package(3 << 20));
  write_f32("x.npy", {1, 4}, {1, 2, 3, 4});
  const Result result = run("run m.szp x.npy --backend host", "SMARTZONE_SHIM_SECURE_MIB=2");
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, AllOf(HasSubstr("needs 3.0"), HasSubstr("of 2.00 MiB"),
                                HasSubstr("SMARTZONE_SHIM_SECURE_MIB")));
  EXPECT_EQ(run("run m.szp x.npy --backend host", "SMARTZONE_SHIM_SECURE_MIB=4").status, 0);
}

TEST_F(Cli, BenchesBackEndsInTurnAndComparesTheirBits) {
  write("m.szp", identity_package({1, 4}));
  const json answer = run_json("bench m.szp --backends host,host --runs 5 --warmup 1 --seed 3");
  ASSERT_EQ(answer["backends"].size(), 2u);
  EXPECT_EQ(answer["backends"][0]["times_ms"].size(), 5u);
  EXPECT_EQ(answer["identical"], true);
  EXPECT_GT(answer["ratio"]["ratio_of_medians"].get<double>(), 0.0);
  const Result text = run("bench m.szp --backend host --runs 3");
  EXPECT_THAT(text.out, AllOf(HasSubstr("median"), HasSubstr("bit-identical")));
}

TEST_F(Cli, ShowsWhatAPackageHolds) {
  write("m.szp", identity_package({1, 1, 2, 2}, kGray));
  const Result text = run("inspect m.szp");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("x  f32 [1, 1, 2, 2]"), HasSubstr("GRAY"),
                              HasSubstr("Copy"), HasSubstr("entry 'run'")));
  const json answer = run_json("inspect m.szp");
  EXPECT_EQ(answer["plan"]["steps"][0]["op"], "Copy");
  EXPECT_EQ(answer["info"]["name"], "test");
}

TEST_F(Cli, TellsWhatDeviceThereIs) {
  const json answer = run_json("device-info");
  EXPECT_EQ(answer["secure"], false);
  EXPECT_EQ(answer["protocol_version"], SMARTZONE_PROTOCOL_VERSION);
  EXPECT_EQ(answer["secure_cores"], true);
  EXPECT_EQ(answer["most_cores"], 8);
  EXPECT_GT(answer["secure_pool"]["size"].get<std::uint64_t>(), 0u);
}

TEST_F(Cli, CountsRightAnswersOnALabelledSet) {
  write("m.szp", identity_package({1, 1, 2, 4}, kGray));
  std::vector<std::byte> pixels(3 * 8);
  pixels[1] = std::byte{9};                                          // class 1 first
  for (std::size_t i = 0; i < 7; ++i) pixels[8 + i] = std::byte{9};  // class 7 last
  pixels[16 + 5] = std::byte{9};  // class 5 first, class 0 second
  pixels[16] = std::byte{8};
  write("x.npy", format_npy(ElementType::kU8, {3, 1, 2, 4}, pixels));
  write("y.npy", format_npy(ElementType::kU8, {3},
                            std::vector<std::byte>{std::byte{1}, std::byte{7}, std::byte{0}}));
  // The output [1, 1, 2, 4] is no vector of scores.
  EXPECT_THAT(run("accuracy m.szp --npy x.npy --npy-labels y.npy").err,
              HasSubstr("vector of scores"));
  write("m.szp", identity_package({1, 8}, kGray));
  write("x.npy", format_npy(ElementType::kU8, {3, 8}, pixels));
  const json answer = run_json("accuracy m.szp --npy x.npy --npy-labels y.npy");
  EXPECT_EQ(answer["samples"], 3);
  EXPECT_EQ(answer["top1_count"], 1);
  EXPECT_EQ(answer["top5_count"], 2);
  EXPECT_EQ(run("accuracy m.szp").status, 1);
  EXPECT_EQ(run("accuracy m.szp --npy x.npy").status, 1);
  EXPECT_THAT(run("accuracy m.szp --npy x.npy --npy-labels y.npy --label-offset 5").err,
              HasSubstr("beyond the network's 8"));
}

TEST_F(Cli, ReadsAFolderWithItsTable) {
  write("m.szp", identity_package({1, 4}));
  std::filesystem::create_directory(path("set"));
  write_f32("set/a.npy", {1, 4}, {0, 0, 1, 0});
  write_f32("set/b.npy", {1, 4}, {1, 0, 0, 0});
  write("labels.tsv", "file\tclass\tsource\na.npy\t2\tx\nb.npy\t3\n");
  const json answer = run_json("accuracy m.szp --images set --labels labels.tsv");
  EXPECT_EQ(answer["samples"], 2);
  EXPECT_EQ(answer["top1_count"], 1);
  const json two = run_json("accuracy m.szp --images set --labels labels.tsv --sessions 2");
  EXPECT_EQ(two["sessions"], 2);
  EXPECT_EQ(two["samples"], 2);
  EXPECT_EQ(two["top1_count"], 1);
  EXPECT_EQ(two["cores"]["used"], 1);
  write("labels.tsv", "file\tclass\na.npy two\n");
  EXPECT_THAT(run("accuracy m.szp --images set --labels labels.tsv").err,
              HasSubstr("labels.tsv, line 2: no tab"));
}

TEST_F(Cli, CompilesADarknetNetworkWithItsWeights) {
  if (!SMARTZONE_HAS_COMPILER) GTEST_SKIP() << "this build has no compiler";
  write("net.cfg", std::string("[net]\nheight=1\nwidth=1\nchannels=2\n"
                               "[connected]\noutput=2\nactivation=linear\n"));
  const Result alone = run("compile net.cfg -o net.szp");
  EXPECT_EQ(alone.status, 1);
  EXPECT_THAT(alone.err, AllOf(HasSubstr("net.weights"), HasSubstr("--weights")));
  std::vector<std::byte> weights(20 + 6 * sizeof(float));
  weights[4] = std::byte{2};  // version 0.2
  const float numbers[] = {1, 2, 3, 4, 5, 6};
  std::memcpy(weights.data() + 20, numbers, sizeof(numbers));
  write("other.weights", weights);
  write("net.weights", weights);
  EXPECT_EQ(run("compile net.cfg --weights other.weights -o other.szp").status, 0);
  const json report = json::parse(run("--json compile net.cfg -o net.szp").out);
  EXPECT_EQ(report["format"], "darknet");
  write_f32("x.npy", {1, 2, 1, 1}, {10, 100});
  const json answer = run_json("run net.szp x.npy --values");
  EXPECT_EQ(answer["results"][0]["outputs"][0]["name"], "connected_0");
  EXPECT_EQ(answer["results"][0]["outputs"][0]["values"], json({431, 652}));
  EXPECT_THAT(run("inspect net.cfg").out, HasSubstr("(darknet), 2 nodes"));
  EXPECT_THAT(run("compile net.weights -o x.szp").err, HasSubstr("name the .cfg"));
  write("model", std::string("something"));
  EXPECT_THAT(run("compile model -o x.szp").err, HasSubstr("not clear what kind"));
  write("m.onnx", std::string("x"));
  EXPECT_THAT(run("compile m.onnx --weights net.weights -o x.szp").err,
              HasSubstr("only for Darknet"));
  write("m.tflite", std::string("something"));
  EXPECT_THAT(run("compile m.tflite -o x.szp").err,
              HasSubstr("m.tflite: is not a TensorFlow Lite model"));
  EXPECT_THAT(run("inspect m.tflite").err, HasSubstr("is not a TensorFlow Lite model"));
  EXPECT_THAT(run("compile m.tflite --weights net.weights -o x.szp").err,
              HasSubstr("only for Darknet"));
}

}  // namespace
}  // namespace sz::cli
