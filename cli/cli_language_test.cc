// The commands for language models as a user runs them, on a small model of random weights.
#include "cli/testing/language_package.h"
#include "cli/testing/program.h"
#include "client/testing/test_package.h"
#include "protocol/commands.h"

namespace sz::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Result;
using testing::toy_language_package;

class LanguageCli : public testing::Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    write("toy.szp", toy_language_package(folder_.string(), 64));
  }
  json generate(const std::string& options) { return run_json("generate toy.szp " + options); }
};

TEST_F(LanguageCli, ExplainsItsCommandsWithExamples) {
  const std::string all = run("--help").out;
  for (const char* name : {"generate", "chat", "perplexity"}) {
    const Result one = run(std::string(name) + " --help");
    EXPECT_EQ(one.status, 0) << name;
    EXPECT_THAT(one.out,
                AllOf(HasSubstr("Examples:"), HasSubstr("smartzone " + std::string(name) + " "),
                      HasSubstr("--cores")));
    EXPECT_THAT(all, HasSubstr(name));
  }
}

TEST_F(LanguageCli, StreamsTextToStandardOutputAndTheSummaryToStandardError) {
  const Result said = run("generate toy.szp --backend host --greedy --prompt the --tokens 12");
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.err, AllOf(HasSubstr("tokens/s"), HasSubstr("first token"), HasSubstr("greedy"),
                              HasSubstr("weights"), HasSubstr("caches"), HasSubstr("NOT SECURE")));
  const json document = generate("--greedy --prompt the --tokens 12");
  EXPECT_EQ(said.out, document["text"].get<std::string>() + "\n");
  EXPECT_THAT(said.out, Not(HasSubstr("tokens/s")));
  const Result echoed =
      run("generate toy.szp --backend host --greedy --prompt the --tokens 12 --echo");
  EXPECT_EQ(echoed.out, "the" + said.out);
}

TEST_F(LanguageCli, DocumentHasTokensReportAndMemoryAndTheMemoryIsTheAnalysis) {
  const json said = generate("--greedy --prompt the --tokens 12 --cores 1");
  EXPECT_EQ(said["tokens"].size(), 12u);
  EXPECT_EQ(said["report"]["written"], 12);
  EXPECT_EQ(said["report"]["ended"], "limit");
  EXPECT_GT(said["report"]["writing_tokens_per_second"].get<double>(), 0);
  EXPECT_EQ(said["language"]["context"], 64);
  EXPECT_EQ(said["sampling"]["temperature"], 0);
  const json analysed = json::parse(run("analyze toy.szp --json").out);
  EXPECT_EQ(said["secure_memory"]["peak"], analysed["model"]);
}

TEST_F(LanguageCli, TakesThePromptFromOptionFileAndStandardInput) {
  const json wanted = generate("--greedy --prompt 'the he' --tokens 8")["tokens"];
  write("prompt.txt", std::string("the he"));
  EXPECT_EQ(generate("--greedy --prompt-file prompt.txt --tokens 8")["tokens"], wanted);
  EXPECT_EQ(generate("--greedy --tokens 8 - < prompt.txt")["tokens"], wanted);
  EXPECT_EQ(generate("--greedy --tokens 8 --prompt-file - < prompt.txt")["tokens"], wanted);
  EXPECT_EQ(generate("--greedy --tokens 8")["report"]["prompt_tokens"], 1);  // begins by itself
  EXPECT_EQ(run("generate toy.szp --prompt a --prompt-file prompt.txt").status, 1);
  EXPECT_EQ(run("generate toy.szp - --prompt a").status, 1);
  EXPECT_EQ(run("generate toy.szp prompt.txt").status, 1);
}

