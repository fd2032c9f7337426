// The client over the in-process back end: the TA's own sources answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "client/testing/test_package.h"
#include "client/transport.h"
#include "engine/testing/plan_builder.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"
#include "shim/secure_pool.h"

namespace sz {
namespace {

using client::testing::add_package;
using client::testing::identity_package;
using client::testing::large_package;
using client::testing::two_by_two_package;
using ::testing::AllOf;
using ::testing::HasSubstr;

Package from(std::vector<std::byte> bytes) {
  return Package::from_bytes(std::move(bytes), "test.szp");
}

Tensor tensor(const TensorInfo& info, const std::vector<float>& values) {
  Tensor t{info, std::vector<std::byte>(values.size() * sizeof(float))};
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

template <typename Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return Error("(no error)");
}

// The pool as it was, whatever a test does to it.
class PoolLimit {
 public:
  explicit PoolLimit(std::uint64_t bytes) : before_(shim::pool_statistics().limit) {
    shim::set_pool_limit(bytes);
  }
  ~PoolLimit() { shim::set_pool_limit(before_); }

 private:
  std::uint64_t before_;
};

TEST(HostSession, RunsAModel) {
  const Package package = from(identity_package({1, 4}));
  Session session = Session::open(Backend::kHost);
  session.load(package);
  const auto out = session.run({{tensor(package.inputs()[0], {1, 2, 3, 4})}});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].info.name, "y");
  EXPECT_THAT(out[0].f32(), ::testing::ElementsAre(1, 2, 3, 4));
}

TEST(HostSession, SendsWeightsInPiecesAndTellsTheProgress) {
  constexpr std::uint32_t kCount = 700000;  // 2.8 MB: three pieces
  const Package package = from(add_package(kCount));
  Session session = Session::open(Backend::kHost);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> calls;
  session.load(package,
               [&](std::uint64_t done, std::uint64_t total) { calls.emplace_back(done, total); });
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].first, 1u << 20);
  EXPECT_EQ(calls.back().first, calls.back().second);
  const auto out = session.run({{tensor(package.inputs()[0], std::vector<float>(kCount, 1.0f))}});
  EXPECT_EQ(out[0].f32()[0], 1.0f);
  EXPECT_EQ(out[0].f32()[kCount - 1], static_cast<float>(kCount - 1) + 1.0f);
}

TEST(HostSession, KeepsSeveralInputsAndOutputsApart) {
  const Package package = from(two_by_two_package());
  Session session = Session::open(Backend::kHost);
  session.load(package);
  const std::vector<Tensor> inputs{tensor(package.inputs()[0], {10, 20, 30}),
                                   tensor(package.inputs()[1], {1, 2, 3})};
  const auto out = session.run(inputs);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_THAT(out[0].f32(), ::testing::ElementsAre(11, 22, 33));
  EXPECT_THAT(out[1].f32(), ::testing::ElementsAre(9, 18, 27));
}

TEST(HostSession, GivesItsMemoryBackOnUnloadAndAtItsEnd) {
  const std::uint64_t before = shim::pool_statistics().mapped;
  const Package package = from(add_package(5000));
  {
    Session session = Session::open(Backend::kHost);
    for (int i = 0; i < 100; ++i) {
      session.load(package);
      const SecureMemory memory = session.secure_memory();
      EXPECT_EQ(memory.now, memory.control + memory.weights + memory.arena + memory.scratch +
                                memory.board + memory.stacks);
      EXPECT_EQ(shim::pool_statistics().mapped - before, memory.now);
      session.unload();
      EXPECT_EQ(session.secure_memory().now, 0u);
      EXPECT_EQ(shim::pool_statistics().mapped, before);
    }
    session.load(package);
  }
  EXPECT_EQ(shim::pool_statistics().mapped, before);
}

TEST(HostSession, ReplacesAModelByTheNext) {
  const Package first = from(identity_package({1, 4}));
  const Package second = from(two_by_two_package());
  Session session = Session::open(Backend::kHost);
  session.load(first);
  session.load(second);
  EXPECT_THROW(session.run({{tensor(first.inputs()[0], {1, 2, 3, 4})}}), Error);
  EXPECT_EQ(
      session.run({{tensor(second.inputs()[0], {1, 2, 3}), tensor(second.inputs()[1], {1, 2, 3})}})
          .size(),
      2u);
}

