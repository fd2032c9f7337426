// Lenders against a pseudo-TA of the test's own.
#include "client/lenders.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>

#include "client/errors.h"
#include "protocol/secure_cores.h"

namespace sz::client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kGroup = 0x1122334455667788;
constexpr Loan kWorked{kTeeSuccess, SECURE_CORES_EXIT_RETURN, 3};
constexpr Loan kIdle{kTeeSuccess, SECURE_CORES_EXIT_RETURN, 0};
constexpr Loan kEvicted{kTeeSuccess, SECURE_CORES_EXIT_EVICTED, 0};
constexpr Loan kFaulted{kTeeSuccess, SECURE_CORES_EXIT_FAULT, 0};

// What the lenders meet: `lend` is called by every thread for every visit.
struct FakePseudoTa {
  std::function<Loan(std::uint64_t group)> lend;
  std::atomic<std::uint32_t> opened{0};
  std::atomic<std::uint32_t> closed{0};
  std::atomic<std::uint32_t> calls{0};

  OpenLender opener() {
    return [this] {
      ++opened;
      return std::make_unique<Way>(*this);
    };
  }

 private:
  class Way final : public Lender {
   public:
    explicit Way(FakePseudoTa& ta) : ta_(ta) {}
    ~Way() override { ++ta_.closed; }
    Loan lend(std::uint64_t group) override {
      ++ta_.calls;
      return ta_.lend(group);
    }

   private:
    FakePseudoTa& ta_;
  };
};

// Waits until it is so; false if that takes absurdly long.
bool eventually(const std::function<bool()>& so) {
  const auto limit = std::chrono::steady_clock::now() + seconds(60);
  while (!so()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(microseconds(50));
  }
  return true;
}

Loan turned_away(std::uint32_t result) { return {result, 0, 0}; }

TEST(Lenders, RestUntilTheyAreCalled) {
  FakePseudoTa ta;
  ta.lend = [](std::uint64_t) { return kWorked; };
  Lenders lenders(3, ta.opener());
  EXPECT_EQ(lenders.count(), 3u);
  ASSERT_TRUE(eventually([&] { return ta.opened == 3; }));
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(ta.calls, 0u);
  EXPECT_TRUE(lenders.resting());
}

TEST(Lenders, AllEnterTheGroupAndComeAgainUntilTheEnd) {
  FakePseudoTa ta;
  std::atomic<std::uint32_t> inside{0}, most{0};
  ta.lend = [&](std::uint64_t group) {
    EXPECT_EQ(group, kGroup);
    const std::uint32_t now = ++inside;
    if (now > most) most = now;
    std::this_thread::sleep_for(microseconds(200));
    --inside;
    return kWorked;
  };
  Lenders lenders(3, ta.opener());
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return most == 3 && ta.calls > 30; }));
  EXPECT_FALSE(lenders.resting());
  lenders.end();
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  const std::uint32_t calls = ta.calls;
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(ta.calls, calls);
  const LendingCounters counters = lenders.counters();
  EXPECT_EQ(counters.visits, calls);
  EXPECT_EQ(counters.parts, 3u * calls);
  EXPECT_EQ(counters.failed, 0u);
}

// No wake-up is lost, however short the run: each round is seen, or was over before.
TEST(Lenders, ComeInEveryRunThatWaitsForThem) {
  FakePseudoTa ta;
  std::atomic<std::uint64_t> last{0};
  ta.lend = [&](std::uint64_t group) {
    last = group;
    return kWorked;
  };
  Lenders lenders(2, ta.opener());
  for (std::uint64_t run = 1; run <= 2000; ++run) {
    lenders.begin(run);
    if (run % 3 != 0) {
      ASSERT_TRUE(eventually([&] { return last == run; })) << run;
    }
    lenders.end();
  }
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
}

TEST(Lenders, BackOffWhileThereIsNothingToDoAndComeBackForWork) {
  for (const Loan& answer : {kIdle, kEvicted, kFaulted, turned_away(kTeeBusy),
                             turned_away(kTeeItemNotFound), turned_away(kTeeOutOfMemory)}) {
    FakePseudoTa ta;
    std::atomic<bool> work{false};
    ta.lend = [&](std::uint64_t) { return work ? kWorked : answer; };
    Lenders lenders(1, ta.opener(), {milliseconds(2), milliseconds(20)});
    const auto begin = std::chrono::steady_clock::now();
    lenders.begin(kGroup);
    std::this_thread::sleep_for(milliseconds(50));
    const std::uint32_t calls = ta.calls;
    const auto waited = std::chrono::steady_clock::now() - begin;
    // Pauses of 2, 4, 8, 16, 20, 20 ... ms: without them it would be thousands of calls.
    EXPECT_LE(calls, 5 + waited / milliseconds(20));
    work = true;
    const std::uint32_t before = ta.calls;
    EXPECT_TRUE(eventually([&] { return ta.calls > before + 100; }));
    lenders.end();
    ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
    EXPECT_EQ(ta.opened, 1u);
    EXPECT_EQ(lenders.last_failure(), "");
  }
}

