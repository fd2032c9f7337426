// What a session does with a language model: prompts and answers, in every state and order.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "engine/model.h"
#include "ta/testing/talking.h"

namespace sz::ta::testing {
namespace {

constexpr std::uint32_t kReady = SMARTZONE_STATE_READY;

// The five commands, one after the other; what each said.
std::vector<Reply> say_anything(const Invoke& invoke) {
  std::string text(1024, 'x');
  std::vector<float> logits(8);
  std::vector<std::byte> piece(SMARTZONE_SAVED_PIECE_BYTES);
  smartzone_next next_reply{};
  smartzone_score score_reply{};
  std::uint32_t count = 0;
  const std::vector<Reply> replies = {
      prompt(invoke, bytes_of("a"), request()), next(invoke, 1, &text, &next_reply),
      score(invoke, 1, &logits, &score_reply), save(invoke, 0, &piece, &count),
      resume(invoke, 0, bytes_of("x"), &count)};
  EXPECT_TRUE(text.empty());
  EXPECT_TRUE(logits.empty());
  EXPECT_TRUE(piece.empty());
  return replies;
}

void expect_bad_state(const std::vector<Reply>& replies, std::uint32_t state) {
  for (std::size_t i = 0; i < replies.size(); ++i) {
    EXPECT_EQ(replies[i], (Reply{0, Status::kBadState, state})) << "command " << i;
  }
}

TEST_F(Talking, WantsALanguageModelThatIsReady) {
  expect_bad_state(say_anything(invoke_), SMARTZONE_STATE_EMPTY);
  ASSERT_TRUE(load_begin(invoke_, toy_.plan).ok());
  expect_bad_state(say_anything(invoke_), SMARTZONE_STATE_LOADING);
  ASSERT_TRUE(load_weights(invoke_, toy_.weights, 0).ok());
  ASSERT_TRUE(load_end(invoke_).ok());
  expect_empty_conversation();
  ASSERT_TRUE(load_model(invoke_, plan_.plan, plan_.weights).ok());
  expect_bad_state(say_anything(invoke_), kReady);
  ASSERT_TRUE(unload(invoke_).ok());
  expect_bad_state(say_anything(invoke_), SMARTZONE_STATE_EMPTY);
}

TEST_F(Talking, CannotBeRunAsANetworkIs) {
  load(toy_);
  EXPECT_EQ(facts().inputs_bytes, 0u);
  EXPECT_EQ(facts().outputs_bytes, 0u);
  std::vector<std::byte> outputs(4096);
  for (std::uint32_t entry = 0; entry < 3; ++entry) {
    outputs.resize(4096);
    EXPECT_EQ(run(invoke_, std::vector<std::byte>(32), &outputs, entry),
              (Reply{0, Status::kBadEntryPoint, entry}));
  }
}

TEST_F(Talking, MapsWhatTheEngineAsksForAndNoMore) {
  package::PlanHeader header;
  std::memcpy(&header, toy_.plan.data(), sizeof(header));
  for (const std::uint32_t cores : {1u, 3u}) {
    session_.reset();
    ASSERT_EQ(shim::LoopbackSession::open(&session_), 0u);
    invoke_ = invoke_of(*session_);
    load(toy_, cores);
    ASSERT_TRUE(say("Once upon a time", lively()).ok());
    answer(invoke_, 12, 4, cores);
    std::vector<std::byte> piece(SMARTZONE_SAVED_PIECE_BYTES);
    std::uint32_t pieces = 0;
    ASSERT_TRUE(save(invoke_, 0, &piece, &pieces).ok());
    engine::MemoryNeed need;
    ASSERT_TRUE(engine::memory_need(header, cores, &need).ok());
    const smartzone_info now = facts();
    EXPECT_EQ(now.mapped_peak, need.in_pages());
    EXPECT_EQ(now.mapped_now, need.in_pages());
    EXPECT_EQ(mapped(), need.in_pages());
    EXPECT_GT(now.state_mapped, 0u);
    EXPECT_GT(now.language_mapped, 0u);
  }
}

TEST_F(Talking, RefusesAModelWhoseTokenizerIsDamaged) {
  engine::testing::PlanBuilder builder = language::testing::toy_model();
  builder.tables.header.language_bytes = language::generator_bytes(builder.tables.language[0]);
  builder.tables.language[0].tokenizer_offset -= 64;
  const engine::testing::TestPlan plan = builder.finish();
  EXPECT_EQ(load_model(invoke_, plan.plan, plan.weights).status, Status::kTokenizerInvalid);
  expect_empty();
}

TEST_F(Talking, RefusesTooLittleMemoryForTheConversation) {
  engine::testing::PlanBuilder builder = language::testing::toy_model();
  builder.tables.header.language_bytes = language::generator_bytes(builder.tables.language[0]) - 64;
  const engine::testing::TestPlan plan = builder.finish();
  EXPECT_EQ(load_model(invoke_, plan.plan, plan.weights).status, Status::kLanguageInvalid);
  expect_empty();
}

// --- answers ------------------------------------------------------------------------------------

TEST_F(Talking, SaysTheSameInCallsOfAnySizeAndOnAnyCores) {
  load(toy_, 3);
  ASSERT_TRUE(say("Tell me", lively()).ok());
  const Answer whole = answer(invoke_, 20, 20);
  EXPECT_EQ(whole.tokens.size(), 20u);
  EXPECT_FALSE(whole.text.empty());
  for (const std::uint32_t in_one_call : {1u, 3u}) {
    ASSERT_TRUE(say("Tell me", lively()).ok());
    EXPECT_EQ(answer(invoke_, 20, in_one_call, 1 + in_one_call % 3), whole);
  }
  ASSERT_TRUE(say("Tell me", lively(2)).ok());
  EXPECT_NE(answer(invoke_, 20).text, whole.text);
  ASSERT_TRUE(say("Tell him", lively()).ok());
  EXPECT_NE(answer(invoke_, 20).text, whole.text);
}

TEST_F(Talking, ComputesALongPromptBatchByBatch) {
  load(toy_);
  ASSERT_TRUE(say("twenty bytes of text", lively()).ok());
  EXPECT_EQ(waiting_, 21u);  // with bos
  EXPECT_EQ(position_, 0u);
  std::uint32_t calls = 0;
  smartzone_next reply{};
  while ((reply = look()).progress == SMARTZONE_PROGRESS_PROMPT) {
    ++calls;
    EXPECT_EQ(reply.position, std::min(8 * calls, 21u));
    EXPECT_EQ(reply.position + reply.waiting, 21u);
    EXPECT_EQ(reply.tokens, 0u);
  }
  EXPECT_EQ(calls, 3u);
  EXPECT_EQ(reply.progress, static_cast<std::uint32_t>(SMARTZONE_PROGRESS_TOKEN));
  EXPECT_EQ(reply.tokens, 1u);
}

TEST_F(Talking, AStopBetweenTwoTokensChangesNothing) {
  load(toy_);
  ASSERT_TRUE(say("Go on", lively()).ok());
  const Answer whole = answer(invoke_, 16);
  ASSERT_TRUE(say("Go on", lively()).ok());
  Answer parts = answer(invoke_, 5);
  smartzone_info between{};
  ASSERT_TRUE(info(invoke_, &between).ok());
  const Answer rest = answer(invoke_, 11);
  parts.text += rest.text;
  parts.tokens.insert(parts.tokens.end(), rest.tokens.begin(), rest.tokens.end());
  EXPECT_EQ(parts.text, whole.text);
  EXPECT_EQ(parts.tokens, whole.tokens);
}

// A prompt after an answer goes on with all that was said; the same tokens from the start give the
// same.
TEST_F(Talking, APromptAfterAnAnswerContinuesTheConversation) {
  load(toy_);
  ASSERT_TRUE(say("ab", lively()).ok());
  const Answer first = answer(invoke_, 3);
  ASSERT_TRUE(say("cd").ok());
  smartzone_prompt greedy = request(SMARTZONE_PROMPT_SAMPLING);
  ASSERT_TRUE(say("", greedy).ok());
  const Answer second = answer(invoke_, 6);

  std::vector<std::uint32_t> tokens = {1, 3 + 'a', 3 + 'b'};
  tokens.insert(tokens.end(), first.tokens.begin(), first.tokens.end());
  tokens.insert(tokens.end(), {3 + 'c', 3 + 'd'});
  greedy.flags |= SMARTZONE_PROMPT_RESTART | SMARTZONE_PROMPT_TOKENS;
  ASSERT_TRUE(prompt(invoke_, std::as_bytes(std::span(tokens)), greedy, &waiting_).ok());
  EXPECT_EQ(waiting_, tokens.size());
  EXPECT_EQ(answer(invoke_, 6), second);
}

TEST_F(Talking, ARestartForgetsWhatWasSaid) {
  load(toy_);
  ASSERT_TRUE(say("first", lively()).ok());
  const Answer first = answer(invoke_, 8);
  ASSERT_TRUE(say(" second").ok());
  answer(invoke_, 8);
  ASSERT_TRUE(say("first", lively()).ok());
  EXPECT_EQ(position_, 0u);
  EXPECT_EQ(answer(invoke_, 8), first);
  ASSERT_TRUE(say("", request(SMARTZONE_PROMPT_RESTART)).ok());
  EXPECT_EQ(waiting_, 1u);  // bos
  ASSERT_TRUE(say("", request(SMARTZONE_PROMPT_RESTART | SMARTZONE_PROMPT_TOKENS)).ok());
  EXPECT_EQ(waiting_, 0u);
  expect_empty_conversation();
}

TEST_F(Talking, EndsItsAnswerWithoutShowingTheEnd) {
  load(toy_);
  bool ended = false;
  for (std::uint64_t seed = 0; seed < 200 && !ended; ++seed) {
    smartzone_prompt wild = lively(seed);
    wild.temperature = 50.0f;
    wild.top_k = 0;
    ASSERT_TRUE(say("x", wild).ok());
    const Answer said = answer(invoke_, 30);
    ended = said.progress == SMARTZONE_PROGRESS_END_OF_TEXT;
    EXPECT_EQ(said.text.find("</s>"), std::string::npos);
    for (const std::uint32_t token : said.tokens) EXPECT_NE(token, 2u);
  }
  EXPECT_TRUE(ended);
}

TEST_F(Talking, StopsWhenTheContextIsFullAndCanStartAgain) {
  load(toy_);
  ASSERT_TRUE(say("abc", lively()).ok());
  Answer said = answer(invoke_, 1000);
  for (std::uint64_t seed = 2; said.progress != SMARTZONE_PROGRESS_CONTEXT_FULL; ++seed) {
    ASSERT_EQ(said.progress, static_cast<std::uint32_t>(SMARTZONE_PROGRESS_END_OF_TEXT));
    ASSERT_TRUE(say("abc", lively(seed)).ok());
    said = answer(invoke_, 1000);
  }
  EXPECT_EQ(look().progress, static_cast<std::uint32_t>(SMARTZONE_PROGRESS_CONTEXT_FULL));
  EXPECT_EQ(say("more than one token").status, Status::kPromptTooLong);
  EXPECT_EQ(look().progress, static_cast<std::uint32_t>(SMARTZONE_PROGRESS_CONTEXT_FULL));
  ASSERT_TRUE(say("abc", lively()).ok());
  EXPECT_EQ(answer(invoke_, 3).tokens.size(), 3u);
}

// --- what is refused -----------------------------------------------------------------------------

TEST_F(Talking, ARefusedPromptChangesNothing) {
  load(toy_);
  ASSERT_TRUE(say("Tell me", lively()).ok());
  const Answer first = answer(invoke_, 4);
  const Answer second = answer(invoke_, 8);
  ASSERT_TRUE(say("Tell me", lively()).ok());
  EXPECT_EQ(answer(invoke_, 4), first);

  const std::uint32_t restart = SMARTZONE_PROMPT_RESTART;
  EXPECT_EQ(say("good \xc3(", request(restart)), (Reply{0, Status::kBadText, 5}));
  EXPECT_EQ(say("\xf0\x9f\x98").status, Status::kBadText);
  EXPECT_EQ(say(std::string(257, 'a'), request(restart)), (Reply{0, Status::kPromptTooLong, 256}));
  EXPECT_EQ(say(std::string(60, 'a'), request(restart)).status, Status::kPromptTooLong);
  EXPECT_EQ(say(std::string(38, 'a')).status, Status::kPromptTooLong);
  EXPECT_EQ(say("a", request(16)), (Reply{0, Status::kBadParameters, 1}));
  smartzone_prompt odd = request(restart);
  odd.reserved = 1;
  EXPECT_EQ(say("a", odd), (Reply{0, Status::kBadParameters, 1}));

  const std::uint32_t tokens = restart | SMARTZONE_PROMPT_TOKENS;
  EXPECT_EQ(say("abc", request(tokens)), (Reply{0, Status::kBadParameters, 0}));
  EXPECT_EQ(say(std::string("\0\0\0\0\4\1\0\0", 8), request(tokens)),
            (Reply{0, Status::kBadToken, 1}));
  EXPECT_EQ(say(std::string(41 * 4, '\0'), request(tokens)).status, Status::kPromptTooLong);
  EXPECT_EQ(say(std::string(1024, '\0'), request(tokens)).status, Status::kPromptTooLong);
  EXPECT_EQ(answer(invoke_, 8), second);
}

TEST_F(Talking, RefusesSettingsOutOfRangeByNumber) {
  load(toy_);
  const auto refused = [&](auto change) {
    smartzone_prompt settings = request(SMARTZONE_PROMPT_SAMPLING);
    change(settings);
    const Reply reply = say("a", settings);
    EXPECT_EQ(reply.status, Status::kBadSampling);
    expect_empty_conversation();
    return reply.detail;
  };
  const float nan = std::nanf("");
  EXPECT_EQ(refused([&](auto& s) { s.temperature = -1; }), 0u);
  EXPECT_EQ(refused([&](auto& s) { s.temperature = nan; }), 0u);
  EXPECT_EQ(refused([&](auto& s) { s.top_p = 0; }), 2u);
  EXPECT_EQ(refused([&](auto& s) { s.min_p = 1.5f; }), 3u);
  EXPECT_EQ(refused([&](auto& s) { s.repeat_penalty = nan; }), 4u);
  smartzone_prompt unused = request();
  unused.temperature = nan;  // not looked at without the flag
  EXPECT_TRUE(say("a", unused).ok());
}

TEST_F(Talking, PromptWantsTheWholeRequest) {
  load(toy_);
  smartzone_prompt how = request();
  for (const std::size_t size : {std::size_t{0}, sizeof(how) - 1, sizeof(how)}) {
    shim::Params params;
    params[0] = {.kind = shim::Param::Kind::kMemrefIn, .data = nullptr, .size = 0};
    params[1] = {.kind = shim::Param::Kind::kMemrefIn, .data = &how, .size = size};
    params[2] = {.kind = shim::Param::Kind::kValueOut};
    params[3] = {.kind = shim::Param::Kind::kValueOut};
    EXPECT_EQ(session_->invoke(SMARTZONE_CMD_PROMPT, params), 0u);
    EXPECT_EQ(params[3].a == 0, size == sizeof(how));
  }
}

TEST_F(Talking, NextChecksTokensCoresAndRoom) {
  load(toy_, 2);
  ASSERT_TRUE(say("abc", lively()).ok());
  const auto attempt = [&](std::uint32_t most, std::uint32_t cores, std::size_t room) {
    std::string text(room, '\0');
    smartzone_next reply{};
    const Reply said = next(invoke_, most, &text, &reply, cores);
    EXPECT_EQ(text.size(), said.ok() ? reply.text_bytes : 0u);
    return said;
  };
  EXPECT_EQ(attempt(0, 1, 1024), (Reply{0, Status::kBadParameters, 2}));
  EXPECT_EQ(attempt(SMARTZONE_MAX_NEXT + 1, 1, 1024), (Reply{0, Status::kBadParameters, 2}));
  EXPECT_EQ(attempt(1, 0, 1024), (Reply{0, Status::kBadParameters, 2}));
  EXPECT_EQ(attempt(1, 3, 1024), (Reply{0, Status::kBadParameters, 2}));
  EXPECT_EQ(attempt(1, 1, 1023), (Reply{0, Status::kBufferTooSmall, 1024}));
  EXPECT_EQ(look().position, 4u);
  EXPECT_TRUE(attempt(SMARTZONE_MAX_NEXT, 2, 1024).ok());

  smartzone_next reply{};
  std::string text(1024, '\0');
  shim::Params params;
  params[0] = {.kind = shim::Param::Kind::kMemrefOut, .data = text.data(), .size = text.size()};
  params[1] = {.kind = shim::Param::Kind::kMemrefOut, .data = &reply, .size = sizeof(reply) - 1};
  params[2] = {.kind = shim::Param::Kind::kValueIn, .a = 1, .b = 1};
  params[3] = {.kind = shim::Param::Kind::kValueOut};
  EXPECT_EQ(session_->invoke(SMARTZONE_CMD_NEXT, params), 0u);
  EXPECT_EQ(params[3].a, static_cast<std::uint32_t>(Status::kBufferTooSmall));
  EXPECT_EQ(params[3].b, sizeof(reply));
  EXPECT_EQ(params[0].size, 0u);
}

// --- a hostile normal world
// -----------------------------------------------------------------------

// The text changes at the n-th event of PROMPT: what was said is one of both.
TEST_F(Talking, APromptThatChangesDuringTheCallIsOneOfBoth) {
  load(toy_);
  const std::string one = "aaaaaaaa", other = "bbbbbbbb";
  ASSERT_TRUE(say(one, lively()).ok());
  const Answer expected = answer(invoke_, 6);
  ASSERT_TRUE(say(other, lively()).ok());
  const Answer alternative = answer(invoke_, 6);
  ASSERT_NE(expected.tokens, alternative.tokens);
  for (std::uint32_t when = 0; when < 16; ++when) {
    session_->set_mutator([&](std::uint32_t event, const shim::SharedMemory& memory) {
      if (event == when) std::memcpy(memory[0].data(), other.data(), other.size());
    });
    ASSERT_TRUE(say(one, lively()).ok());
    session_->set_mutator({});
    const Answer said = answer(invoke_, 6);
    EXPECT_TRUE(said == expected || said == alternative) << "event " << when;
  }
}

}  // namespace
}  // namespace sz::ta::testing
