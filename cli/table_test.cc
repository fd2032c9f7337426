#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sz::cli {
namespace {

TEST(Table, AlignsItsColumns) {
  Table table({{"name", Table::Align::kLeft}, {"n", Table::Align::kRight}});
  table.add({"a", "5"});
  table.add({"longer", "1234"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "name       n\n"
            "a          5\n"
            "longer  1234\n");
}

TEST(Numbers, AreWrittenForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(4997120), "4,997,120");
  EXPECT_EQ(mib(3 << 19), "1.50 MiB");
}

}  // namespace
}  // namespace sz::cli