TEST_F(LanguageCli, TheSameSeedWritesTheSameAndIsTold) {
  const std::string options = "--prompt the --tokens 40 --temperature 1.5 --top-p 1 --min-p 0";
  const json one = generate(options + " --seed 7");
  EXPECT_EQ(one["sampling"]["seed"], 7);
  EXPECT_EQ(one["sampling"]["top_k"], 40);
  EXPECT_EQ(generate(options + " --seed 7")["tokens"], one["tokens"]);
  EXPECT_NE(generate(options + " --seed 8")["tokens"], one["tokens"]);
  const json random = generate(options);
  const std::string seed = std::to_string(random["sampling"]["seed"].get<std::uint64_t>());
  EXPECT_EQ(generate(options + " --seed " + seed)["tokens"], random["tokens"]);
  EXPECT_THAT(run("generate toy.szp --backend host --prompt the --tokens 2 --seed 9").err,
              HasSubstr("seed 9"));
}

TEST_F(LanguageCli, ThePromptIsCutIntoTheSameTextHoweverManyAreComputedAtOnce) {
  // 30 tokens are four batches; one core or two.
  const std::string long_prompt = "--greedy --prompt 'the the the the he he he t t t' --tokens 10 ";
  EXPECT_EQ(generate(long_prompt + "--cores 1")["tokens"],
            generate(long_prompt + "--cores 2")["tokens"]);
}

TEST_F(LanguageCli, AConversationGoesOnInAnotherProcessWhereItWasSaved) {
  const json whole = generate("--greedy --prompt the --tokens 20");
  const json first = generate("--greedy --prompt the --tokens 10 --save talk.szc");
  EXPECT_EQ(first["tokens"].size(), 10u);
  EXPECT_GT(read(path("talk.szc")).size(), 10u * 2 * 2 * 2 * 8 * 4);  // the caches are in it
  json tokens = first["tokens"];
  const json second = generate("--greedy --resume talk.szc --tokens 10");
  for (const json& token : second["tokens"]) tokens.push_back(token);
  EXPECT_EQ(tokens, whole["tokens"]);
}

TEST_F(LanguageCli, SavedFilesThatWereChangedAreRefused) {
  generate("--greedy --prompt the --tokens 10 --save talk.szc");
  std::string bytes = read(path("talk.szc"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  write("bad.szc", bytes);
  const Result bad = run("generate toy.szp --backend host --resume bad.szc");
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, AllOf(HasSubstr("bad.szc"), HasSubstr("changed")));
  EXPECT_EQ(bad.out, "");
  write("other.szp", toy_language_package(folder_.string(), 48));
  EXPECT_THAT(run("generate other.szp --backend host --resume talk.szc").err,
              HasSubstr("another model"));
  EXPECT_THAT(run("generate toy.szp --backend host --resume none.szc").err,
              HasSubstr("No such file"));
}

TEST_F(LanguageCli, AFullContextEndsTheTextAndLongPromptsAreRefusedWithNumbers) {
  const json full = generate("--greedy --prompt the --tokens 0 --repeat-penalty 1.2");
  EXPECT_THAT(full["report"]["ended"], ::testing::AnyOf("context full", "end of text"));
  EXPECT_LE(full["report"]["position"].get<int>(), 64);
  write("long.txt", std::string(500, 'x'));
  const Result refused = run("generate toy.szp --backend host --prompt-file long.txt");
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, ::testing::AnyOf(HasSubstr("room for"), HasSubstr("at most")));
  write("bad.txt", std::string("he\xff"));
  EXPECT_THAT(run("generate toy.szp --backend host --prompt-file bad.txt").err,
              HasSubstr("byte at offset 2"));
}