TEST(HostSession, NamesTheInputThatDoesNotFit) {
  const Package package = from(identity_package({1, 4}));
  Session session = Session::open(Backend::kHost);
  EXPECT_THAT(error_of([&] { session.run({}); }).what(), HasSubstr("no model is loaded"));
  session.load(package);
  EXPECT_THAT(error_of([&] { session.run({}); }).what(), HasSubstr("takes 1 inputs, not 0"));
  TensorInfo other = package.inputs()[0];
  other.shape = {4};
  EXPECT_THAT(error_of([&] {
                session.run({{tensor(other, {1, 2, 3, 4})}});
              }).what(),
              HasSubstr("input 0 'x' must be f32 [1, 4], but is f32 [4]"));
  EXPECT_THAT(error_of([&] {
                session.run({{tensor(package.inputs()[0], {1, 2, 3})}});
              }).what(),
              HasSubstr("must have 16 bytes, but has 12"));
  EXPECT_EQ(session.run({{tensor(package.inputs()[0], {1, 2, 3, 4})}}).size(), 1u);
}

TEST(HostSession, RefusesAModelThatDoesNotFitBeforeSendingIt) {
  const PoolLimit limit(1 << 20);
  const Package small = from(identity_package({1, 4}));
  const Package large = from(large_package(3 << 20));
  Session session = Session::open(Backend::kHost);
  session.load(small);
  const std::uint64_t maps = shim::pool_statistics().maps;
  const Error error = error_of([&] { session.load(large); });
  EXPECT_EQ(error.kind(), ErrorKind::kSecureMemory);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("needs 3.0"), HasSubstr("arena 3149824"), HasSubstr("of 1.00 MiB"),
                    HasSubstr("nothing was sent"), HasSubstr("SMARTZONE_SHIM_SECURE_MIB")));
  EXPECT_EQ(shim::pool_statistics().maps, maps);
  // The model from before is still there.
  EXPECT_EQ(session.run({{tensor(small.inputs()[0], {1, 2, 3, 4})}}).size(), 1u);
}

TEST(HostSession, CountsItsOwnMemoryAsSupply) {
  const Package package = from(large_package(600 << 10));
  const PoolLimit limit(shim::pool_statistics().mapped + (1 << 20));
  Session session = Session::open(Backend::kHost);
  session.load(package);
  EXPECT_NO_THROW(session.load(package));  // 2 x 600 KiB would not fit
}

TEST(HostSession, TellsWhichRegionThePoolCouldNotGive) {
  const Package package = from(add_package(5000));
  const std::uint64_t before = shim::pool_statistics().mapped;
  Session session = Session::open(Backend::kHost);
  for (std::uint32_t n = 1; n <= 3; ++n) {
    shim::fail_map(n);
    const Error error = error_of([&] { session.load(package); });
    shim::fail_map(0);
    EXPECT_EQ(error.kind(), ErrorKind::kSecureMemory) << n;
    EXPECT_EQ(error.status(), 400u);
    EXPECT_EQ(error.detail(), n - 1);
    const char* const names[] = {"'control'", "'weights'", "'arena'"};
    EXPECT_THAT(error.what(), HasSubstr(names[n - 1]));
    EXPECT_EQ(shim::pool_statistics().mapped, before);
  }
  session.load(package);
  EXPECT_EQ(session.run({{tensor(package.inputs()[0], std::vector<float>(5000))}}).size(), 1u);
}

TEST(HostSession, RefusesWeightsThatDoNotMatchTheirDigest) {
  engine::testing::SequencePlan sequence = engine::testing::sequence_plan();
  engine::testing::TestPlan plan = sequence.builder.finish();
  ASSERT_FALSE(plan.weights.empty());
  plan.weights[0] ^= std::byte{1};
  const Package package = from(client::testing::package_of(
      plan.plan, plan.weights,
      R"({"format":1,"name":"s","inputs":[{"name":"x","dtype":"f32","shape":[1,6,6,3]}],
          "outputs":[{"name":"y","dtype":"f32","shape":[1,5]}]})"));
  Session session = Session::open(Backend::kHost);
  const Error error = error_of([&] { session.load(package); });
  EXPECT_EQ(error.status(), 501u);
  EXPECT_EQ(error.kind(), ErrorKind::kInput);
  EXPECT_EQ(session.secure_memory().now, 0u);
}

TEST(HostSession, HandsBrokenPlansToTheTrustedApplicationAndTellsItsAnswer) {
  engine::testing::PlanBuilder builder;
  const auto x = builder.arena({1, 4});
  const auto y = builder.arena({1, 4});
  builder.step(ops::OpCode::kCopy, {x}, {y});
  builder.entry({x}, {y});
  builder.tables.tensors[y].offset = 1 << 20;
  const auto plan = builder.finish();
  Session session = Session::open(Backend::kHost);
  const std::string info = client::testing::info_text({1, 4});
  const Error bounds = error_of(
      [&] { session.load(from(client::testing::package_of(plan.plan, plan.weights, info))); });
  EXPECT_EQ(bounds.status(), 308u);
  EXPECT_EQ(bounds.detail(), y);
  const std::vector<std::byte> nothing(40);
  EXPECT_EQ(error_of([&] {
              session.load(from(client::testing::package_of(nothing, {}, info)));
            }).status(),
            200u);
  session.load(from(identity_package({1, 4})));
}

