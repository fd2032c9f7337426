// `compile --quantize`: samples from files, the report, hostile samples.
#include <filesystem>
#include <limits>

#include "cli/testing/program.h"

namespace sz::cli {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Quantize : public Cli {
 protected:
  // A layer of 2 outputs on 2 inputs: 1 + 3 x + 4 y, 2 + 5 x + 6 y.
  void SetUp() override {
    Cli::SetUp();
    if (!SMARTZONE_HAS_COMPILER) GTEST_SKIP() << "this build has no compiler";
    write("net.cfg", std::string("[net]\nheight=1\nwidth=1\nchannels=2\n"
                                 "[connected]\noutput=2\nactivation=linear\n"));
    std::vector<std::byte> weights(20 + 6 * sizeof(float));
    weights[4] = std::byte{2};  // version 0.2
    const float numbers[] = {1, 2, 3, 4, 5, 6};
    std::memcpy(weights.data() + 20, numbers, sizeof(numbers));
    write("net.weights", weights);
    std::filesystem::create_directory(path("samples"));
  }

  Result quantize(const std::string& options) const {
    return run("compile net.cfg -o net.szp --quantize int8 " + options);
  }
  void expect_refused(const std::string& options, const std::string& part) const {
    const Result result = quantize(options);
    EXPECT_EQ(result.status, 1) << options;
    EXPECT_THAT(result.err, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(path("net.szp")));
  }
};

TEST_F(Quantize, MeasuresAFolderOfTensors) {
  write_f32("samples/a.npy", {1, 2, 1, 1}, {1, 2});
  write_f32("samples/b.npy", {1, 2, 1, 1}, {-1, 0.5});
  write("samples/notes.txt", std::string("not a sample"));
  const Result result = quantize("--calibrate samples");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("measured on 2 samples"), HasSubstr("same best class")));
  write_f32("x.npy", {1, 2, 1, 1}, {1, 1});
  const json answer = run_json("run net.szp x.npy --values");
  const json& values = answer["results"][0]["outputs"][0]["values"];
  EXPECT_NEAR(values[0].get<double>(), 8, 0.1);
  EXPECT_NEAR(values[1].get<double>(), 13, 0.15);
}

TEST_F(Quantize, MeasuresOneFileOfSamplesAndJudgesBoth) {
  write_f32("x.npy", {3, 2, 1, 1}, {1, 2, -3, 1, 0, 1});
  const std::vector<std::int64_t> labels = {1, 0, 1};
  write("labels.npy", format_npy(ElementType::kI64, {3}, std::as_bytes(std::span(labels))));
  const Result result =
      run("--json compile net.cfg -o net.szp --quantize int8 --calibrate x.npy --calibrate-limit 2 "
          "--eval-npy x.npy --eval-npy-labels labels.npy");
  ASSERT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out)["quantization"];
  EXPECT_EQ(report["samples"], 2);
  EXPECT_EQ(report["accuracy"]["f32"]["samples"], 3);
  EXPECT_EQ(report["accuracy"]["f32"]["top1"], report["accuracy"]["int8"]["top1"]);
  EXPECT_GT(report["outputs_decibels"][0].get<double>(), 30);
}

TEST_F(Quantize, RefusesSamplesThatAreNotThere) {
  expect_refused("--calibrate nowhere", "nowhere: is not there");
  expect_refused("--calibrate samples", "samples: holds no sample inputs");
  expect_refused("--calibrate net.cfg", "takes a folder");
}

TEST_F(Quantize, RefusesSamplesThatDoNotFit) {
  write_f32("samples/a.npy", {1, 3, 1, 1}, {1, 2, 3});
  expect_refused("--calibrate samples", "a.npy");
  write("samples/a.npy", std::string("\x93NUMPY"));
  expect_refused("--calibrate samples", "a.npy");
  std::filesystem::remove(path("samples/a.npy"));
  write("samples/a.f32", std::string("1234567"));
  expect_refused("--calibrate samples", "has 7 bytes");
  std::filesystem::remove(path("samples/a.f32"));
  write("samples/a.pb", std::string("\xff\xff"));
  expect_refused("--calibrate samples", "is no serialised onnx.TensorProto");
  write("samples/a.pb", std::string());
  expect_refused("--calibrate samples", "a.pb");
}

TEST_F(Quantize, RefusesWhatIsNotFinite) {
  write_f32("samples/a.npy", {1, 2, 1, 1}, {1, std::numeric_limits<float>::quiet_NaN()});
  expect_refused("--calibrate samples", "is not finite for the sample");
  write_f32("samples/a.npy", {1, 2, 1, 1}, {1, std::numeric_limits<float>::infinity()});
  expect_refused("--calibrate samples", "a.npy");
}

TEST_F(Quantize, NeedsItsOptionsTogether) {
  EXPECT_EQ(run("compile net.cfg -o net.szp --quantize int8").status, 1);
  EXPECT_EQ(run("compile net.cfg -o net.szp --calibrate samples").status, 1);
  EXPECT_EQ(run("compile net.cfg -o net.szp --quantize int4 --calibrate samples").status, 1);
  EXPECT_THAT(run("compile net.cfg -o net.szp --eval-npy a.npy --eval-npy-labels b.npy").err,
              HasSubstr("needs --quantize"));
}

}  // namespace
}  // namespace sz::cli