TEST_F(LanguageCli, ChatAnswersLineByLineInOneContext) {
  write("lines.txt", std::string("the\n\nhe the\n"));
  const json said =
      json::parse(run("chat toy.szp --backend host --greedy --tokens 6 --json < lines.txt").out);
  ASSERT_EQ(said["turns"].size(), 2u);
  EXPECT_EQ(said["template"], "none");
  EXPECT_EQ(said["turns"][0]["message"], "the");
  EXPECT_EQ(said["turns"][0]["tokens"], generate("--greedy --prompt the --tokens 6")["tokens"]);
  EXPECT_GT(said["turns"][1]["report"]["position"].get<int>(),
            said["turns"][0]["report"]["position"].get<int>() + 6);
  const Result text = run("chat toy.szp --backend host --greedy --tokens 6 < lines.txt");
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr(said["turns"][1]["text"].get<std::string>()));
  EXPECT_THAT(text.err, HasSubstr("turns        2"));
}

TEST_F(LanguageCli, ChatResetsSavesLoadsAndSaysWhatItDoesNotKnow) {
  write(
      "lines.txt",
      std::string(
          "the\n/save talk.szc\n/reset\nthe\n/load talk.szc\nhe\n/seed 4\n/stats\n/quit\nnever\n"));
  const json said = json::parse(
      run("chat toy.szp --backend host --greedy --tokens 5 --json < lines.txt 2> err.txt")
          .out.substr(0));
  ASSERT_EQ(said["turns"].size(), 3u);
  EXPECT_EQ(said["turns"][0]["tokens"], said["turns"][1]["tokens"]);
  // "he" after the loaded conversation is as if it had never ended.
  write("straight.txt", std::string("the\nhe\n"));
  const json straight =
      json::parse(run("chat toy.szp --backend host --greedy --tokens 5 --json < straight.txt").out);
  EXPECT_EQ(said["turns"][2]["tokens"], straight["turns"][1]["tokens"]);
  write("wrong.txt", std::string("/fly\n/seed x\n/load\n/load none.szc\n//he\n"));
  const Result wrong = run("chat toy.szp --backend host --greedy --tokens 5 < wrong.txt");
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("/fly: there is no such command"),
                               HasSubstr("/seed: needs"), HasSubstr("/load: needs"),
                               HasSubstr("No such file"), HasSubstr("turns        1")));
}

TEST_F(LanguageCli, ChatSaysWhenTheContextIsFullAndGoesOnAfterReset) {
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += "the he the\n";
  write("lines.txt", lines + "/reset\nthe\n");
  const Result said = run("chat toy.szp --backend host --greedy --tokens 12 < lines.txt");
  EXPECT_EQ(said.status, 1);
  EXPECT_THAT(said.err, HasSubstr("/reset begins a new conversation"));
  write("after.txt", lines + "/reset\nthe\n");
  const json document =
      json::parse(run("chat toy.szp --backend host --greedy --tokens 12 --json < after.txt").out);
  EXPECT_EQ(document["turns"].back()["tokens"],
            generate("--greedy --prompt the --tokens 12")["tokens"]);
}

TEST_F(LanguageCli, PerplexityOfTextsAndOfTheirPieces) {
  std::string blanks;
  for (int i = 0; i < 40; ++i) blanks += "x y z\n";
  write("a.txt", std::string("the he the"));
  write("b.txt", blanks);
  const json said = run_json("perplexity toy.szp a.txt b.txt");
  ASSERT_EQ(said["texts"].size(), 2u);
  const json& a = said["texts"][0];
  const json& b = said["texts"][1];
  EXPECT_EQ(a["pieces"], 1);
  EXPECT_GT(b["pieces"], 1);
  EXPECT_EQ(a["judged"].get<int>(), a["tokens"].get<int>() - 1);
  EXPECT_NEAR(said["all"]["nll"].get<double>(), a["nll"].get<double>() + b["nll"].get<double>(),
              1e-9);
  EXPECT_NEAR(a["perplexity"].get<double>(), std::exp(a["mean_nll"].get<double>()), 1e-6);
  const Result text = run("perplexity toy.szp a.txt b.txt --backend host");
  EXPECT_THAT(text.out, AllOf(HasSubstr("a.txt"), HasSubstr("all"), HasSubstr("perplexity")));
}

