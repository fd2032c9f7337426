// SHA-256 (FIPS 180-4) for the normal world and the host. Own code and not libcrypto's, because the
// device's normal world, where client and host back end run too, has no libcrypto. The trusted
// application uses the trusted OS's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sz {

inline constexpr std::size_t kSha256Bytes = 32;

class Sha256 {
 public:
  // Adds `size` bytes; nullptr is allowed with 0.
  void update(const void* data, std::size_t size);

  // The digest of everything added. The object must not be used afterwards.
  std::array<std::uint8_t, kSha256Bytes> finish();

 private:
  static constexpr std::size_t kBlock = 64;

  void compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::uint64_t bytes_ = 0;
  std::array<std::uint8_t, kBlock> pending_{};  // the first bytes_ % kBlock are in use
};

}  // namespace sz