TEST(Lenders, CountHowVisitsEnded) {
  FakePseudoTa ta;
  ta.lend = [&](std::uint64_t) {
    switch (ta.calls) {
      case 1:
        return kEvicted;
      case 2:
        return kFaulted;
      case 3:
        return turned_away(kTeeBusy);
      default:
        return kWorked;
    }
  };
  Lenders lenders(1, ta.opener(), {microseconds(1), microseconds(1)});
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return ta.calls > 4; }));
  lenders.end();
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  const LendingCounters counters = lenders.counters();
  EXPECT_EQ(counters.evicted, 1u);
  EXPECT_EQ(counters.faulted, 1u);
  EXPECT_EQ(counters.refused, 1u);
  EXPECT_EQ(counters.visits + counters.refused, ta.calls);
}

TEST(Lenders, ThatAreLateHelpNobodyAndDoNoHarm) {
  FakePseudoTa ta;
  std::atomic<bool> open_now{false};
  ta.lend = [](std::uint64_t) { return kWorked; };
  const OpenLender inner = ta.opener();
  Lenders lenders(1, [&] {
    while (!open_now) std::this_thread::yield();
    return inner();
  });
  lenders.begin(kGroup);
  lenders.end();
  open_now = true;
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  EXPECT_EQ(ta.calls, 0u);
  lenders.begin(kGroup);
  EXPECT_TRUE(eventually([&] { return ta.calls > 0; }));
  lenders.end();
}

TEST(Lenders, OpenANewWayAfterAnError) {
  FakePseudoTa ta;
  std::atomic<bool> broken{true};
  ta.lend = [&](std::uint64_t) { return broken ? turned_away(kTeeTargetDead) : kWorked; };
  Lenders lenders(1, ta.opener());
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  lenders.end();
  EXPECT_EQ(ta.calls, 1u);
  EXPECT_EQ(ta.closed, 1u);
  EXPECT_EQ(lenders.counters().failed, 1u);
  EXPECT_NE(lenders.last_failure().find("0xffff3024"), std::string::npos);
  broken = false;
  lenders.begin(kGroup);
  EXPECT_TRUE(eventually([&] { return lenders.counters().visits > 0; }));
  lenders.end();
  EXPECT_EQ(ta.opened, 2u);
}

TEST(Lenders, GiveUpWhereNoWayOpens) {
  std::atomic<std::uint32_t> tries{0};
  Lenders lenders(1, [&]() -> std::unique_ptr<Lender> {
    ++tries;
    throw Error("no way");
  });
  for (int run = 0; run < 20; ++run) {
    lenders.begin(kGroup);
    ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
    lenders.end();
  }
  EXPECT_EQ(tries, 3u);
  EXPECT_EQ(lenders.counters().failed, 3u);
  EXPECT_EQ(lenders.last_failure(), "no way");
}

TEST(Lenders, MayBeDestroyedWhileTheyAreInside) {
  for (int round = 0; round < 50; ++round) {
    FakePseudoTa ta;
    std::atomic<bool> patience_over{false};
    std::atomic<std::uint32_t> inside{0};
    ta.lend = [&](std::uint64_t) {
      ++inside;
      while (!patience_over) std::this_thread::yield();
      --inside;
      return kIdle;
    };
    std::thread helper_loses_patience;
    {
      Lenders lenders(2, ta.opener());
      lenders.begin(kGroup);
      if (round % 2 == 0) {
        ASSERT_TRUE(eventually([&] { return inside == 2; }));
      }
      helper_loses_patience = std::thread([&] {
        std::this_thread::sleep_for(microseconds(100));
        patience_over = true;
      });
    }
    EXPECT_EQ(inside, 0u);
    EXPECT_EQ(ta.closed, ta.opened);
    helper_loses_patience.join();
  }
}

TEST(Lenders, MayBeDestroyedWhileTheyPause) {
  FakePseudoTa ta;
  ta.lend = [](std::uint64_t) { return kIdle; };
  const auto begin = std::chrono::steady_clock::now();
  {
    Lenders lenders(2, ta.opener(), {seconds(600), seconds(600)});
    lenders.begin(kGroup);
    ASSERT_TRUE(eventually([&] { return ta.calls == 2; }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(300));
}

TEST(Lenders, GoToRestByThemselvesWhereTold) {
  FakePseudoTa ta;
  std::atomic<std::uint32_t> work{0};
  ta.lend = [&](std::uint64_t) { return ta.calls <= work ? kWorked : kIdle; };
  Lenders lenders(1, ta.opener(), {microseconds(1), microseconds(1), 5});
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  EXPECT_EQ(ta.calls, 5u);
  ta.calls = 0;
  work = 7;
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  EXPECT_EQ(ta.calls, 12u);
}

TEST(Lenders, LeaveSignalsToTheOthers) {
  FakePseudoTa ta;
  std::atomic<int> blocked{0}, checked{0};
  ta.lend = [&](std::uint64_t) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGUSR1}) {
      blocked += sigismember(&mask, signal) == 1 ? 1 : 0;
      ++checked;
    }
    return kIdle;
  };
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Lenders lenders(1, ta.opener());
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
  lenders.begin(kGroup);
  ASSERT_TRUE(eventually([&] { return checked >= 4; }));
  lenders.end();
  ASSERT_TRUE(eventually([&] { return lenders.resting(); }));
  EXPECT_EQ(blocked, checked);
}

TEST(Lenders, MayBeNone) {
  FakePseudoTa ta;
  Lenders lenders(0, ta.opener());
  lenders.begin(kGroup);
  EXPECT_TRUE(lenders.resting());
  lenders.end();
  EXPECT_EQ(ta.opened, 0u);
}

}  // namespace
}  // namespace sz::client