// The logits say the same as the figure, and what greedy writing chooses.
TEST_F(LanguageCli, LogitsThatMayLeaveGiveTheSameFigure) {
  write("a.txt", std::string("the he the"));
  const json said = run_json("perplexity toy.szp a.txt --logits logits.npy");
  const std::string file = read(path("logits.npy"));
  const std::size_t rows = said["all"]["tokens"].get<std::size_t>();
  ASSERT_GT(file.size(), rows * 264 * 4);
  std::vector<float> last(264);
  std::memcpy(last.data(), file.data() + file.size() - 264 * 4, 264 * 4);
  const auto best = std::max_element(last.begin(), last.end()) - last.begin();
  EXPECT_EQ(generate("--greedy --prompt 'the he the' --tokens 1")["tokens"][0], best);
}

TEST_F(LanguageCli, BenchRacesPromptsAndAnswers) {
  const json said =
      run_json("bench toy.szp --cores 1,2 --runs 2 --warmup 1 --prompt-tokens 20 --tokens 10");
  EXPECT_EQ(said["identical"], true);
  ASSERT_EQ(said["backends"].size(), 2u);
  EXPECT_EQ(said["backends"][0]["prompt"]["times_ms"].size(), 2u);
  EXPECT_GT(said["backends"][1]["writing"]["tokens_per_second"].get<double>(), 0);
  EXPECT_EQ(said["prompt"]["speedups"].size(), 1u);
  EXPECT_GT(said["writing"]["speedups"][0]["speedup"].get<double>(), 0);
  const Result text = run("bench toy.szp --backend host --runs 1 --prompt-tokens 20 --tokens 10");
  EXPECT_THAT(text.out, AllOf(HasSubstr("tokens of all runs: the same"), HasSubstr("writing")));
  EXPECT_THAT(run("bench toy.szp --backend host --prompt-tokens 60 --tokens 10").err,
              HasSubstr("do not fit the context of 64"));
}

TEST_F(LanguageCli, OtherCommandsShowItOrSayWhatToUse) {
  EXPECT_THAT(run("inspect toy.szp").out,
              AllOf(HasSubstr("vocabulary 264"), HasSubstr("context 64"), HasSubstr("no template"),
                    Not(HasSubstr("pictures"))));
  EXPECT_EQ(json::parse(run("inspect toy.szp --json").out)["info"]["language"]["context"], 64);
  EXPECT_THAT(run("run toy.szp x.npy").err, HasSubstr("use `smartzone generate`"));
  EXPECT_THAT(run("accuracy toy.szp --npy x.npy --npy-labels y.npy").err,
              HasSubstr("is a language model"));
  write("net.szp", client::testing::identity_package({1, 4}));
  for (const char* name : {"generate net.szp", "chat net.szp", "perplexity net.szp net.szp"}) {
    const Result said = run(name);
    EXPECT_EQ(said.status, 1);
    EXPECT_THAT(said.err, HasSubstr("use `smartzone run`"));
  }
}

// Ctrl-C while it writes: the text so far, the summary, and the status that shells know. The signal
// comes when there is text; the context is so long that the text cannot end in the meantime.
TEST_F(LanguageCli, CtrlCStopsAtATokenAndKeepsTheSummary) {
  write("endless.szp", toy_language_package(folder_.string(), 60000));
  // A shell's background processes ignore Ctrl-C, which env takes back.
  const std::string command =
      "cd '" + folder_.string() +
      "' && { env --default-signal=INT " SMARTZONE_PROGRAM
      " generate endless.szp --backend host --tokens 0 --prompt the --greedy > text 2> err & "
      "n=0; while [ ! -s text ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done; "
      "kill -INT $!; wait $!; }";
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_GT(read(path("text")).size(), 1u);
  EXPECT_THAT(read(path("err")), AllOf(HasSubstr("ended        stopped"), HasSubstr("tokens/s")));
}

}  // namespace
}  // namespace sz::cli
