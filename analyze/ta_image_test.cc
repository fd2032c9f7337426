#include "analyze/ta_image.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace sz::analyze {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes* bytes, const T& value) {
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  bytes->insert(bytes->end(), from, from + sizeof(value));
}

struct Segment {
  std::uint32_t flags;
  std::uint64_t offset, address, file_bytes, memory_bytes;
};

// An ELF file with these segments, long enough to hold them.
Bytes elf(const std::vector<Segment>& segments) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_AARCH64;
  header.e_type = ET_DYN;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(segments.size());
  Bytes file;
  append(&file, header);
  std::size_t end = 0;
  for (const Segment& segment : segments) {
    append(&file, Elf64_Phdr{PT_LOAD, segment.flags, segment.offset, segment.address,
                             segment.address, segment.file_bytes, segment.memory_bytes, kPage});
    end = std::max<std::size_t>(end, segment.offset + segment.file_bytes);
  }
  file.resize(std::max(file.size(), end));
  return file;
}

const std::vector<Segment> kUsual = {{PF_R | PF_X, 0x1000, 0, 0x2345, 0x2345},
                                     {PF_R | PF_W, 0x4000, 0x3000, 0x100, 0x5001}};

Bytes signed_file(const Bytes& image, std::uint32_t type) {
  Bytes file;
  append(&file, std::uint32_t{0x4f545348});
  append(&file, type);
  append(&file, static_cast<std::uint32_t>(image.size()));
  append(&file, std::uint32_t{0x70414930});
  append(&file, std::uint16_t{32});
  append(&file, std::uint16_t{256});
  file.resize(file.size() + 32 + 256 + (type == 1 ? 20 : 0));
  file.insert(file.end(), image.begin(), image.end());
  return file;
}

TEST(TaImage, CountsSegmentsInWholePagesAndThePageOfTheHeader) {
  const TaImage image = read_ta_image(elf(kUsual));
  EXPECT_EQ(image.shared, 3 * kPage + kPage);
  EXPECT_EQ(image.for_each, 6 * kPage);
  EXPECT_EQ(image.text_bytes, 0x2345u);
  EXPECT_EQ(image.data_bytes, 0x5001u);
}

TEST(TaImage, ReadsSignedFilesOfBothKinds) {
  for (const std::uint32_t type : {0u, 1u}) {
    EXPECT_EQ(read_ta_image(signed_file(elf(kUsual), type)).for_each, 6 * kPage);
  }
}

std::string refusal(const Bytes& file) {
  try {
    read_ta_image(file);
  } catch (const TaImageError& error) {
    return error.what();
  }
  return "";
}

TEST(TaImage, RefusesWhatItCannotRead) {
  EXPECT_NE(refusal({}).find("empty"), std::string::npos);
  EXPECT_NE(refusal(Bytes(100)).find("no ELF"), std::string::npos);
  EXPECT_NE(refusal(signed_file(elf(kUsual), 2)).find("encrypted"), std::string::npos);
  EXPECT_NE(refusal(signed_file(elf(kUsual), 3)).find("not known"), std::string::npos);
  EXPECT_NE(refusal(elf({})).find("no code"), std::string::npos);
  Bytes x86 = elf(kUsual);
  x86[offsetof(Elf64_Ehdr, e_machine)] = std::byte{EM_X86_64};
  EXPECT_NE(refusal(x86).find("64-bit Arm"), std::string::npos);
}

TEST(TaImage, RefusesEveryTruncation) {
  const Bytes whole = signed_file(elf(kUsual), 1);
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += bytes < 600 ? 1 : 97) {
    EXPECT_THROW(read_ta_image(std::span(whole).first(bytes)), TaImageError) << bytes;
  }
}

TEST(TaImage, RefusesSegmentsThatCannotBe) {
  const auto with = [](Segment second) { return elf({kUsual[0], second}); };
  const std::uint64_t huge = ~std::uint64_t{0} - 100;
  EXPECT_NE(refusal(with({PF_W, 0, 0x1000, 1, 1})).find("overlap"), std::string::npos);
  EXPECT_NE(refusal(with({PF_W, 0, huge, 1, 200})).find("window"), std::string::npos);
  EXPECT_NE(refusal(with({PF_W, 0, 0x3000, 1, std::uint64_t{1} << 31})).find("window"),
            std::string::npos);
  EXPECT_NE(refusal(with({PF_W, 0, 0x3000, 2, 1})).find("window"), std::string::npos);
  Bytes past = elf(kUsual);
  past.resize(past.size() - 1);
  EXPECT_NE(refusal(past).find("past the end"), std::string::npos);
}

}  // namespace
}  // namespace sz::analyze
