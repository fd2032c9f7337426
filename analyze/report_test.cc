#include "analyze/report.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "engine/model.h"
#include "engine/testing/plan_builder.h"
#include "ta/footprint.h"

namespace sz::analyze {
namespace {

const TaImage kImage = {
    .shared = 45 * kPage, .for_each = 13 * kPage, .text_bytes = 178128, .data_bytes = 49384};

std::map<std::string, Row> by_id(const SecureMemoryReport& report) {
  std::map<std::string, Row> rows;
  for (const Row& row : report.rows) rows[row.id] = row;
  return rows;
}

const Setting* find_setting(const SecureMemoryReport& report, const std::string& name) {
  for (const Setting& setting : report.settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

engine::testing::TestPlan small_plan() { return engine::testing::sequence_plan().builder.finish(); }

// The small plan with a weights region of that many bytes.
std::vector<std::byte> plan_with_weights(std::uint64_t bytes) {
  auto tables = *engine::testing::PlanTables::decode(small_plan().plan);
  tables.header.weights_bytes = bytes;
  return tables.encode();
}

TEST(Analyze, CountsTheModelAsTheEngineDoes) {
  const auto plan = small_plan();
  const SecureMemoryReport report = analyze(plan.plan, {.cores = 2});
  package::PlanHeader header;
  std::memcpy(&header, plan.plan.data(), sizeof(header));
  engine::MemoryNeed need;
  ASSERT_TRUE(engine::memory_need(header, 2, &need).ok());
  auto rows = by_id(report);
  EXPECT_EQ(rows["control"].bytes, need.control);
  EXPECT_EQ(rows["weights"].bytes, need.weights);
  EXPECT_EQ(rows["arena"].bytes, need.arena);
  EXPECT_EQ(rows["scratch"].bytes, need.scratch);
  EXPECT_EQ(rows["board"].bytes, need.board);
  EXPECT_EQ(rows["stacks"].bytes, need.stacks);
  EXPECT_GT(need.stacks, 0u);
  std::uint64_t mapped = 0;
  for (const char* id : {"control", "weights", "arena", "scratch", "board", "stacks"}) {
    EXPECT_EQ(rows[id].mapped, (rows[id].bytes + kPage - 1) / kPage * kPage);
    mapped += rows[id].mapped;
  }
  EXPECT_EQ(report.model, mapped);
  EXPECT_EQ(report.session, 0u);
  EXPECT_EQ(report.total, mapped);
  EXPECT_EQ(mapped, need.in_pages());
}

// Figures that OP-TEE's own statistics gave on the device for an image of this size.
TEST(Analyze, CountsASessionAsMeasuredOnTheDevice) {
  const auto plan = small_plan();
  const auto smartzone =
      analyze(plan.plan, {.image = kImage, .trusted_os = find_trusted_os("smartzone")});
  EXPECT_EQ(smartzone.session, 91 * kPage);
  EXPECT_EQ(smartzone.session - smartzone.shared, 46 * kPage);
  TaImage of_stock = kImage;
  const auto stock =
      analyze(plan.plan, {.image = of_stock, .trusted_os = find_trusted_os("stock")});
  EXPECT_EQ(stock.session, 92 * kPage);
  EXPECT_EQ(stock.total, stock.session + stock.model);
}

TEST(Analyze, CountsTheHeapOnce) {
  auto rows = by_id(analyze(small_plan().plan, {.image = kImage}));
  EXPECT_EQ(rows["ta_heap"].mapped, std::uint64_t{SMARTZONE_TA_HEAP_BYTES});
  EXPECT_EQ(rows["ta_image"].mapped + rows["ta_heap"].mapped, kImage.shared + kImage.for_each);
  EXPECT_EQ(rows["ta_stack"].mapped, 17 * kPage);
}

TEST(Analyze, DerivesSettingsThatAreLargeEnough) {
  const auto plan = plan_with_weights(100 << 20);
  const SecureMemoryReport report = analyze(plan, {.image = kImage});
  const Setting* secure = find_setting(report, "CFG_TZDRAM_SIZE");
  ASSERT_NE(secure, nullptr);
  EXPECT_GE(std::stoull(secure->value, nullptr, 16), report.total + (2 << 20));
  EXPECT_LE(std::stoull(secure->value, nullptr, 16), report.total + (4 << 20));
  EXPECT_GE(report.page_tables, (100u << 20) / (2u << 20) + 1);
  EXPECT_EQ(find_setting(report, "CFG_TEE_RAM_VA_SIZE"), nullptr);
  const auto large = analyze(plan_with_weights(400 << 20), {.image = kImage});
  EXPECT_NE(find_setting(large, "CFG_TEE_RAM_VA_SIZE"), nullptr);
}

TEST(Analyze, WarnsOfWhatTheDeviceAsItComesCannotGive) {
  const TrustedOs* stock = find_trusted_os("stock");
  EXPECT_TRUE(analyze(small_plan().plan, {.image = kImage, .trusted_os = stock}).warnings.empty());
  // 4 MiB of inputs and as much of outputs: in the arena, and once more while they are exchanged.
  engine::testing::PlanBuilder builder;
  const auto x = builder.arena({1 << 20});
  const auto y = builder.arena({1 << 20});
  builder.step(ops::OpCode::kUnary, {x}, {y}, ops::UnaryAttributes{});
  builder.entry({x}, {y});
  const auto many_tables = analyze(builder.finish().plan, {.image = kImage, .trusted_os = stock});
  EXPECT_EQ(many_tables.page_tables, 9u);
  ASSERT_EQ(many_tables.warnings.size(), 1u);
  EXPECT_NE(many_tables.warnings[0].find("CFG_PGT_CACHE_ENTRIES"), std::string::npos);
  const auto large = analyze(plan_with_weights(20u << 20), {.image = kImage, .trusted_os = stock});
  ASSERT_EQ(large.warnings.size(), 2u);
  EXPECT_NE(large.warnings[0].find("CFG_TZDRAM_SIZE"), std::string::npos);
  EXPECT_NE(large.as_table().find("Warning: "), std::string::npos);
}

TEST(Analyze, TellsLowerBounds) {
  const auto plan = small_plan();
  const SecureMemoryReport report = analyze(plan.plan, {.largest_live_set = 576});
  EXPECT_EQ(report.weights_lower_bound, plan.weights.size());
  EXPECT_NE(report.as_table().find("largest set of live tensors: 576 bytes"), std::string::npos);
  EXPECT_NE(analyze(plan.plan, {}).as_table().find("not known"), std::string::npos);
  EXPECT_EQ(report.as_json()["lower_bound"]["total"], plan.weights.size() + 576);
}

TEST(Analyze, JsonHasEveryRow) {
  const auto json = analyze(small_plan().plan, {.image = kImage}).as_json();
  std::vector<std::string> ids;
  for (const auto& row : json["rows"]) ids.push_back(row["id"]);
  EXPECT_EQ(ids, (std::vector<std::string>{"control", "weights", "arena", "scratch", "ta_image",
                                           "ta_heap", "ta_stack", "ta_loader", "page_tables"}));
  EXPECT_EQ(json["total"],
            json["model"].get<std::uint64_t>() + json["session"].get<std::uint64_t>());
}

TEST(Analyze, RefusesWhatIsNoPlan) {
  const std::vector<std::byte> none;
  EXPECT_THROW(analyze(none, {}), AnalyzeError);
  EXPECT_THROW(analyze(std::vector<std::byte>(4096), {}), AnalyzeError);
  const auto plan = small_plan();
  EXPECT_THROW(analyze(plan.plan, {.cores = 0}), AnalyzeError);
  EXPECT_THROW(analyze(plan.plan, {.cores = 17}), AnalyzeError);
  EXPECT_THROW(analyze(plan_with_weights(~std::uint64_t{0}), {}), AnalyzeError);
  std::vector<std::byte> damaged = plan.plan;
  damaged.back() ^= std::byte{1};
  EXPECT_THROW(analyze(damaged, {}), AnalyzeError);
  damaged.pop_back();
  EXPECT_THROW(analyze(damaged, {}), AnalyzeError);
}

}  // namespace
}  // namespace sz::analyze
