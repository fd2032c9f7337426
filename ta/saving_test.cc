// Saved conversations: what goes on where it stopped, and what is refused.

#include "ta/saving.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "shim/secure_pool.h"
#include "shim/system_pta.h"
#include "ta/testing/talking.h"

namespace sz::ta::testing {
namespace {

using Piece = std::vector<std::byte>;
using Pieces = std::vector<Piece>;

class Saved : public Talking {
 protected:
  // All pieces; fails the test where one is refused.
  static Pieces save_all(const Invoke& invoke) {
    Pieces saved;
    std::uint32_t pieces = 1;
    while (saved.size() < pieces) {
      Piece piece(SMARTZONE_SAVED_PIECE_BYTES);
      const Reply reply = save(invoke, static_cast<std::uint32_t>(saved.size()), &piece, &pieces);
      EXPECT_TRUE(reply.ok()) << static_cast<std::uint32_t>(reply.status);
      if (!reply.ok()) return {};
      saved.push_back(piece);
    }
    return saved;
  }

  // What the last piece that was taken said; stops at the first that is refused.
  static Reply resume_all(const Invoke& invoke, const Pieces& saved) {
    Reply reply;
    for (std::uint32_t i = 0; i < saved.size(); ++i) {
      std::uint32_t left = 99;
      reply = resume(invoke, i, saved[i], &left);
      PieceHeader header{};
      std::memcpy(&header, saved[i].data(), sizeof(header));
      EXPECT_EQ(left, reply.ok() ? header.pieces - 1 - i : 0);
      if (!reply.ok()) break;
    }
    return reply;
  }

  // A model whose caches fill several pieces, and a conversation that does.
  static ToyModel large() {
    return {.layers = 2,
            .context = 160,
            .batch = 32,
            .heads = 4,
            .kv_heads = 4,
            .head = 64,
            .cache = ops::BlockFormat::kF32};
  }

