#include "client/model_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sz::client {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGood = R"({
  "format": 1, "name": "digits",
  "inputs": [{"name": "image", "dtype": "f32", "shape": [1, 1, 20, 20]}],
  "outputs": [{"name": "p", "dtype": "f32", "shape": [1, 10]}],
  "labels": ["zero", "one"],
  "preprocess": {"version": 1, "color": "GRAY", "resize": {"shorter_side": 24},
                 "crop": {"height": 20, "width": 20}, "mean": [128.0], "scale": [0.0078125]},
  "something else": {"anything": [1, 2]}})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string error_of(const std::string& json) {
  try {
    parse_model_info(json, "m.szp");
  } catch (const Error& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(ModelInfo, ReadsEverythingThatIsThere) {
  const ModelInfo info = parse_model_info(kGood, "m.szp");
  EXPECT_EQ(info.name, "digits");
  ASSERT_EQ(info.inputs.size(), 1u);
  EXPECT_EQ(info.inputs[0].name, "image");
  EXPECT_EQ(info.inputs[0].shape, (std::vector<std::int64_t>{1, 1, 20, 20}));
  EXPECT_EQ(info.inputs[0].bytes(), 1600u);
  EXPECT_EQ(info.outputs[0].elements(), 10u);
  EXPECT_EQ(info.labels, (std::vector<std::string>{"zero", "one"}));
  ASSERT_TRUE(info.preprocess);
  EXPECT_EQ(info.preprocess->color, Preprocess::Color::kGray);
  EXPECT_EQ(info.preprocess->resize_shorter_side, 24u);
  EXPECT_EQ(info.preprocess->crop_width, 20u);
  EXPECT_EQ(info.preprocess->mean, std::vector<float>{128.0f});
}

TEST(ModelInfo, TakesAbsentLabelsAndPreprocessing) {
  const ModelInfo info = parse_model_info(
      R"({"format":1,"name":"n","inputs":[{"name":"x","dtype":"i64","shape":[]}],
          "outputs":[{"name":"y","dtype":"u8","shape":[3]}],"labels":null,"preprocess":null})",
      "m.szp");
  EXPECT_TRUE(info.labels.empty());
  EXPECT_FALSE(info.preprocess);
  EXPECT_EQ(info.inputs[0].bytes(), 8u);
}

constexpr const char* kLanguage = R"({
  "format": 1, "name": "stories", "inputs": [], "outputs": [],
  "language": {"context": 512, "vocabulary": 32000, "batch": 64, "cache": "q8_0",
               "formats": {"Q6_K -> q8_0": 3, "F32": 13}, "chat_template": "<|im_start|>"}})";

TEST(ModelInfo, ReadsWhatALanguageModelIs) {
  const ModelInfo info = parse_model_info(kLanguage, "m.szp");
  ASSERT_TRUE(info.language);
  EXPECT_EQ(info.language->context, 512u);
  EXPECT_EQ(info.language->vocabulary, 32000u);
  EXPECT_EQ(info.language->batch, 64u);
  EXPECT_EQ(info.language->cache, "q8_0");
  EXPECT_EQ(info.language->formats.at("Q6_K -> q8_0"), 3u);
  EXPECT_EQ(info.language->chat_template, "<|im_start|>");
  EXPECT_EQ(parse_model_info(replaced(kLanguage, "\"<|im_start|>\"", "null"), "m.szp")
                .language->chat_template,
            "");
  EXPECT_FALSE(parse_model_info(kGood, "m.szp").language);
}

TEST(ModelInfo, NamesTheMemberOfALanguageModelThatIsWrong) {
  const auto with = [](const char* from, const char* to) {
    return error_of(replaced(kLanguage, from, to));
  };
  EXPECT_THAT(with("\"context\": 512, ", ""), HasSubstr("language.context is missing"));
  EXPECT_THAT(with("512", "0"), HasSubstr("language.context is not an integer from 1"));
  EXPECT_THAT(with("32000", "1e3"), HasSubstr("language.vocabulary"));
  EXPECT_THAT(with("64", "2147483648"), HasSubstr("language.batch"));
  EXPECT_THAT(with("\"q8_0\"", "8"), HasSubstr("language.cache is not a text"));
  EXPECT_THAT(with("13}", "-1}"), HasSubstr("language.formats.F32"));
  EXPECT_THAT(with("\"<|im_start|>\"", "5"), HasSubstr("language.chat_template is not a text"));
  EXPECT_THAT(with("\"inputs\": []", R"("inputs": [{"name": "x", "dtype": "f32", "shape": []}])"),
              HasSubstr("so are inputs or outputs"));
  EXPECT_THAT(error_of(R"({"format":1,"name":"n","inputs":[],"outputs":[],"language":null})"),
              HasSubstr("outputs is not a list of 1"));
}

TEST(ModelInfo, NamesTheMemberThatIsWrong) {
  EXPECT_THAT(error_of("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("m.szp: format is missing"));
  EXPECT_THAT(error_of(replaced(kGood, "\"f32\"", "\"f16\"")),
              HasSubstr("inputs[0].dtype is 'f16'"));
  EXPECT_THAT(error_of(replaced(kGood, "[1, 1, 20, 20]", "[1, 0, 20]")),
              HasSubstr("inputs[0].shape[1] is not an integer from 1"));
  EXPECT_THAT(error_of(replaced(kGood, "[1, 1, 20, 20]", "[1, 1, 1, 1, 1, 1, 1]")),
              HasSubstr("inputs[0].shape"));
  EXPECT_THAT(error_of(replaced(kGood, "[1, 1, 20, 20]", "[1.5]")), HasSubstr("shape[0]"));
  EXPECT_THAT(error_of(replaced(kGood, "[1, 1, 20, 20]", "[18446744073709551615]")),
              HasSubstr("shape[0]"));
  EXPECT_THAT(error_of(replaced(kGood, "[1, 1, 20, 20]", "[65536, 65536]")), HasSubstr("1 GiB"));
  EXPECT_THAT(error_of(replaced(kGood, "\"zero\"", "0")), HasSubstr("labels[0] is not a text"));
}

TEST(ModelInfo, RefusesWrongPreprocessing) {
  EXPECT_THAT(error_of(replaced(kGood, "\"GRAY\"", "\"RGB\"")), HasSubstr("preprocess.mean"));
  EXPECT_THAT(error_of(replaced(kGood, "\"GRAY\"", "\"grey\"")), HasSubstr("GRAY, RGB or BGR"));
  EXPECT_THAT(error_of(replaced(kGood, "[128.0]", "[1e60]")), HasSubstr("mean[0] is out of range"));
  EXPECT_THAT(error_of(replaced(kGood, "\"shorter_side\": 24", "\"shorter_side\": 0")),
              HasSubstr("preprocess.resize.shorter_side"));
  EXPECT_THAT(error_of(replaced(kGood, "\"shorter_side\": 24", "\"height\": 9")),
              HasSubstr("preprocess.resize.width is missing"));
  EXPECT_THAT(error_of(replaced(kGood, "\"version\": 1", "\"version\": 2")),
              HasSubstr("preprocess.version"));
}

TEST(ModelInfo, RefusesDeepNesting) {
  EXPECT_THAT(error_of(std::string(100000, '[')), HasSubstr("too deeply"));
}

TEST(ModelInfo, SurvivesEveryTruncation) {
  const std::string good = kGood;
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(parse_model_info(std::string_view(good).substr(0, size), "m.szp"), Error) << size;
  }
}

}  // namespace
}  // namespace sz::client
