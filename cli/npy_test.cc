#include "cli/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sz::cli {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> bytes_of(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) bytes[i] = static_cast<std::byte>(text[i]);
  return bytes;
}

// A file with this dictionary and this many bytes of data.
std::vector<std::byte> npy(const std::string& header, std::size_t data, char version = 1) {
  std::string text = "\x93NUMPY";
  text += version;
  text += '\0';
  text += static_cast<char>(header.size() & 0xff);
  text += static_cast<char>(header.size() >> 8);
  if (version == 2) text += std::string(2, '\0');
  return bytes_of(text + header + std::string(data, '\1'));
}

std::string error_of(const std::vector<std::byte>& bytes) {
  try {
    parse_npy(bytes, "a.npy");
  } catch (const Error& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(Npy, ReadsWhatNumpyWrites) {
  const Npy one = parse_npy(
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", 24), "a.npy");
  EXPECT_EQ(one.type, ElementType::kF32);
  EXPECT_EQ(one.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(one.data.size(), 24u);
  EXPECT_EQ(
      parse_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", 5), "").shape,
      std::vector<std::int64_t>{5});
  EXPECT_TRUE(parse_npy(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", 8), "")
                  .shape.empty());
  EXPECT_EQ(
      parse_npy(npy("{\"shape\": (0, 4), \"fortran_order\": False, \"descr\": \"|b1\"}", 0, 2), "")
          .type,
      ElementType::kBool);
}

TEST(Npy, SurvivesTheWayThereAndBack) {
  const std::vector<std::byte> data(4 * 3 * 5, std::byte{7});
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{15}, {3, 5}, {1, 3, 1, 5}, {}}) {
    const std::size_t bytes = shape.empty() ? 4 : data.size();
    const auto file = format_npy(ElementType::kI32, shape, std::span(data).first(bytes));
    EXPECT_EQ((file.size() - bytes) % 64, 0u);
    const Npy back = parse_npy(file, "a.npy");
    EXPECT_EQ(back.type, ElementType::kI32);
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.data.size(), bytes);
  }
}

TEST(Npy, SaysWhatItDoesNotRead) {
  EXPECT_THAT(error_of(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", 8)),
              HasSubstr("element type '<f8'"));
  EXPECT_THAT(error_of(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4)),
              HasSubstr("element type '>f4'"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4)),
              HasSubstr("Fortran order"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5)),
              HasSubstr("has 5 bytes of data; its header promises 4"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': False, }", 4)),
              HasSubstr("lacks one of the keys"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'descr': '<f4', }", 4)), HasSubstr("twice"));
  EXPECT_THAT(error_of(npy("{'x': 1}", 4)), HasSubstr("none of NumPy's"));
  EXPECT_THAT(error_of(npy("[1]", 4)), HasSubstr("dictionary"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4)),
              HasSubstr("behind its dictionary"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", 4)),
              HasSubstr("neither True nor False"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4)),
              HasSubstr("no number"));
  EXPECT_THAT(error_of(npy("{'descr': '<f4', 'fortran_order': False, "
                           "'shape': (1000000000, 1000000000, 1000000000)}",
                           4)),
              HasSubstr("beyond every limit"));
  EXPECT_THAT(
      error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4)),
      HasSubstr("more than 8 dimensions"));
  EXPECT_THAT(error_of(npy("{}", 0, 3)), HasSubstr("format 3.0"));
  EXPECT_THAT(error_of(bytes_of("PK")), HasSubstr("not a .npy file"));
}

TEST(Npy, RefusesEveryTruncation) {
  const std::vector<std::byte> good =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(parse_npy(std::span(good).first(size), "a.npy"), Error) << size;
  }
}

}  // namespace
}  // namespace sz::cli
