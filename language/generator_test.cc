#include "language/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "engine/testing/model_runner.h"
#include "language/likelihood.h"
#include "language/testing/toy_model.h"

namespace sz::language {
namespace {

using testing::TestVocabulary;
using Tokens = std::vector<std::uint32_t>;

constexpr std::uint32_t kContext = 24;
constexpr std::uint32_t kBatch = 5;
constexpr std::uint32_t kMostText = 64;
constexpr SamplerSettings kLively = {
    .temperature = 1, .top_k = 20, .repeat_penalty = 1.5f, .seed = 7};

TestVocabulary vocabulary() {
  TestVocabulary v;
  v.unknown = v.add("<unk>", 0, TokenKind::kUnknown);
  v.bos = v.add("<s>", 0, TokenKind::kControl);
  v.eos = v.add("</s>", 0, TokenKind::kControl);
  v.add_bytes(TokenKind::kByte);
  for (const char* piece : {" ", "a", "b", "ab", " ab"}) v.add(piece, -1);
  v.flags = kAddBos | kAddSpacePrefix;
  return v;
}

std::size_t vocabulary_size() {
  static const std::size_t size = vocabulary().tokens.size();
  return size;
}

// A model whose logits are a function of all tokens before them, as of a real one; it keeps its
// "cache".
class FakeModel {
 public:
  explicit FakeModel(std::size_t tokens) : logits_(tokens) {}

  TokenRunner runner() { return {&FakeModel::run, this}; }

  static std::vector<float> logits_after(const Tokens& tokens, std::size_t count) {
    std::uint64_t hash = 99;
    for (const std::uint32_t token : tokens) hash = (hash ^ token) * 0x9e3779b97f4a7c15u;
    std::vector<float> logits(count);
    for (float& logit : logits) {
      hash = hash * 6364136223846793005u + 1442695040888963407u;
      logit = static_cast<float>(hash >> 40) / static_cast<float>(1 << 22) - 2;
    }
    logits[2] = -100;  // eos, but for the length that a test asks for
    return logits;
  }

  std::vector<std::size_t> runs;  // the number of tokens of each
  Tokens cache;
  std::size_t ends_after = 0;  // tokens after which eos is likeliest; 0: never
  Failure failure;             // of the next run

 private:
  static Failure run(const void* context, std::span<const std::uint32_t> tokens,
                     std::uint32_t position, Workers&, std::span<float>* logits) {
    auto& self = *const_cast<FakeModel*>(static_cast<const FakeModel*>(context));
    if (const Failure failure = self.failure; !failure.ok()) {
      self.failure = kSuccess;
      return failure;
    }
    EXPECT_LE(position, self.cache.size());
    EXPECT_LE(position + tokens.size(), kContext);
    EXPECT_GE(tokens.size(), 1u);
    EXPECT_LE(tokens.size(), kBatch);
    self.cache.resize(position);
    self.cache.insert(self.cache.end(), tokens.begin(), tokens.end());
    self.runs.push_back(tokens.size());
    self.logits_ = logits_after(self.cache, self.logits_.size());
    if (self.cache.size() == self.ends_after) self.logits_[2] = 1000;
    *logits = self.logits_;
    return kSuccess;
  }

  std::vector<float> logits_;
};

package::LanguageRecord record_of(std::size_t tokens) {
  package::LanguageRecord record{};
  record.vocabulary = static_cast<std::uint32_t>(tokens);
  record.context = kContext;
  record.batch = kBatch;
  record.most_text_bytes = kMostText;
  return record;
}

ByteSpan bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A generator over a fake model, in memory of exactly the size that it asks for.
class Conversation {
 public:
  Conversation()
      : tables_(vocabulary().tables()),
        record_(record_of(vocabulary().tokens.size())),
        model(record_.vocabulary),
        memory_(generator_bytes(record_) / 8) {
    EXPECT_TRUE(generator.open(record_, tables_, model.runner(), memory()).ok());
  }

  MutableByteSpan memory() { return std::as_writable_bytes(std::span(memory_)); }

  Failure say(std::string_view text, PromptOptions options = {}) {
    const MutableByteSpan room = generator.text_buffer();
    if (text.size() > room.size()) return generator.prompt(bytes(text), options);
    std::memcpy(room.data(), text.data(), text.size());
    return generator.prompt(room.first(text.size()), options);
  }

  StepResult step() {
    StepResult result;
    SingleWorker alone;
    EXPECT_TRUE(generator.step(alone, &result).ok());
    return result;
  }

