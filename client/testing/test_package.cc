#include "client/testing/test_package.h"

#include "engine/testing/plan_builder.h"
#include "package/package_file.h"

namespace sz::client::testing {
namespace {

using engine::testing::PlanBuilder;
using engine::testing::TestPlan;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::string tensor_text(const std::string& name, const std::vector<std::int64_t>& shape) {
  return R"({"name":")" + name + R"(","dtype":"f32","shape":)" + shape_text(shape) + "}";
}

std::uint32_t elements(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t dim : shape) n *= dim;
  return static_cast<std::uint32_t>(n);
}

}  // namespace

std::string info_text(const std::vector<std::int64_t>& shape, const std::string& more) {
  return R"({"format":1,"name":"test","inputs":[)" + tensor_text("x", shape) + R"(],"outputs":[)" +
         tensor_text("y", shape) + "]" + (more.empty() ? "" : "," + more) + "}";
}

std::vector<std::byte> package_of(ByteSpan plan, ByteSpan weights, const std::string& info) {
  return package::write_package(plan, weights, info);
}

std::vector<std::byte> identity_package(const std::vector<std::int64_t>& shape,
                                        const std::string& more_info) {
  PlanBuilder builder;
  const auto x = builder.arena({1, elements(shape)});
  const auto y = builder.arena({1, elements(shape)});
  builder.step(ops::OpCode::kCopy, {x}, {y});
  builder.entry({x}, {y});
  const TestPlan plan = builder.finish();
  return package_of(plan.plan, plan.weights, info_text(shape, more_info));
}

std::vector<std::byte> add_package(std::uint32_t count) {
  PlanBuilder builder;
  std::vector<float> values(count);
  for (std::uint32_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  const auto x = builder.arena({1, count});
  const auto y = builder.arena({1, count});
  const auto c = builder.constant({1, count}, values);
  builder.step(ops::OpCode::kBinary, {x, c}, {y}, ops::BinaryAttributes{});
  builder.entry({x}, {y});
  const TestPlan plan = builder.finish();
  return package_of(plan.plan, plan.weights, info_text({1, count}));
}

std::vector<std::byte> convolution_package(std::uint32_t side) {
  constexpr std::uint32_t kChannels = 32;
  PlanBuilder builder;
  builder.kernel = ops::Kernel::kVector;
  builder.tables.header.scratch_bytes = 1 << 20;
  const auto x = builder.arena({1, side, side, kChannels});
  const auto y = builder.arena({1, side, side, kChannels});
  const auto w = builder.conv_weights(
      {.inputs = kChannels, .outputs = kChannels, .kernel_h = 3, .kernel_w = 3}, 1);
  ops::Conv2dAttributes conv;
  conv.window = {.kernel_h = 3, .kernel_w = 3};
  conv.window.pad_top = conv.window.pad_left = 1;
  conv.window.pad_bottom = conv.window.pad_right = 1;
  builder.step(ops::OpCode::kConv2d, {x, w}, {y}, conv);
  builder.entry({x}, {y});
  const TestPlan plan = builder.finish();
  return package_of(plan.plan, plan.weights, info_text({1, side, side, kChannels}));
}

std::vector<std::byte> two_by_two_package() {
  PlanBuilder builder;
  const auto a = builder.arena({1, 3});
  const auto b = builder.arena({1, 3});
  const auto sum = builder.arena({1, 3});
  const auto difference = builder.arena({1, 3});
  ops::BinaryAttributes subtract;
  subtract.kind = ops::BinaryKind::kSub;
  builder.step(ops::OpCode::kBinary, {a, b}, {sum}, ops::BinaryAttributes{});
  builder.step(ops::OpCode::kBinary, {a, b}, {difference}, subtract);
  builder.entry({a, b}, {sum, difference});
  const TestPlan plan = builder.finish();
  const std::string info = R"({"format":1,"name":"two","inputs":[)" + tensor_text("a", {1, 3}) +
                           "," + tensor_text("b", {1, 3}) + R"(],"outputs":[)" +
                           tensor_text("sum", {1, 3}) + "," + tensor_text("difference", {1, 3}) +
                           "]}";
  return package_of(plan.plan, plan.weights, info);
}

std::vector<std::byte> large_package(std::uint64_t arena_bytes) {
  PlanBuilder builder;
  const auto x = builder.arena({1, 4});
  const auto y = builder.arena({1, 4});
  builder.step(ops::OpCode::kCopy, {x}, {y});
  builder.entry({x}, {y});
  builder.tables.header.arena_bytes += arena_bytes;
  const TestPlan plan = builder.finish();
  return package_of(plan.plan, plan.weights, info_text({1, 4}));
}

}  // namespace sz::client::testing
