#include "ta/digest.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

// Bytes in one TEE_DigestUpdate. OP-TEE masks the normal world's interrupts while it computes with
// vector registers, so a piece must not take long: a few milliseconds on the slowest cores.
constexpr std::size_t kPiece = std::size_t{256} << 10;

TEE_OperationHandle handle(void* operation) { return static_cast<TEE_OperationHandle>(operation); }

}  // namespace

bool Sha256::start() {
  stop();
  TEE_OperationHandle operation = TEE_HANDLE_NULL;
  if (TEE_AllocateOperation(&operation, TEE_ALG_SHA256, TEE_MODE_DIGEST, 0) != TEE_SUCCESS) {
    return false;
  }
  operation_ = operation;
  return true;
}

void Sha256::update(ByteSpan data) {
  while (operation_ != nullptr && !data.empty()) {
    const std::size_t piece = data.size() < kPiece ? data.size() : kPiece;
    TEE_DigestUpdate(handle(operation_), data.data(), piece);
    data = data.subspan(piece);
  }
}

bool Sha256::finish(package::Sha256Digest* digest) {
  if (operation_ == nullptr) return false;
  std::size_t bytes = digest->size();
  const TEE_Result result =
      TEE_DigestDoFinal(handle(operation_), nullptr, 0, digest->data(), &bytes);
  stop();
  return result == TEE_SUCCESS && bytes == digest->size();
}

void Sha256::stop() {
  if (operation_ == nullptr) return;
  TEE_FreeOperation(handle(operation_));
  operation_ = nullptr;
}

bool sha256(ByteSpan data, package::Sha256Digest* digest) {
  Sha256 hash;
  if (!hash.start()) return false;
  hash.update(data);
  return hash.finish(digest);
}

}  // namespace sz::ta
