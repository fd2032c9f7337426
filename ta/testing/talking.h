// The fixture of the tests of conversations: a session with a toy language model. Host only.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "language/generator.h"
#include "language/testing/toy_model.h"
#include "ta/testing/fixture.h"

namespace sz::ta::testing {

using language::testing::ToyModel;

inline engine::testing::TestPlan toy_plan(const ToyModel& toy = {}) {
  engine::testing::PlanBuilder builder = language::testing::toy_model(toy);
  builder.tables.header.language_bytes = language::generator_bytes(builder.tables.language[0]);
  return builder.finish();
}

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline smartzone_prompt request(std::uint32_t flags = 0) {
  smartzone_prompt request{};
  request.flags = flags;
  request.top_p = 1.0f;
  request.repeat_penalty = 1.0f;
  return request;
}

// Settings under which the toy hardly repeats itself.
inline smartzone_prompt lively(std::uint64_t seed = 1) {
  smartzone_prompt lively = request(SMARTZONE_PROMPT_SAMPLING | SMARTZONE_PROMPT_RESTART);
  lively.temperature = 1.0f;
  lively.top_k = 40;
  lively.seed = seed;
  return lively;
}

// What NEXT gave, from the prompt on, until so many tokens were written or it had no more to say.
struct Answer {
  std::string text;
  std::vector<std::uint32_t> tokens;
  std::uint32_t progress = SMARTZONE_PROGRESS_IDLE;
  std::uint32_t position = 0;
  std::uint32_t calls = 0;
  bool operator==(const Answer& other) const {
    return text == other.text && tokens == other.tokens && progress == other.progress &&
           position == other.position;
  }
};

inline Answer answer(const Invoke& invoke, std::uint32_t most, std::uint32_t in_one_call = 4,
                     std::uint32_t cores = 1) {
  Answer answer;
  do {
    const std::uint32_t left = most - static_cast<std::uint32_t>(answer.tokens.size());
    std::string text(4096, '\0');
    smartzone_next reply{};
    const Reply said = next(invoke, std::min(left, in_one_call), &text, &reply, cores);
    EXPECT_TRUE(said.ok()) << static_cast<std::uint32_t>(said.status);
    if (!said.ok()) break;
    EXPECT_EQ(reply.text_bytes, text.size());
    EXPECT_LE(reply.tokens, in_one_call);
    ++answer.calls;
    answer.text += text;
    answer.tokens.insert(answer.tokens.end(), reply.token, reply.token + reply.tokens);
    answer.progress = reply.progress;
    answer.position = reply.position;
  } while (answer.tokens.size() < most && (answer.progress == SMARTZONE_PROGRESS_TOKEN ||
                                           answer.progress == SMARTZONE_PROGRESS_PROMPT));
  return answer;
}

class Talking : public TrustedApplication {
 protected:
  // A second session with a model; closed with the test.
  Invoke open_other(const engine::testing::TestPlan& plan) {
    EXPECT_EQ(shim::LoopbackSession::open(&other_), 0u);
    const Invoke invoke = invoke_of(*other_);
    EXPECT_TRUE(load_model(invoke, plan.plan, plan.weights).ok());
    return invoke;
  }

  void load(const engine::testing::TestPlan& plan, std::uint32_t cores = 1) {
    const Reply loaded = load_model(invoke_, plan.plan, plan.weights, cores);
    ASSERT_TRUE(loaded.ok()) << static_cast<std::uint32_t>(loaded.status) << ", " << loaded.detail;
  }

  Reply say(std::string_view text, const smartzone_prompt& how = request()) {
    return prompt(invoke_, bytes_of(text), how, &waiting_, &position_);
  }

  // The first NEXT; the text is dropped.
  smartzone_next look() {
    std::string text(1024, '\0');
    smartzone_next reply{};
    EXPECT_TRUE(next(invoke_, 1, &text, &reply).ok());
    return reply;
  }

  void expect_empty_conversation() {
    const smartzone_next reply = look();
    EXPECT_EQ(reply.progress, static_cast<std::uint32_t>(SMARTZONE_PROGRESS_IDLE));
    EXPECT_EQ(reply.position, 0u);
    EXPECT_EQ(reply.waiting, 0u);
  }

  ~Talking() override { other_.reset(); }

  std::unique_ptr<shim::LoopbackSession> other_;
  std::uint32_t waiting_ = 0;  // as the last PROMPT said
  std::uint32_t position_ = 0;
  const engine::testing::TestPlan toy_ = toy_plan();
};

}  // namespace sz::ta::testing
