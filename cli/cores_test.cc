#include "cli/cores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {
namespace {

TEST(Cores, AreAutoOrANumber) {
  EXPECT_EQ(parse_cores("auto"), 0u);
  EXPECT_EQ(parse_cores("1"), 1u);
  EXPECT_EQ(parse_cores("8"), 8u);
  EXPECT_EQ(cores_text(0), "auto");
  EXPECT_EQ(cores_text(3), "3");
  for (const char* text : {"", "0", "9", "-1", "+2", "2x", " 2", "2.0", "Auto", "99999999999"}) {
    EXPECT_THROW(parse_cores(text), Error) << text;
  }
}

TEST(Cores, AreListedOnceEach) {
  EXPECT_THAT(parse_cores_list({"1", "auto", "4"}), ::testing::ElementsAre(1, 0, 4));
  EXPECT_THAT(parse_cores_list({}), ::testing::IsEmpty());
  EXPECT_THROW(parse_cores_list({"2", "2"}), Error);
  EXPECT_THROW(parse_cores_list({"1", "nine"}), Error);
}

}  // namespace
}  // namespace sz::cli
