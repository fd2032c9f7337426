#include "client/saved_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "include/smartzone/smartzone.hpp"

namespace sz::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SavedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "smartzone_saved_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = (folder_ / "talk.szc").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string content() const {
    std::ifstream stream(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void set_content(const std::string& bytes) const {
    std::ofstream(file_, std::ios::binary) << bytes;
  }
  std::string refusal() const {
    try {
      read_saved(file_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  std::filesystem::path folder_;
  std::string file_;
};

Pieces two_pieces() {
  return {std::vector<std::byte>(300, std::byte{7}), std::vector<std::byte>(5, std::byte{9})};
}

TEST_F(SavedFile, ComesBackAsItWasAndIsTheOwnersAlone) {
  set_content("an older file");
  write_saved(file_, two_pieces());
  EXPECT_EQ(read_saved(file_), two_pieces());
  struct stat facts {};
  ASSERT_EQ(stat(file_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) files += entry.exists();
  EXPECT_EQ(files, 1u);  // nothing temporary stays
}

TEST_F(SavedFile, LeavesTheOldFileWhereTheNewOneCannotBeWritten) {
  EXPECT_THROW(write_saved((folder_ / "none" / "x").string(), two_pieces()), Error);
  std::filesystem::create_directory(folder_ / "talk.szc");
  EXPECT_THROW(write_saved(file_, two_pieces()), Error);
  EXPECT_TRUE(std::filesystem::is_directory(file_));
}

TEST_F(SavedFile, IsRefusedAtEveryLengthButItsOwn) {
  write_saved(file_, two_pieces());
  const std::string good = content();
  for (std::size_t size = 0; size < good.size(); ++size) {
    set_content(good.substr(0, size));
    EXPECT_THAT(refusal(), HasSubstr(size < 8 ? "is not a saved conversation" : "was cut short"));
  }
  set_content(good + "x");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file_), HasSubstr("1 bytes behind the end")));
}

TEST_F(SavedFile, IsRefusedWithCountsAndSizesAtTheirExtremes) {
  write_saved(file_, two_pieces());
  const std::string good = content();
  const auto with = [&](std::size_t at, std::uint32_t number) {
    std::string bytes = good;
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(number >> (8 * i));
    return bytes;
  };
  for (const std::uint32_t count : {0u, 1u, 3u, 0x7fffffffu, 0xffffffffu}) {
    set_content(with(8, count));
    EXPECT_NE(refusal(), "") << count;
  }
  for (const std::uint32_t size : {0u, 299u, 301u, (256u << 10) + 1, 0x80000000u, 0xffffffffu}) {
    set_content(with(12, size));
    EXPECT_NE(refusal(), "") << size;
  }
}

TEST_F(SavedFile, NamesTheFileThatIsNotThere) {
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file_), HasSubstr("No such file")));
  std::filesystem::create_directory(folder_ / "talk.szc");
  EXPECT_THAT(refusal(), HasSubstr("folder"));
}

}  // namespace
}  // namespace sz::client
