#include "ta/secure_memory.h"

#include "base/checked.h"
#include "engine/model.h"
#include "package/plan_format.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {

bool SecureRegion::map(std::uint64_t bytes) {
  if (mapped_ != 0) return false;
  if (bytes == 0) return true;
  // tee_map_zi passes its length on as 32 bits; more than the TA's window cannot be had anyway.
  if (bytes > package::kMaxRegionBytes) return false;
  const std::uint64_t rounded = align_up(bytes, engine::kPageBytes);
  void* base = tee_map_zi(static_cast<std::size_t>(rounded), 0);
  if (base == nullptr) return false;
  base_ = static_cast<std::byte*>(base);
  bytes_ = bytes;
  mapped_ = rounded;
  return true;
}

bool SecureRegion::release() {
  if (mapped_ == 0) return true;
  wipe_bytes(base_, static_cast<std::size_t>(mapped_));
  if (tee_unmap(base_, static_cast<std::size_t>(mapped_)) != TEE_SUCCESS) return false;
  base_ = nullptr;
  bytes_ = 0;
  mapped_ = 0;
  return true;
}

}  // namespace sz::ta