  void talk(std::uint64_t seed, std::uint32_t tokens = 10) {
    ASSERT_TRUE(say("Talk to me", lively(seed)).ok());
    answer(invoke_, tokens);
  }
};

// --- going on -----------------------------------------------------------------------------------

// Saves after every call of NEXT, from the untouched prompt to the middle of the answer, and
// resumes in another session; here and there the same text follows.
TEST_F(Saved, GoesOnInAnotherSessionWhereverItStopped) {
  load(toy_);
  const Invoke other = open_other(toy_);
  for (std::uint32_t calls = 0; calls < 9; ++calls) {
    ASSERT_TRUE(say("twenty bytes of text", lively(calls)).ok());
    for (std::uint32_t i = 0; i < calls; ++i) look();
    const Pieces saved = save_all(invoke_);
    ASSERT_EQ(saved.size(), 1u);
    ASSERT_TRUE(resume_all(other, saved).ok());
    const Answer here = answer(invoke_, 10);
    EXPECT_FALSE(here.tokens.empty());
    EXPECT_EQ(answer(other, 10), here) << "after " << calls << " calls";
    ASSERT_TRUE(prompt(other, bytes_of("!"), request()).ok());
    ASSERT_TRUE(say("!").ok());
    EXPECT_EQ(answer(other, 4), answer(invoke_, 4));
  }
}

TEST_F(Saved, KeepsAConversationOfSeveralPieces) {
  load(toy_plan(large()));
  ASSERT_TRUE(say(std::string(140, 'q'), lively()).ok());
  answer(invoke_, 5);
  const Pieces saved = save_all(invoke_);
  EXPECT_EQ(saved.size(), 3u);
  for (const Piece& piece : saved) EXPECT_LE(piece.size(), SMARTZONE_SAVED_PIECE_BYTES);
  const Answer rest = answer(invoke_, 8);
  ASSERT_TRUE(say("something else", lively(7)).ok());
  answer(invoke_, 5);
  ASSERT_TRUE(resume_all(invoke_, saved).ok());
  EXPECT_EQ(answer(invoke_, 8), rest);
}

TEST_F(Saved, OnlyWhatIsInUseIsSaved) {
  load(toy_plan(large()));
  ASSERT_TRUE(say("short", lively()).ok());
  EXPECT_EQ(save_all(invoke_).size(), 1u);
}

TEST_F(Saved, AnEmptyConversationCanBeSaved) {
  load(toy_);
  const Pieces saved = save_all(invoke_);
  talk(1);
  ASSERT_TRUE(resume_all(invoke_, saved).ok());
  expect_empty_conversation();
}

TEST_F(Saved, TheSamplerGoesOnToo) {
  load(toy_);
  talk(3, 4);
  const Pieces saved = save_all(invoke_);
  const Answer rest = answer(invoke_, 12);
  ASSERT_TRUE(say("x", lively(99)).ok());
  ASSERT_TRUE(resume_all(invoke_, saved).ok());
  EXPECT_EQ(answer(invoke_, 12), rest);
}

TEST_F(Saved, SavingChangesNothing) {
  load(toy_);
  talk(5, 4);
  const Answer rest = answer(invoke_, 8);
  talk(5, 4);
  save_all(invoke_);
  EXPECT_EQ(answer(invoke_, 8), rest);
}

// --- what is to be seen of it -------------------------------------------------------------------

TEST_F(Saved, TwoSavingsHaveNothingInCommonAndShowNoTokens) {
  load(toy_);
  const std::string text(30, 'z');
  ASSERT_TRUE(say(text, request()).ok());
  const Piece first = save_all(invoke_)[0];
  const Piece second = save_all(invoke_)[0];
  ASSERT_EQ(first.size(), second.size());
  std::size_t equal = 0;
  for (std::size_t i = sizeof(PieceHeader); i < first.size(); ++i) {
    equal += first[i] == second[i] ? 1 : 0;
  }
  EXPECT_LT(equal, (first.size() - sizeof(PieceHeader)) / 16);
  const std::vector<std::uint32_t> tokens(2, 3 + 'z');
  const auto needle = std::as_bytes(std::span(tokens));
  EXPECT_EQ(std::search(first.begin(), first.end(), needle.begin(), needle.end()), first.end());
}

// --- refused ------------------------------------------------------------------------------------

TEST_F(Saved, EveryFlippedBitIsRefusedAndTheSessionStaysUsable) {
  load(toy_plan({.layers = 1, .context = 16, .heads = 1, .kv_heads = 1, .head = 4}));
  ASSERT_TRUE(say("ab", lively()).ok());
  const Answer begun = answer(invoke_, 2);
  Pieces saved = save_all(invoke_);
  ASSERT_EQ(saved.size(), 1u);
  const Answer rest = answer(invoke_, 3);
  constexpr std::size_t kPlanBegin = offsetof(PieceHeader, plan_sha256);
  constexpr std::size_t kVersion = offsetof(PieceHeader, version);
  for (std::size_t bit = 0; bit < saved[0].size() * 8; ++bit) {
    saved[0][bit / 8] ^= std::byte(1u << bit % 8);
    const std::size_t byte = bit / 8;
    const bool foreign =
        (byte >= kVersion && byte < kVersion + 4) || (byte >= kPlanBegin && byte < kPlanBegin + 32);
    ASSERT_EQ(resume_all(invoke_, saved),
              (Reply{0, foreign ? Status::kSavedForeign : Status::kSavedDamaged, 0}))
        << "bit " << bit;
    saved[0][bit / 8] ^= std::byte(1u << bit % 8);
  }
  expect_empty_conversation();
  ASSERT_TRUE(resume_all(invoke_, saved).ok());
  EXPECT_EQ(answer(invoke_, 3), rest);
}

TEST_F(Saved, CutsAndAdditionsAreRefused) {
  load(toy_);
  talk(1);
  const Piece whole = save_all(invoke_)[0];
  std::uint32_t left = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_EQ(resume(invoke_, 0, Bytes(whole).first(size), &left).status, Status::kSavedDamaged);
  }
  Piece longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_EQ(resume(invoke_, 0, longer, &left).status, Status::kSavedDamaged);
  EXPECT_EQ(resume(invoke_, 0, {}, &left).status, Status::kSavedDamaged);
  expect_empty_conversation();
  EXPECT_TRUE(resume(invoke_, 0, whole, &left).ok());
}

TEST_F(Saved, PiecesSwappedDroppedRepeatedOrMixedAreRefused) {
  load(toy_plan(large()));
  ASSERT_TRUE(say(std::string(140, 'q'), lively()).ok());
  answer(invoke_, 5);
  const Pieces one = save_all(invoke_);
  const Pieces other = save_all(invoke_);
  ASSERT_EQ(one.size(), 3u);
  const Reply damaged1 = {0, Status::kSavedDamaged, 1};
  const Reply damaged2 = {0, Status::kSavedDamaged, 2};
  EXPECT_EQ(resume_all(invoke_, {one[0], one[2]}), damaged1);
  EXPECT_EQ(resume_all(invoke_, {one[0], one[0]}), damaged1);
  EXPECT_EQ(resume_all(invoke_, {one[0], other[1]}), damaged1);
  EXPECT_EQ(resume_all(invoke_, {one[0], one[1], other[2]}), damaged2);
  EXPECT_EQ(resume_all(invoke_, {one[1]}), (Reply{0, Status::kSavedDamaged, 0}));

  // Another saving's piece under this one's header.
  Piece dressed = other[1];
  std::memcpy(dressed.data(), one[1].data(), sizeof(PieceHeader));
  EXPECT_EQ(resume_all(invoke_, {one[0], dressed}), damaged1);

  std::uint32_t left = 0;
  ASSERT_TRUE(resume(invoke_, 0, one[0], &left).ok());
  EXPECT_EQ(resume(invoke_, 2, one[2], &left), (Reply{0, Status::kBadParameters, 1}));
  EXPECT_EQ(resume(invoke_, 1, one[1], &left), (Reply{0, Status::kBadParameters, 1}));
  expect_empty_conversation();
  EXPECT_TRUE(resume_all(invoke_, one).ok());
}

TEST_F(Saved, AResumptionThatIsInterruptedIsForgotten) {
  load(toy_plan(large()));
  ASSERT_TRUE(say(std::string(140, 'q'), lively()).ok());
  answer(invoke_, 5);
  const Pieces saved = save_all(invoke_);
  std::uint32_t left = 0;
  ASSERT_TRUE(resume(invoke_, 0, saved[0], &left).ok());
  EXPECT_EQ(left, 2u);
  expect_empty_conversation();
  EXPECT_EQ(resume(invoke_, 1, saved[1], &left).status, Status::kBadParameters);
}

TEST_F(Saved, AnotherModelOrDeviceDoesNotTakeIt) {
  load(toy_);
  talk(1);
  const Pieces saved = save_all(invoke_);
  for (const ToyModel& model : {ToyModel{.seed = 2}, ToyModel{.context = 41}}) {
    load(toy_plan(model));
    EXPECT_EQ(resume_all(invoke_, saved), (Reply{0, Status::kSavedForeign, 0}));
    expect_empty_conversation();
  }
  load(toy_);
  EXPECT_TRUE(resume_all(invoke_, saved).ok());
  shim::change_device_key();
  EXPECT_EQ(resume_all(invoke_, saved), (Reply{0, Status::kSavedDamaged, 0}));
  expect_empty_conversation();
}

TEST_F(Saved, PiecesAreSavedInOrderWithNothingInBetween) {
  load(toy_plan(large()));
  ASSERT_TRUE(say(std::string(140, 'q'), lively()).ok());
  answer(invoke_, 2);
  Piece piece(SMARTZONE_SAVED_PIECE_BYTES);
  std::uint32_t pieces = 0;
  const auto attempt = [&](std::uint32_t number) {
    piece.resize(SMARTZONE_SAVED_PIECE_BYTES);
    return save(invoke_, number, &piece, &pieces);
  };
  const Reply refused = {0, Status::kBadParameters, 1};
  EXPECT_EQ(attempt(1), refused);
  ASSERT_TRUE(attempt(0).ok());
  EXPECT_EQ(attempt(2), refused);
  EXPECT_EQ(attempt(1), refused);  // the mistake has ended it
  ASSERT_TRUE(attempt(0).ok());
  look();
  EXPECT_EQ(attempt(1), refused);
  ASSERT_TRUE(attempt(0).ok());
  facts();  // harmless
  ASSERT_TRUE(attempt(1).ok());
  ASSERT_TRUE(attempt(2).ok());
  EXPECT_EQ(attempt(3), refused);
  piece.resize(SMARTZONE_SAVED_PIECE_BYTES - 1);
  EXPECT_EQ(save(invoke_, 0, &piece, &pieces),
            (Reply{0, Status::kBufferTooSmall, SMARTZONE_SAVED_PIECE_BYTES}));
}

TEST_F(Saved, AFullHeapIsSaidAndChangesNothingButTheResumption) {
  load(toy_);
  talk(1, 4);
  const Pieces saved = save_all(invoke_);
  const Answer rest = answer(invoke_, 6);
  std::uint32_t refused = 0;
  for (std::uint32_t n = 1; n <= 8; ++n) {
    ASSERT_TRUE(resume_all(invoke_, saved).ok());
    Piece piece(SMARTZONE_SAVED_PIECE_BYTES);
    std::uint32_t pieces = 0;
    shim::inject_fault(shim::Fault::kHeap, n);
    const Reply reply = save(invoke_, 0, &piece, &pieces);
    shim::inject_fault(shim::Fault::kHeap, 0);
    if (!reply.ok()) {
      EXPECT_EQ(reply, (Reply{0, Status::kOutOfSecureMemory, 4}));
      ++refused;
    }
    EXPECT_EQ(answer(invoke_, 6), rest);
    shim::inject_fault(shim::Fault::kHeap, n);
    EXPECT_EQ(resume_all(invoke_, saved).ok(), reply.ok());
    shim::inject_fault(shim::Fault::kHeap, 0);
    if (!reply.ok()) expect_empty_conversation();
  }
  EXPECT_EQ(refused, 3u);  // the operation, the session with "system", the key
}

// The normal world puts another saving in place at the n-th event of RESUME. A trusted OS reads
// what it decrypts several times; whatever is taken is one of both as a whole.
TEST_F(Saved, APieceThatChangesDuringTheCallIsOneOfBothOrRefused) {
  load(toy_);
  ASSERT_TRUE(say("aaaa", lively()).ok());
  answer(invoke_, 4);
  const Pieces one = save_all(invoke_);
  const Answer rest_of_one = answer(invoke_, 6);
  ASSERT_TRUE(say("bbbb", lively()).ok());
  answer(invoke_, 4);
  const Pieces other = save_all(invoke_);
  const Answer rest_of_other = answer(invoke_, 6);
  ASSERT_EQ(one[0].size(), other[0].size());
  std::uint32_t events = 0;
  int taken = 0;
  for (std::uint32_t when = 0; when <= events; ++when) {
    session_->set_mutator([&](std::uint32_t event, const shim::SharedMemory& memory) {
      events = std::max(events, event);
      if (event == when) std::memcpy(memory[0].data(), other[0].data(), other[0].size());
    });
    const Reply reply = resume_all(invoke_, one);
    session_->set_mutator({});
    if (!reply.ok()) {
      EXPECT_EQ(reply.status, Status::kSavedDamaged);
      expect_empty_conversation();
      continue;
    }
    ++taken;
    const Answer rest = answer(invoke_, 6);
    EXPECT_TRUE(rest == rest_of_one || rest == rest_of_other) << "event " << when;
  }
  EXPECT_GT(events, 20u);
  EXPECT_GE(taken, 2);
}

}  // namespace
}  // namespace sz::ta::testing