TEST(HostSession, RefusesAPackageThatContradictsItself) {
  engine::testing::PlanBuilder builder;
  const auto x = builder.arena({1, 4});
  const auto y = builder.arena({1, 4});
  builder.step(ops::OpCode::kCopy, {x}, {y});
  builder.entry({x}, {y});
  const auto plan = builder.finish();
  Session session = Session::open(Backend::kHost);
  const auto refused = [&](const std::string& info) {
    return std::string(error_of([&] {
                         session.load(
                             from(client::testing::package_of(plan.plan, plan.weights, info)));
                       }).what());
  };
  const std::string good = client::testing::info_text({1, 4});
  const auto with = [&](const std::string& what, const std::string& by) {
    std::string text = good;
    return text.replace(text.find(what), what.size(), by);
  };
  EXPECT_THAT(refused(client::testing::info_text({1, 400})),
              AllOf(HasSubstr("contradicts itself"), HasSubstr("input 'x' has 400 f32")));
  EXPECT_THAT(refused(with("f32", "i32")), HasSubstr("input 'x' has 4 i32"));
  EXPECT_THAT(
      refused(with(R"("outputs":[)", R"("outputs":[{"name":"z","dtype":"f32","shape":[4]},)")),
      HasSubstr("has 2 outputs, its plan 1"));
  EXPECT_EQ(refused(good), "(no error)");
}

TEST(HostSession, DropsTheModelWhenProgressThrows) {
  const Package package = from(add_package(5000));
  Session session = Session::open(Backend::kHost);
  EXPECT_THROW(session.load(package, [](auto, auto) { throw std::runtime_error("enough"); }),
               std::runtime_error);
  EXPECT_EQ(session.secure_memory().now, 0u);
}

TEST(HostSession, SaysThatItIsNotSecure) {
  Session session = Session::open(Backend::kHost);
  const DeviceInfo info = session.device_info();
  EXPECT_FALSE(info.secure);
  EXPECT_THAT(info.tee, HasSubstr("not secure"));
  EXPECT_EQ(info.protocol_version, static_cast<std::uint32_t>(SMARTZONE_PROTOCOL_VERSION));
  EXPECT_TRUE(info.pool.known);
}

TEST(Sessions, AreIndependent) {
  const Package package = from(identity_package({1, 4}));
  Session a = Session::open(Backend::kHost);
  Session b = Session::open(Backend::kHost);
  a.load(package);
  EXPECT_THROW(b.run({{tensor(package.inputs()[0], {1, 2, 3, 4})}}), Error);
  b.load(package);
  a.unload();
  EXPECT_EQ(b.run({{tensor(package.inputs()[0], {1, 2, 3, 4})}}).size(), 1u);
}

// A transport that answers as a trusted application which dies.
class DyingTransport final : public client::Transport {
 public:
  Backend backend() const override { return Backend::kTee; }
  std::unique_ptr<client::SharedBuffer> allocate(std::size_t) override {
    throw Error("not asked for");
  }
  client::CallResult invoke(std::uint32_t, client::Parameters&) override { return {0xffff3024, 3}; }
  SecurePool pool() override { return {}; }
  std::string description() override { return "test"; }
};

TEST(Session, IsNotOpenedOverATrustedApplicationThatAnswersWrongly) {
  EXPECT_THROW(Session::open(std::make_unique<DyingTransport>()), Error);
}

TEST(Package, NamesTheFileThatIsNotThere) {
  EXPECT_THAT(error_of([] { Package::open("/nowhere/x.szp"); }).what(),
              AllOf(HasSubstr("/nowhere/x.szp"), HasSubstr("No such file")));
  EXPECT_THAT(error_of([] { Package::open("/"); }).what(), HasSubstr("folder"));
}

TEST(Package, RefusesEveryTruncationAndEveryFlippedBit) {
  const std::vector<std::byte> good = identity_package({1, 4});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(from({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}), Error)
        << size;
  }
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::vector<std::byte> bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_THROW(from(std::move(bad)), Error) << "bit " << bit;
  }
}

TEST(Backends, AreKnownByName) {
  EXPECT_EQ(parse_backend("tee"), Backend::kTee);
  EXPECT_EQ(parse_backend("host"), Backend::kHost);
  EXPECT_THROW(parse_backend("gpu"), Error);
  EXPECT_TRUE(backend_available(Backend::kHost));
}

}  // namespace
}  // namespace sz
