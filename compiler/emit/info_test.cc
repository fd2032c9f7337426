#include "compiler/emit/info.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/compile.h"
#include "compiler/emit/preprocess.h"
#include "compiler/testing/onnx_builder.h"
#include "package/plan_report.h"

namespace sz::compiler {
namespace {

using nlohmann::json;
using testing::OnnxBuilder;
using testing::random_floats;

OnnxBuilder classifier() {
  OnnxBuilder b;
  b.input("image", {1, 3, 8, 6}).output("scores", {1, 2});
  b.floats("w", {144, 2}, random_floats(288, 1));
  b.node("Flatten", {"image"}, {"flat"});
  b.node("MatMul", {"flat", "w"}, {"scores"});
  return b;
}

json preprocess() {
  return {{"version", 1},
          {"color", "RGB"},
          {"resize", {{"shorter_side", 10}}},
          {"crop", {{"height", 8}, {"width", 6}}},
          {"mean", {1, 2.5, 3}},
          {"scale", {1, 1, 0.5}}};
}

TEST(Info, DescribesTheNetwork) {
  CompileOptions options;
  options.model_name = "two";
  options.labels = {"cat", "dog"};
  options.preprocess_json = preprocess().dump();
  const CompileResult result = compile_onnx(classifier().bytes(), "a/b.onnx", options);
  const auto package = package::read_package(result.package, "two");
  const json info = json::parse(package.info);
  EXPECT_EQ(info.at("format"), 1);
  EXPECT_EQ(info.at("name"), "two");
  EXPECT_EQ(info.at("source").at("format"), "onnx");
  EXPECT_EQ(info.at("source").at("opset"), 13);
  EXPECT_EQ(info.at("source").at("sha256").get<std::string>().size(), 64u);
  EXPECT_EQ(info.at("inputs"),
            json::parse(R"([{"name":"image","dtype":"f32","shape":[1,3,8,6]}])"));
  EXPECT_EQ(info.at("outputs"), json::parse(R"([{"name":"scores","dtype":"f32","shape":[1,2]}])"));
  EXPECT_EQ(info.at("preprocess"), preprocess());
  EXPECT_EQ(info.at("labels"), json({"cat", "dog"}));
  EXPECT_EQ(info.at("memory").at("arena"), result.report.arena);
  EXPECT_EQ(info.at("memory").at("lower_bound").at("live"), result.report.live_bound);
  EXPECT_EQ(info.at("memory").at("weights"), package.weights.size());
  EXPECT_EQ(info.at("steps"), result.report.steps);
}

TEST(Info, TakesItsNameFromTheFile) {
  const CompileResult result = compile_onnx(classifier().bytes(), "a/b.onnx", {});
  const json info = json::parse(package::read_package(result.package, "b").info);
  EXPECT_EQ(info.at("name"), "b");
  EXPECT_TRUE(info.at("preprocess").is_null());
}

TEST(Info, RefusesLabelsThatDoNotFit) {
  CompileOptions options;
  options.labels = {"only one"};
  EXPECT_THROW(compile_onnx(classifier().bytes(), "b.onnx", options), CompileError);
}

TEST(Preprocess, AcceptsEveryForm) {
  const Shape shape = {1, 3, 8, 6};
  json object = preprocess();
  EXPECT_EQ(check_preprocess(object.dump(), shape), object);
  object["resize"] = nullptr;
  EXPECT_NO_THROW(check_preprocess(object.dump(), shape));
  object["crop"] = nullptr;
  EXPECT_NO_THROW(check_preprocess(object.dump(), shape));
  object["resize"] = {{"height", 8}, {"width", 6}};
  EXPECT_NO_THROW(check_preprocess(object.dump(), shape));
}

TEST(Preprocess, RefusesEverythingElse) {
  const auto refused = [](auto change) {
    json object = preprocess();
    change(object);
    try {
      check_preprocess(object.dump(), {1, 3, 8, 6});
    } catch (const CompileError&) {
      return true;
    }
    return false;
  };
  EXPECT_TRUE(refused([](json& o) { o["version"] = 2; }));
  EXPECT_TRUE(refused([](json& o) { o.erase("mean"); }));
  EXPECT_TRUE(refused([](json& o) { o["gamma"] = 1; }));
  EXPECT_TRUE(refused([](json& o) { o["color"] = "GRAY"; }));
  EXPECT_TRUE(refused([](json& o) { o["color"] = 3; }));
  EXPECT_TRUE(refused([](json& o) { o["resize"] = 10; }));
  EXPECT_TRUE(refused([](json& o) { o["resize"] = {{"shorter_side", 0}}; }));
  EXPECT_TRUE(refused([](json& o) { o["resize"] = {{"shorter_side", 1.5}}; }));
  EXPECT_TRUE(refused([](json& o) { o["resize"] = {{"shorter_side", 5}}; }));  // crop is larger
  EXPECT_TRUE(refused([](json& o) { o["crop"] = {{"height", 8}, {"width", 7}}; }));
  EXPECT_TRUE(refused([](json& o) { o["crop"] = {{"height", 8}}; }));
  EXPECT_TRUE(refused([](json& o) { o["mean"] = {1, 2}; }));
  EXPECT_TRUE(refused([](json& o) { o["mean"] = {1, 2, "x"}; }));
  EXPECT_TRUE(refused([](json& o) { o["scale"] = {1, 2, 1e300}; }));
  EXPECT_THROW(check_preprocess("{", {1, 3, 8, 6}), CompileError);
  EXPECT_THROW(check_preprocess("[]", {1, 3, 8, 6}), CompileError);
  EXPECT_THROW(check_preprocess(preprocess().dump(), {2, 3, 8, 6}), CompileError);
  EXPECT_THROW(check_preprocess(preprocess().dump(), {1, 144}), CompileError);
}

TEST(PlanReport, ShowsACompiledPlan) {
  const CompileResult result = compile_onnx(classifier().bytes(), "b.onnx", {});
  const auto package = package::read_package(result.package, "b");
  const std::string text = package::inspect_plan(package.plan);
  EXPECT_NE(text.find("FullyConnected"), std::string::npos) << text;
  EXPECT_NE(text.find("entry 'run': t0[1x3x8x6] -> t1[1x2], steps 0 to 1"), std::string::npos)
      << text;
  const json object = json::parse(package::inspect_plan_json(package.plan));
  EXPECT_EQ(object.at("arena_bytes"), result.report.arena);
  EXPECT_EQ(object.at("steps").size(), 1u);
  EXPECT_EQ(object.at("steps")[0].at("op"), "FullyConnected");
  EXPECT_EQ(object.at("tensors")[0].at("dims"), json({1, 3, 8, 6}));
  EXPECT_EQ(object.at("entries")[0].at("inputs"), json({0}));
}

TEST(PlanReport, RefusesEveryTruncation) {
  const CompileResult result = compile_onnx(classifier().bytes(), "b.onnx", {});
  const auto plan = package::read_package(result.package, "b").plan;
  for (std::size_t size = 0; size < plan.size(); ++size) {
    EXPECT_THROW(package::inspect_plan(plan.first(size)), package::PlanReportError);
  }
}

}  // namespace
}  // namespace sz::compiler
