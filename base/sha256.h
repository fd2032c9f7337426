// SHA-256 (FIPS 180-4) for the normal world and the host, by OpenSSL. The trusted application uses
// the trusted OS's (ta/digest.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/memory.h"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace sz {

inline constexpr std::size_t kSha256Bytes = 32;

// The digest of data that comes in pieces. Moves, does not copy; a moved-from object may only be
// destroyed or assigned to.
class Sha256 {
 public:
  // Throws std::bad_alloc, or std::runtime_error with OpenSSL's reason if this OpenSSL offers no
  // SHA-256 (its configuration can forbid it). The other functions cannot fail after that.
  Sha256();

  // Adds `data`; may be empty.
  void update(ByteSpan data) noexcept;

  // The digest of everything added since the start or the last finish(). The object starts afresh.
  std::array<std::uint8_t, kSha256Bytes> finish() noexcept;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace sz
