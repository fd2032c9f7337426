// SHA-256 by the trusted OS.
#pragma once

#include "base/memory.h"
#include "package/plan_reader.h"

namespace sz::ta {

// A SHA-256 over data that comes in pieces. Owns an operation of the trusted OS.
class Sha256 {
 public:
  Sha256() = default;
  ~Sha256() { stop(); }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  // Begins anew. False if the trusted OS has no memory for it.
  [[nodiscard]] bool start();

  // Adds `data`, which must not be shared memory: it would be read a second time. Only after start.
  void update(ByteSpan data);

  // The digest of all data since start; ends the operation. False if the trusted OS fails.
  [[nodiscard]] bool finish(package::Sha256Digest* digest);

  // Drops a begun operation.
  void stop();

 private:
  void* operation_ = nullptr;  // TEE_OperationHandle
};

// The digest of `data` in one go; a package::Sha256Fn.
[[nodiscard]] bool sha256(ByteSpan data, package::Sha256Digest* digest);

}  // namespace sz::ta
