// Reads a trusted application's file as the trusted OS's loader does, to know what its image will
// take. The file comes from outside: everything in it is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace sz::analyze {

inline constexpr std::uint64_t kPage = 4096;

// The bytes are no trusted application that can be read. what() is one sentence.
class TaImageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Secure memory of the image, in bytes, whole pages.
struct TaImage {
  std::uint64_t shared = 0;      // code and constants: once for all instances
  std::uint64_t for_each = 0;    // data, zeroed data and heap: for each instance
  std::uint64_t text_bytes = 0;  // of `shared`, as in the file
  std::uint64_t data_bytes = 0;  // of `for_each`, as in the file, heap included
};

// `file` is a signed .ta (OP-TEE's format, not encrypted) or the bare ELF file in it. Throws
// TaImageError.
TaImage read_ta_image(std::span<const std::byte> file);

}  // namespace sz::analyze
