// What the client makes of a language model's answers; the trusted application is a fake that says
// what the test wants (the real one: tests/language and the device's tests).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "client/pace.h"
#include "client/testing/fake_language.h"
#include "client/testing/test_package.h"
#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"

namespace sz {
namespace {

using client::testing::fake_language_package;
using client::testing::FakeScript;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Package language_package(std::uint32_t context = 100) {
  return Package::from_bytes(fake_language_package(context), "fake.szp");
}

Session session_with(FakeScript* script) {
  Session session = Session::open(client::testing::open_fake_language(script));
  session.load(language_package(script->context));
  return session;
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

// Collects what comes; stops after so many calls.
struct Listener {
  std::vector<std::string> heard = {};
  std::size_t most = 1000;

  OnText function() {
    return [this](std::string_view text) {
      heard.emplace_back(text);
      return heard.size() < most;
    };
  }
  std::string all() const {
    std::string text;
    for (const std::string& one : heard) text += one;
    return text;
  }
};

TEST(Language, PackageTellsWhatItsModelIs) {
  const Package package = language_package(77);
  ASSERT_NE(package.language(), nullptr);
  EXPECT_EQ(package.language()->context, 77u);
  EXPECT_EQ(package.language()->vocabulary, 8u);
  EXPECT_EQ(package.language()->formats.at("F32"), 3u);
  EXPECT_EQ(package.language()->chat_template, "");
  const Package network =
      Package::from_bytes(client::testing::identity_package({1, 4}), "network.szp");
  EXPECT_EQ(network.language(), nullptr);
}

TEST(Language, AnswerIsStreamedInWholeCharactersAndReported) {
  FakeScript script{.writes = {"Na", "\xc3", "\xaf", "ve ", "\xe2\x82", "\xac"}};
  Session session = session_with(&script);
  Listener listener;
  GenerateOptions options;
  options.tokens_at_once = 1;
  std::vector<std::uint32_t> done;
  options.on_prompt = [&](std::uint32_t now, std::uint32_t total) {
    EXPECT_EQ(total, 11u);
    done.push_back(now);
    return true;
  };
  const GenerationReport report = session.generate("0123456789", options, listener.function());
  EXPECT_THAT(listener.heard, ElementsAre("Na", "\xc3\xaf", "ve ", "\xe2\x82\xac"));
  EXPECT_THAT(script.prompts, ElementsAre("0123456789"));
  EXPECT_THAT(done, ElementsAre(4u, 8u, 11u));
  EXPECT_EQ(report.ending, Ending::kEndOfText);
  EXPECT_EQ(report.prompt_tokens, 11u);  // with the one that begins a text
  EXPECT_EQ(report.written, 6u);
  EXPECT_THAT(report.tokens, ElementsAre(0u, 1u, 2u, 3u, 4u, 5u));
  EXPECT_EQ(report.position, 17u);
  EXPECT_GT(report.first_token_seconds, 0);
  EXPECT_GE(report.first_token_seconds, report.prompt_seconds);
  EXPECT_GT(report.writing_rate(), 0);
  EXPECT_EQ(report.cores, 1u);
}

TEST(Language, ACharacterThatTheAnswerDoesNotFinishIsMarked) {
  FakeScript script{.writes = {"a", "\xf0\x9f"}};
  Session session = session_with(&script);
  Listener listener;
  session.generate("x", {}, listener.function());
  EXPECT_EQ(listener.all(), "a\xef\xbf\xbd");
}

TEST(Language, EndsAtTheLimitExactly) {
  FakeScript script{.writes = std::vector<std::string>(90, "x")};
  Session session = session_with(&script);
  for (const std::size_t tokens : {std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
    Listener listener;
    GenerateOptions options;
    options.tokens = tokens;
    options.tokens_at_once = 5;
    const GenerationReport report = session.generate("p", options, listener.function());
    EXPECT_EQ(report.ending, Ending::kLimit);
    EXPECT_EQ(report.written, tokens);
    EXPECT_EQ(listener.all(), std::string(tokens, 'x'));
  }
}

TEST(Language, EndsWhereTheContextIsFull) {
  FakeScript script{.writes = std::vector<std::string>(90, "x"), .context = 10};
  Session session = session_with(&script);
  Listener listener;
  const GenerationReport report = session.generate("1234", {}, listener.function());
  EXPECT_EQ(report.ending, Ending::kContextFull);
  EXPECT_EQ(report.position, 10u);
  EXPECT_EQ(listener.all(), "xxxxx");
}

TEST(Language, StopsWhereTheListenerSaysSo) {
  FakeScript script{.writes = std::vector<std::string>(90, "x")};
  Session session = session_with(&script);
  Listener listener{.most = 3};
  GenerateOptions options;
  options.tokens_at_once = 1;
  const GenerationReport report = session.generate("p", options, listener.function());
  EXPECT_EQ(report.ending, Ending::kStopped);
  EXPECT_EQ(report.written, 3u);
  EXPECT_EQ(listener.heard.size(), 3u);
}

TEST(Language, StopsWithinThePrompt) {
  FakeScript script{.writes = {"x"}};
  Session session = session_with(&script);
  Listener listener;
  GenerateOptions options;
  options.on_prompt = [](std::uint32_t, std::uint32_t) { return false; };
  const GenerationReport report = session.generate("0123456789", options, listener.function());
  EXPECT_EQ(report.ending, Ending::kStopped);
  EXPECT_EQ(report.written, 0u);
  EXPECT_EQ(report.first_token_seconds, 0);
  EXPECT_TRUE(listener.heard.empty());
  // What waits is computed when it goes on.
  GenerateOptions go_on;
  go_on.prompt.restart = false;
  EXPECT_EQ(session.generate("", go_on, listener.function()).prompt_tokens, 7u);
  EXPECT_EQ(listener.all(), "x");
}

TEST(Language, WhatAListenerThrowsIsPassedOn) {
  FakeScript script{.writes = {"x", "y"}};
  Session session = session_with(&script);
  const OnText thrower = [](std::string_view) -> bool { throw std::runtime_error("enough"); };
  EXPECT_THROW(session.generate("p", {}, thrower), std::runtime_error);
  Listener listener;
  session.generate("p", {}, listener.function());
  EXPECT_EQ(listener.all(), "xy");
}

TEST(Language, SettingsGoWithThePromptOrStayAsTheyWere) {
  FakeScript script{.writes = {"x"}};
  Session session = session_with(&script);
  GenerateOptions options;
  options.prompt = {.restart = false,
                    .specials = true,
                    .sampling = Sampling{.temperature = 0.5f,
                                         .top_k = 3,
                                         .top_p = 0.9f,
                                         .min_p = 0.1f,
                                         .repeat_penalty = 1.5f,
                                         .repeat_window = 9,
                                         .seed = 1ull << 40}};
  session.generate("p", options, {});
  session.generate("q", {}, {});
  ASSERT_EQ(script.settings.size(), 2u);
  const smartzone_prompt& first = script.settings[0];
  EXPECT_EQ(first.flags, SMARTZONE_PROMPT_SPECIALS | SMARTZONE_PROMPT_SAMPLING);
  EXPECT_EQ(first.temperature, 0.5f);
  EXPECT_EQ(first.top_k, 3u);
  EXPECT_EQ(first.top_p, 0.9f);
  EXPECT_EQ(first.min_p, 0.1f);
  EXPECT_EQ(first.repeat_penalty, 1.5f);
  EXPECT_EQ(first.repeat_window, 9u);
  EXPECT_EQ(first.seed, 1ull << 40);
  EXPECT_EQ(script.settings[1].flags, SMARTZONE_PROMPT_RESTART);
}

TEST(Language, FastModelsAreAskedForMoreAtATimeAndNeverForTooMany) {
  FakeScript script{.writes = std::vector<std::string>(300, "x"), .context = 1000};
  Session session = session_with(&script);
  GenerateOptions options;
  options.tokens = 250;
  EXPECT_EQ(session.generate("p", options, {}).written, 250u);
  EXPECT_EQ(script.asked.front(), 1u);
  EXPECT_GT(*std::max_element(script.asked.begin(), script.asked.end()), 8u);
  EXPECT_THAT(script.asked, Each(::testing::Le(SMARTZONE_MAX_NEXT)));
  options.tokens_at_once = 65;
  EXPECT_THAT(error_of([&] { session.generate("p", options, {}); }).what(), HasSubstr("1 to 64"));
}

TEST(Pace, IsOneForSlowModelsAndDoublesTowardsTwentyMilliseconds) {
  client::Pace slow(0);
  slow.took(1, 0.5);
  EXPECT_EQ(slow.tokens(), 1u);
  client::Pace fast(0);
  for (const std::uint32_t wanted : {2u, 4u, 8u, 16u, 20u, 20u}) {
    fast.took(fast.tokens(), 0.001 * fast.tokens());
    EXPECT_EQ(fast.tokens(), wanted);
  }
  fast.took(20, 0.2);  // the machine became slow
  EXPECT_EQ(fast.tokens(), 2u);
  client::Pace instant(0);
  for (int i = 0; i < 10; ++i) instant.took(instant.tokens(), 0);
  EXPECT_EQ(instant.tokens(), SMARTZONE_MAX_NEXT);
  client::Pace fixed(3);
  fixed.took(3, 0);
  EXPECT_EQ(fixed.tokens(), 3u);
}

TEST(Language, RefusalsOfThePromptAreSentencesWithNumbers) {
  FakeScript script{.writes = {"x"}};
  Session session = session_with(&script);
  const PromptOptions restart{.restart = true, .specials = false, .sampling = std::nullopt};
  const auto refusal = [&](Status status, std::uint32_t detail, const PromptOptions& options) {
    script.prompt_fails = {status, detail};
    const Error error = error_of([&] { session.prompt("hello", options); });
    EXPECT_EQ(error.status(), static_cast<std::uint32_t>(status));
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return std::string(error.what());
  };
  EXPECT_THAT(refusal(Status::kPromptTooLong, 90, restart),
              AllOf(HasSubstr("room for 90 tokens in the context of 100"), HasSubstr("--context")));
  session.prompt("0123456789", restart);
  EXPECT_THAT(refusal(Status::kPromptTooLong, 89, {}),
              AllOf(HasSubstr("room for 89"), HasSubstr("the conversation has 11")));
  EXPECT_THAT(refusal(Status::kContextFull, 100, {}), HasSubstr("all 100 tokens"));
  EXPECT_THAT(refusal(Status::kBadText, 3, {}), HasSubstr("byte at offset 3"));
  EXPECT_THAT(refusal(Status::kBadSampling, 2, {}), HasSubstr("setting"));
  const Error bytes = error_of([&] { session.prompt(std::string(1001, 'x'), {}); });
  EXPECT_THAT(bytes.what(), AllOf(HasSubstr("1001 bytes"), HasSubstr("at most 1000")));
  // None of them has changed anything.
  EXPECT_EQ(session.prompt("", {}).waiting, 11u);
}

TEST(Language, NothingToGoOnFromIsAnErrorThatSaysSo) {
  FakeScript script{.writes = {"x"}};
  Session session = session_with(&script);
  GenerateOptions go_on;
  go_on.prompt.restart = false;
  EXPECT_THAT(error_of([&] { session.generate("", go_on, {}); }).what(),
              HasSubstr("nothing to go on from"));
}

TEST(Language, NetworksAndLanguageModelsNameEachOthersFunctions) {
  FakeScript script{.writes = {"x"}};
  Session language = session_with(&script);
  EXPECT_THAT(error_of([&] { language.run({}); }).what(), HasSubstr("use generate"));
  Session network = Session::open(Backend::kHost);
  EXPECT_THAT(error_of([&] { network.generate("p", {}, {}); }).what(), HasSubstr("call load"));
  network.load(Package::from_bytes(client::testing::identity_package({1, 4}), "network.szp"));
  EXPECT_THAT(error_of([&] { network.generate("p", {}, {}); }).what(),
              AllOf(HasSubstr("not a language model"), HasSubstr("use run")));
  EXPECT_THROW(network.prompt("p", {}), Error);
  EXPECT_THROW(network.next(1), Error);
  EXPECT_THROW(network.score("p"), Error);
  EXPECT_THROW(network.save_conversation("/nowhere"), Error);
  EXPECT_THROW(network.resume_conversation("/nowhere"), Error);
}

TEST(Language, ScoresAddUpOverAllCallsAndLogitsComeInOrder) {
  FakeScript script{.context = 200};
  Session session = session_with(&script);
  const Score score = session.score(std::string(150, 'a'), true);
  EXPECT_EQ(score.tokens, 151u);
  EXPECT_EQ(score.judged, 150u);
  EXPECT_DOUBLE_EQ(score.nll, 75.0);
  EXPECT_DOUBLE_EQ(score.mean_nll(), 0.5);
  EXPECT_NEAR(score.perplexity(), 1.6487, 1e-4);
  ASSERT_EQ(score.logits.size(), 151u * 8u);
  for (std::size_t i = 0; i < score.logits.size(); ++i) {
    ASSERT_EQ(score.logits[i], static_cast<float>(i / 8));
  }
  EXPECT_TRUE(session.score("abc").logits.empty());
  EXPECT_EQ(session.score_tokens(std::vector<std::uint32_t>{1, 2, 3}).tokens, 4u);
  EXPECT_EQ(session.score("").mean_nll(), 0);
}

TEST(Language, ConversationGoesToAFileAndBackPieceByPiece) {
  FakeScript script{.writes = {"x"}};
  script.saved = {std::vector<std::byte>(SMARTZONE_SAVED_PIECE_BYTES, std::byte{1}),
                  std::vector<std::byte>(10, std::byte{2})};
  Session session = session_with(&script);
  const auto file = std::filesystem::temp_directory_path() /
                    ("smartzone_language_test_" + std::to_string(getpid()));
  session.save_conversation(file.string());
  session.resume_conversation(file.string());
  EXPECT_EQ(script.resumed, script.saved);
  // A file whose later pieces are missing, although it is whole as a file.
  script.saved.pop_back();
  session.save_conversation(file.string());
  script.saved.push_back(script.resumed[1]);
  script.resumed.clear();
  const Error error = error_of([&] { session.resume_conversation(file.string()); });
  EXPECT_THAT(error.what(), HasSubstr("cut short: 1 pieces are missing"));
  EXPECT_EQ(error.status(), static_cast<std::uint32_t>(Status::kSavedDamaged));
  std::filesystem::remove(file);
}

TEST(Language, AnswersThatCannotBeAreNotBelieved) {
  using Twist = void (*)(smartzone_next*, std::size_t*);
  const Twist twists[] = {
      [](smartzone_next* reply, std::size_t*) { reply->tokens = 65; },
      [](smartzone_next* reply, std::size_t*) { reply->tokens = 2; },
      [](smartzone_next* reply, std::size_t*) { reply->text_bytes = 1u << 31; },
      [](smartzone_next* reply, std::size_t* bytes) {
        reply->text_bytes = 1u << 31;
        *bytes = 1u << 31;
      },
      [](smartzone_next* reply, std::size_t*) { reply->progress = 5; },
      [](smartzone_next* reply, std::size_t*) { reply->position = 0; },  // does not get on
  };
  for (const Twist twist : twists) {
    FakeScript script{.writes = {"x"}};
    script.twist_next = twist;
    Session session = session_with(&script);
    EXPECT_EQ(error_of([&] { session.generate("0123456789", {}, {}); }).kind(), ErrorKind::kDevice);
  }
}

TEST(Language, PackagesThatContradictThemselvesAreRefused) {
  FakeScript script;
  const auto refusal = [&](const std::string& json) {
    Session session = Session::open(client::testing::open_fake_language(&script));
    return std::string(error_of([&] {
                         session.load(
                             Package::from_bytes(fake_language_package(100, json), "fake.szp"));
                       }).what());
  };
  const auto with = [](const std::string& context, const std::string& vocabulary) {
    return R"({"context":)" + context + R"(,"vocabulary":)" + vocabulary +
           R"(,"batch":4,"cache":"f32","formats":{}})";
  };
  EXPECT_THAT(refusal(with("100", "8")), HasSubstr("no error"));
  EXPECT_THAT(refusal(with("99", "8")), HasSubstr("context is 99, its plan 100"));
  EXPECT_THAT(refusal(with("100", "9")), HasSubstr("vocabulary is 9, its plan 8"));
}

}  // namespace
}  // namespace sz