  // The tokens of the answer, at most so many; then `last` is what ended it.
  Tokens answer(std::size_t most, std::string* text = nullptr) {
    Tokens tokens;
    while (tokens.size() < most) {
      last = step();
      if (last.progress == Progress::kPrompt) continue;
      if (last.progress != Progress::kToken) break;
      tokens.push_back(last.token);
      if (text != nullptr) *text += text_of(last.text);
    }
    return tokens;
  }

  Tokens known() const {
    const auto tokens = generator.tokens().first(generator.position() + generator.pending());
    return {tokens.begin(), tokens.end()};
  }

 private:
  std::vector<std::byte> tables_;
  package::LanguageRecord record_;

 public:
  FakeModel model;
  Generator generator;
  StepResult last;

 private:
  std::vector<std::uint64_t> memory_;
};

// What an answer must be, from the logits and the sampler alone.
Tokens expected_answer(Tokens tokens, const SamplerSettings& settings, std::size_t count) {
  SamplerState random = start_sampler(settings.seed);
  Tokens answer;
  std::vector<std::uint64_t> work(1000);
  while (answer.size() < count) {
    std::vector<float> logits = FakeModel::logits_after(tokens, vocabulary().tokens.size());
    const std::uint32_t token =
        sample(logits, tokens, settings, &random, std::as_writable_bytes(std::span(work)));
    tokens.push_back(token);
    answer.push_back(token);
  }
  return answer;
}

bool same(const GeneratorState& a, const GeneratorState& b) {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

TEST(Generator, ComputesThePromptInBatches) {
  Conversation c;
  EXPECT_EQ(c.step().progress, Progress::kIdle);
  ASSERT_TRUE(c.say("abxyzxyzxyz").ok());
  const Tokens prompt = {1,       263,     3 + 'x', 3 + 'y', 3 + 'z', 3 + 'x',
                         3 + 'y', 3 + 'z', 3 + 'x', 3 + 'y', 3 + 'z'};
  EXPECT_EQ(c.known(), prompt);
  EXPECT_EQ(c.generator.pending(), 11u);
  for (const std::uint32_t left : {6u, 1u, 0u}) {
    EXPECT_EQ(c.step().progress, Progress::kPrompt);
    EXPECT_EQ(c.generator.pending(), left);
    EXPECT_EQ(c.generator.position(), 11 - left);
  }
  EXPECT_EQ(c.model.runs, (std::vector<std::size_t>{5, 5, 1}));
  EXPECT_EQ(c.model.cache, prompt);
  EXPECT_EQ(c.step().progress, Progress::kToken);
}

TEST(Generator, WritesWhatTheSamplerChooses) {
  for (const SamplerSettings& settings : {SamplerSettings{}, kLively}) {
    Conversation c;
    ASSERT_TRUE(c.generator.sampling(settings).ok());
    ASSERT_TRUE(c.say("ab").ok());
    std::string text;
    const Tokens answer = c.answer(12, &text);
    EXPECT_EQ(answer, expected_answer({1, 263}, settings, 12));
    EXPECT_EQ(c.model.runs, (std::vector<std::size_t>{2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
    Tokenizer tokenizer;
    const std::vector<std::byte> tables = vocabulary().tables();
    ASSERT_TRUE(Tokenizer::open(tables, &tokenizer).ok());
    std::string expected;
    std::uint32_t previous = 263;
    for (const std::uint32_t token : answer) {
      expected += text_of(tokenizer.piece(previous, token));
      previous = token;
    }
    EXPECT_EQ(text, expected);
  }
}

TEST(Generator, EndsWithTheModelsAnswerAndGoesOnWithTheNextPrompt) {
  Conversation c;
  c.model.ends_after = 5;
  ASSERT_TRUE(c.say("ab").ok());
  EXPECT_EQ(c.answer(10).size(), 3u);
  EXPECT_EQ(c.last.progress, Progress::kEndOfText);
  EXPECT_EQ(c.last.token, 2u);
  EXPECT_TRUE(c.last.text.empty());
  const std::size_t runs = c.model.runs.size();
  EXPECT_EQ(c.step().progress, Progress::kEndOfText);
  EXPECT_EQ(c.model.runs.size(), runs);
  // An empty prompt changes nothing, not even that.
  ASSERT_TRUE(c.say("").ok());
  EXPECT_EQ(c.step().progress, Progress::kEndOfText);
  // The end is computed with the next prompt, whose text begins anew but without another bos.
  ASSERT_TRUE(c.say("ab").ok());
  EXPECT_EQ(c.generator.pending(), 2u);
  const Tokens known = c.known();
  EXPECT_EQ(Tokens(known.end() - 2, known.end()), (Tokens{2, 263}));
  EXPECT_EQ(c.step().progress, Progress::kPrompt);
  EXPECT_EQ(c.step().progress, Progress::kToken);
}

TEST(Generator, APromptMayInterruptAnAnswer) {
  Conversation c;
  ASSERT_TRUE(c.say("ab").ok());
  const Tokens answer = c.answer(3);
  ASSERT_TRUE(c.say("ab").ok());
  // In the middle of a text no space goes in front.
  EXPECT_EQ(c.known(), (Tokens{1, 263, answer[0], answer[1], answer[2], 262}));
  const Tokens before = c.known();
  EXPECT_EQ(c.answer(4), expected_answer(before, {}, 4));
}

TEST(Generator, FillsTheContextAndNoMore) {
  Conversation c;
  ASSERT_TRUE(c.say("ab").ok());
  EXPECT_EQ(c.answer(1000).size(), kContext - 2);
  EXPECT_EQ(c.last.progress, Progress::kContextFull);
  EXPECT_EQ(c.step().progress, Progress::kContextFull);
  EXPECT_EQ(c.say("a").status, Status::kPromptTooLong);
  EXPECT_EQ(c.say("a").detail, 0u);
  // A prompt that leaves no room for an answer.
  ASSERT_TRUE(c.say(std::string(kContext - 2, 'x'), {.restart = true}).ok());
  EXPECT_EQ(c.generator.pending(), kContext);
  EXPECT_EQ(c.answer(10).size(), 0u);
  EXPECT_EQ(c.generator.position(), kContext);
  EXPECT_EQ(c.last.progress, Progress::kContextFull);
  // Room for one.
  ASSERT_TRUE(c.say(std::string(kContext - 3, 'x'), {.restart = true}).ok());
  EXPECT_EQ(c.answer(10).size(), 1u);
}

TEST(Generator, WhatIsRefusedChangesNothing) {
  Conversation c;
  ASSERT_TRUE(c.say("ab").ok());
  (void)c.answer(2);
  ASSERT_TRUE(c.say("b").ok());
  const GeneratorState before = c.generator.state();
  const Tokens known = c.known();
  for (const bool restart : {false, true}) {
    const auto expect = [&](const Failure& failure, Status status, std::uint32_t detail) {
      EXPECT_EQ(failure.status, status);
      EXPECT_EQ(failure.detail, detail);
      EXPECT_TRUE(same(c.generator.state(), before));
      EXPECT_EQ(c.known(), known);
    };
    const std::uint32_t room = restart ? kContext : kContext - 5;
    const PromptOptions options = {.restart = restart};
    expect(c.say("ab\xff", options), Status::kBadText, 2);
    expect(c.say("ab\xe2\x82", options), Status::kBadText, 2);
    expect(c.say(std::string(kMostText + 1, 'x'), options), Status::kPromptTooLong, kMostText);
    expect(c.say(std::string(kContext, 'x'), options), Status::kPromptTooLong, room);
    expect(c.generator.prompt_tokens(Tokens{5, 9999, 5}, restart), Status::kBadToken, 1);
    expect(c.generator.prompt_tokens(Tokens(room + 1, 5), restart), Status::kPromptTooLong, room);
    expect(c.generator.sampling({.temperature = -1}), Status::kBadSampling, 0);
  }
}

TEST(Generator, RestartForgets) {
  Conversation c;
  ASSERT_TRUE(c.generator.sampling(kLively).ok());
  ASSERT_TRUE(c.say("ab").ok());
  const Tokens answer = c.answer(5);
  ASSERT_TRUE(c.generator.sampling(kLively).ok());
  ASSERT_TRUE(c.say("ab", {.restart = true}).ok());
  EXPECT_EQ(c.answer(5), answer);
  ASSERT_TRUE(c.say("", {.restart = true}).ok());
  EXPECT_EQ(c.known(), Tokens{1});  // an empty text begins with bos too
  c.generator.reset();
  EXPECT_EQ(c.known(), Tokens{});
  EXPECT_EQ(c.step().progress, Progress::kIdle);
}

TEST(Generator, TokensAreTakenAsTheyAre) {
  Conversation c;
  ASSERT_TRUE(c.generator.prompt_tokens(Tokens{263, 5, 2}, false).ok());
  EXPECT_EQ(c.known(), (Tokens{263, 5, 2}));
  EXPECT_EQ(c.answer(4), expected_answer({263, 5, 2}, {}, 4));
  ASSERT_TRUE(c.generator.prompt_tokens(Tokens{}, true).ok());
  EXPECT_EQ(c.known(), Tokens{});
}

TEST(Generator, AStepThatFailedCanBeTriedAgain) {
  Conversation whole;
  ASSERT_TRUE(whole.generator.sampling(kLively).ok());
  ASSERT_TRUE(whole.say("abxyzab").ok());
  const Tokens expected = whole.answer(8);

  Conversation c;
  ASSERT_TRUE(c.generator.sampling(kLively).ok());
  ASSERT_TRUE(c.say("abxyzab").ok());
  Tokens answer;
  SingleWorker alone;
  for (int i = 0; answer.size() < 8; ++i) {
    StepResult result;
    c.model.failure = {Status::kHelperFault, 5};
    const GeneratorState before = c.generator.state();
    const Failure failure = c.generator.step(alone, &result);
    if (failure.ok()) {  // a step that runs nothing
      c.model.failure = kSuccess;
    } else {
      EXPECT_EQ(failure.status, Status::kHelperFault);
      EXPECT_TRUE(same(c.generator.state(), before));
      result = c.step();
    }
    if (result.progress == Progress::kToken) answer.push_back(result.token);
    ASSERT_LT(i, 100);
  }
  EXPECT_EQ(answer, expected);
}

// Saved after any step, a conversation goes on as if nothing had happened.
TEST(Generator, GoesOnAfterBeingSaved) {
  for (const std::size_t ends_after : {std::size_t{0}, std::size_t{9}}) {
    Conversation whole;
    whole.model.ends_after = ends_after;
    ASSERT_TRUE(whole.generator.sampling(kLively).ok());
    ASSERT_TRUE(whole.say("abxyzab").ok());
    std::vector<std::pair<Progress, std::uint32_t>> expected;
    for (int i = 0; i < 20; ++i) {
      const StepResult result = whole.step();
      expected.emplace_back(result.progress, result.token);
    }
    for (int saved_at = 0; saved_at < 20; ++saved_at) {
      Conversation first;
      first.model.ends_after = ends_after;
      ASSERT_TRUE(first.generator.sampling(kLively).ok());
      ASSERT_TRUE(first.say("abxyzab").ok());
      for (int i = 0; i < saved_at; ++i) (void)first.step();

      Conversation second;
      second.model.ends_after = ends_after;
      second.model.cache = first.model.cache;
      second.model.cache.resize(first.generator.position());
      std::ranges::copy(first.known(), second.generator.tokens().begin());
      ASSERT_TRUE(second.generator.restore(first.generator.state()).ok());
      for (int i = saved_at; i < 20; ++i) {
        const StepResult result = second.step();
        EXPECT_EQ(std::pair(result.progress, result.token), expected[i]) << saved_at << ", " << i;
      }
    }
  }
}

TEST(Generator, DamagedStatesAreRefused) {
  Conversation c;
  ASSERT_TRUE(c.say("ab").ok());
  (void)c.answer(3);
  const GeneratorState sound = c.generator.state();
  const Tokens known = c.known();
  const auto refuse = [&](auto damage, std::uint32_t detail) {
    std::ranges::copy(known, c.generator.tokens().begin());
    ASSERT_TRUE(c.generator.restore(sound).ok());
    GeneratorState state = sound;
    damage(&state);
    const Failure failure = c.generator.restore(state);
    EXPECT_EQ(failure.status, Status::kSavedDamaged);
    EXPECT_EQ(failure.detail, detail);
    EXPECT_EQ(c.known(), Tokens{});
    EXPECT_EQ(c.step().progress, Progress::kIdle);
  };
  refuse([](GeneratorState* s) { s->position = kContext + 1; }, 1);
  refuse([](GeneratorState* s) { s->position = 0xffffffff; }, 1);
  refuse([](GeneratorState* s) { s->waiting = kContext; }, 2);
  refuse([](GeneratorState* s) { s->waiting = 0xffffffff; }, 2);
  refuse([](GeneratorState* s) { s->waiting = 0; }, 3);
  refuse([](GeneratorState* s) { s->waiting = 2; }, 3);
  refuse([](GeneratorState* s) { s->position = 0; }, 3);
  refuse([](GeneratorState* s) { s->phase = 1; }, 3);
  refuse([](GeneratorState* s) { s->phase = 3; }, 3);  // the token is no end
  refuse([](GeneratorState* s) { s->phase = 4; }, 3);
  refuse([](GeneratorState* s) { s->phase = 0, s->waiting = 0; }, 3);
  refuse([](GeneratorState* s) { s->reserved = 1; }, 4);
  refuse([](GeneratorState* s) { s->settings.temperature = std::nanf(""); }, 5);
  refuse([](GeneratorState* s) { s->settings.top_p = 0; }, 5);
  refuse([&](GeneratorState*) { c.generator.tokens()[4] = 9999; }, 0);
}

TEST(Generator, ScoresEachTokenAfterThoseBeforeIt) {
  Conversation c;
  SingleWorker alone;
  double nll = 0;
  std::uint32_t judged = 0;
  std::span<float> logits;
  EXPECT_EQ(c.generator.score(alone, &nll, &judged, &logits).status, Status::kBadState);
  ASSERT_TRUE(c.say("abxyzab").ok());
  const Tokens tokens = c.known();
  double expected = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Tokens before(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(i));
    if (i != 0) {
      const std::vector<float> all = FakeModel::logits_after(before, vocabulary().tokens.size());
      double sum = 0;
      for (const float x : all) sum += std::exp(static_cast<double>(x));
      expected += std::log(sum) - static_cast<double>(all[tokens[i]]);
    }
    ASSERT_TRUE(c.generator.score(alone, &nll, &judged, &logits).ok());
    EXPECT_EQ(judged, i);
    EXPECT_NEAR(nll, expected, 2e-6 * static_cast<double>(i + 1));
    Tokens with = before;
    with.push_back(tokens[i]);
    const std::vector<float> after = FakeModel::logits_after(with, vocabulary().tokens.size());
    EXPECT_TRUE(std::ranges::equal(logits, after));
  }
  EXPECT_EQ(c.model.runs, std::vector<std::size_t>(tokens.size(), 1));
  // The answer may go on from there, and more be judged.
  const Tokens answer = c.answer(2);
  EXPECT_EQ(answer, expected_answer(tokens, {}, 2));
  ASSERT_TRUE(c.generator.score(alone, &nll, &judged, &logits).ok());
  EXPECT_EQ(judged, tokens.size());
  EXPECT_EQ(c.step().progress, Progress::kToken);
}

TEST(Generator, RefusesTooLittleMemoryAndAForeignTokenizer) {
  const std::vector<std::byte> tables = vocabulary().tables();
  package::LanguageRecord record = record_of(vocabulary().tokens.size());
  std::vector<std::uint64_t> memory(generator_bytes(record) / 8);
  const MutableByteSpan all = std::as_writable_bytes(std::span(memory));
  EXPECT_EQ(all.size() % 64, 0u);
  FakeModel model(record.vocabulary);
  Generator generator;
  EXPECT_TRUE(generator.open(record, tables, model.runner(), all).ok());
  EXPECT_EQ(generator.open(record, tables, model.runner(), all.first(all.size() - 64)).detail, 2u);
  record.vocabulary += 1;
  EXPECT_EQ(generator.open(record, tables, model.runner(), all).detail, 1u);
  EXPECT_EQ(generator.open(record, tables, model.runner(), all).status, Status::kLanguageInvalid);
  EXPECT_EQ(generator.open(record, ByteSpan(tables).first(99), model.runner(), all).status,
            Status::kTokenizerInvalid);
}

// Whatever is called: the model has computed just the tokens that the generator says, nothing
// leaves the context, and what is refused changes nothing.
TEST(Generator, HoldsTogetherUnderAnySequenceOfCalls) {
  const std::string texts[] = {"",
                               "a",
                               "ab ab",
                               "</s>",
                               "<s>ab",
                               "xyzxyzxyz",
                               "\xff",
                               "a\xe2\x82",
                               std::string(20, 'b'),
                               std::string(70, 'b'),
                               "é🚀"};
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    Conversation c;
    SingleWorker alone;
    for (int i = 0; i < 150; ++i) {
      if (random() % 4 == 0) c.model.ends_after = random() % (kContext + 1);
      c.model.failure = {random() % 9 == 0 ? Status::kHelperFault : Status::kOk, 0};
      const GeneratorState before = c.generator.state();
      const Tokens known = c.known();
      Failure failure;
      StepResult result;
      double nll = 0;
      std::uint32_t judged = 0;
      std::span<float> logits;
      const PromptOptions options = {.restart = random() % 8 == 0, .specials = random() % 2 == 0};
      switch (random() % 8) {
        case 0:
          failure = c.say(texts[random() % std::size(texts)], options);
          break;
        case 1: {
          Tokens tokens(random() % 12);
          for (std::uint32_t& token : tokens) token = static_cast<std::uint32_t>(random()) % 265;
          failure = c.generator.prompt_tokens(tokens, options.restart);
          break;
        }
        case 2:
          failure = c.generator.score(alone, &nll, &judged, &logits);
          break;
        case 3:
          failure = c.generator.sampling(random() % 2 == 0 ? kLively : SamplerSettings{});
          break;
        case 4:
          failure = c.generator.restore(before);
          break;
        default:
          failure = c.generator.step(alone, &result);
      }
      if (!failure.ok()) {
        ASSERT_TRUE(same(c.generator.state(), before));
        ASSERT_EQ(c.known(), known);
      }
      const Tokens now = c.known();
      ASSERT_LE(now.size(), kContext);
      for (const std::uint32_t token : now) ASSERT_LT(token, vocabulary_size());
      ASSERT_GE(c.model.cache.size(), c.generator.position());
      ASSERT_TRUE(
          std::equal(now.begin(), now.begin() + c.generator.position(), c.model.cache.begin()));
      ASSERT_TRUE(c.generator.restore(c.generator.state()).ok());  // it is always a sound one
    }
  }
}

TEST(Generator, WorksOnTheEngine) {
  const engine::testing::TestPlan plan = testing::toy_model().finish();
  Tokens whole;
  for (int saved_at = -1; saved_at < 12; ++saved_at) {
    engine::testing::ModelRunner runner(plan.plan);
    ASSERT_TRUE(runner.failure().ok());
    ASSERT_TRUE(runner.attach(plan.weights).ok());
    std::vector<std::uint64_t> memory(generator_bytes(*runner.model().language()) / 8);
    Generator generator;
    ASSERT_TRUE(generator.open(runner.model(), std::as_writable_bytes(std::span(memory))).ok());
    ASSERT_TRUE(generator.sampling({.temperature = 1, .seed = 3}).ok());
    ASSERT_TRUE(generator.prompt(bytes("Once upon a time"), {}).ok());
    Tokens answer;
    SingleWorker alone;
    for (int i = 0; i < 12; ++i) {
      StepResult result;
      ASSERT_TRUE(generator.step(alone, &result).ok());
      if (result.progress == Progress::kToken) answer.push_back(result.token);
      // The logits in the arena are lost; the caches are not.
      if (i != saved_at) continue;
      ASSERT_TRUE(generator.restore(generator.state()).ok());
    }
    EXPECT_GE(answer.size(), 5u);
    if (saved_at < 0) whole = answer;
    EXPECT_EQ(answer, whole);
  }
}

TEST(Likelihood, IsCloseToTheExactOne) {
  for (const std::size_t count : {1u, 2u, 63u, 64u, 65u, 1000u, 32000u}) {
    for (const float spread : {0.0f, 1.0f, 8.0f, 300.0f}) {
      std::vector<float> logits =
          FakeModel::logits_after({static_cast<std::uint32_t>(count)}, count + 3);
      logits.resize(count);
      for (float& x : logits) x *= spread;
      double sum = 0;
      const auto most = static_cast<double>(*std::ranges::max_element(logits));
      for (const float x : logits) sum += std::exp(static_cast<double>(x) - most);
      for (std::uint32_t token = 0; token < std::min<std::size_t>(count, 50); ++token) {
        const double exact = std::log(sum) + most - static_cast<double>(logits[token]);
        EXPECT_NEAR(negative_log_likelihood(logits, token), exact, 2e-6);
      }
    }
  }
}

TEST(Likelihood, NanIsNoWeight) {
  const std::vector<float> logits = {std::nanf(""), 1, std::nanf(""), 1};
  EXPECT_NEAR(negative_log_likelihood(logits, 1), std::log(2.0), 2e-6);
  EXPECT_TRUE(std::isnan(negative_log_likelihood(logits, 0)));
}

}  // namespace
}  // namespace sz::language
