#include "base/sha256.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <new>
#include <stdexcept>
#include <string>

namespace sz {
namespace {

void require(int succeeded) {
  if (succeeded == 1) return;
  const char* reason = ERR_reason_error_string(ERR_get_error());
  throw std::runtime_error(std::string("OpenSSL does not compute SHA-256: ") +
                           (reason != nullptr ? reason : "no reason given"));
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
  require(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

// These are noexcept although require() throws: once a context is set up, OpenSSL allocates nothing
// more, and if it fails all the same, no digest is better than a wrong one.

void Sha256::update(ByteSpan data) noexcept {
  require(EVP_DigestUpdate(context_.get(), data.data(), data.size()));
}

std::array<std::uint8_t, kSha256Bytes> Sha256::finish() noexcept {
  std::array<std::uint8_t, kSha256Bytes> digest{};
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr));
  require(EVP_DigestInit_ex(context_.get(), nullptr, nullptr));
  return digest;
}

}  // namespace sz
