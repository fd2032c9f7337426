#include "analyze/ta_image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/checked.h"

namespace sz::analyze {
namespace {

// OP-TEE's signed header: this, then digest and signature, then, depending on the type, more.
struct SignedHeader {
  std::uint32_t magic;
  std::uint32_t type;
  std::uint32_t image_bytes;
  std::uint32_t algorithm;
  std::uint16_t digest_bytes;
  std::uint16_t signature_bytes;
};
static_assert(sizeof(SignedHeader) == 20);

constexpr std::uint32_t kSignedMagic = 0x4f545348;
constexpr std::uint32_t kTypeTa = 0;           // nothing behind the signature
constexpr std::uint32_t kTypeBootstrapTa = 1;  // UUID and version
constexpr std::uint32_t kTypeEncryptedTa = 2;
constexpr std::uint64_t kBootstrapBytes = 20;
constexpr std::uint64_t kLimit = std::uint64_t{1} << 30;  // a TA's address window
constexpr unsigned kMaxSegments = 64;

[[noreturn]] void refuse(const std::string& why) {
  throw TaImageError("this is no trusted application that can be analysed: " + why);
}

template <typename T>
T read_at(std::span<const std::byte> bytes, std::uint64_t offset, const char* what) {
  T value;
  std::uint64_t end = 0;
  if (!checked_add(offset, sizeof(value), &end) || end > bytes.size()) {
    refuse(std::string("the file ends inside its ") + what);
  }
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

std::span<const std::byte> unwrap(std::span<const std::byte> file) {
  if (file.size() < sizeof(std::uint32_t)) refuse("the file is empty");
  if (read_at<std::uint32_t>(file, 0, "magic number") != kSignedMagic) return file;
  const auto header = read_at<SignedHeader>(file, 0, "signed header");
  if (header.type == kTypeEncryptedTa) refuse("it is encrypted");
  if (header.type > kTypeEncryptedTa) refuse("it is signed in a way that is not known here");
  const std::uint64_t skip = sizeof(header) + header.digest_bytes + header.signature_bytes +
                             (header.type == kTypeBootstrapTa ? kBootstrapBytes : kTypeTa);
  if (skip > file.size() || file.size() - skip != header.image_bytes) {
    refuse("the signed header and the length of the file do not agree");
  }
  return file.subspan(static_cast<std::size_t>(skip));
}

Elf64_Ehdr read_elf_header(std::span<const std::byte> elf) {
  const auto header = read_at<Elf64_Ehdr>(elf, 0, "ELF header");
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) refuse("it is no ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_AARCH64 || header.e_type != ET_DYN) {
    refuse("it is no position-independent 64-bit Arm program");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxSegments) {
    refuse("its table of segments has a strange size");
  }
  return header;
}

struct PageRange {
  std::uint64_t begin, end;
  std::uint64_t bytes() const { return end - begin; }
};

PageRange pages_of(const Elf64_Phdr& segment) {
  std::uint64_t end = 0;
  if (!checked_add(segment.p_vaddr, segment.p_memsz, &end) || end > kLimit ||
      segment.p_filesz > segment.p_memsz) {
    refuse("a segment lies outside of the address window");
  }
  return {segment.p_vaddr & ~(kPage - 1), align_up(end, kPage)};
}

}  // namespace

TaImage read_ta_image(std::span<const std::byte> file) {
  const std::span<const std::byte> elf = unwrap(file);
  const Elf64_Ehdr header = read_elf_header(elf);
  TaImage image;
  std::uint64_t loaded_to = 0;
  bool header_in_segment = false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    std::uint64_t at = 0;
    if (!checked_add(header.e_phoff, i * sizeof(Elf64_Phdr), &at))
      refuse("a strange segment table");
    const auto segment = read_at<Elf64_Phdr>(elf, at, "table of segments");
    if (segment.p_type != PT_LOAD || segment.p_memsz == 0) continue;
    std::uint64_t file_end = 0;
    if (!checked_add(segment.p_offset, segment.p_filesz, &file_end) || file_end > elf.size()) {
      refuse("a segment reaches past the end of the file");
    }
    const PageRange pages = pages_of(segment);
    if (pages.begin < loaded_to) refuse("its segments overlap or are out of order");
    loaded_to = pages.end;
    const bool writable = (segment.p_flags & PF_W) != 0;
    (writable ? image.for_each : image.shared) += pages.bytes();
    (writable ? image.data_bytes : image.text_bytes) += segment.p_memsz;
    header_in_segment = header_in_segment || segment.p_offset == 0;
  }
  if (image.shared == 0) refuse("it has no code");
  // The loader keeps the page with the ELF header, which it has read first.
  if (!header_in_segment) image.shared += kPage;
  return image;
}

}  // namespace sz::analyze
