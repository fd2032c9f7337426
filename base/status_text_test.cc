#include "base/status_text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace sz {
namespace {

TEST(StatusText, EveryStatusHasItsNameAndSentence) {
  std::ifstream file(std::string(SMARTZONE_SOURCE_DIR) + "/base/status.h");
  ASSERT_TRUE(file);
  std::stringstream text;
  text << file.rdbuf();
  const std::string source = text.str();
  const std::regex line(R"((k\w+) = (\d+),)");
  int found = 0;
  for (std::sregex_iterator it(source.begin(), source.end(), line), end; it != end; ++it) {
    const auto number = static_cast<std::uint32_t>(std::stoul((*it)[2]));
    EXPECT_EQ(status_name(number), (*it)[1].str());
    EXPECT_GT(status_sentence(number, 0).size(), 4u);
    ++found;
  }
  EXPECT_GT(found, 30);
}

TEST(StatusText, DetailIsPartOfTheSentence) {
  const auto status = static_cast<std::uint32_t>(Status::kTensorBounds);
  EXPECT_NE(status_sentence(status, 42).find("42"), std::string::npos);
}

TEST(StatusText, UnknownNumberIsSaid) {
  EXPECT_EQ(status_name(12345), "unknown status");
  EXPECT_EQ(status_sentence(12345, 0), "unknown status 12345");
}

}  // namespace
}  // namespace sz
