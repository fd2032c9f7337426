// Secure memory that is taken from the trusted OS at run time and given back wiped.
#pragma once

#include <cstdint>

#include "base/memory.h"

namespace sz::ta {

// The regions of a loaded model. The numbers are the detail of Status::kOutOfSecureMemory.
enum class MemoryRegion : std::uint32_t {
  kControl = 0,  // the plan's copy and the resolved tensors
  kWeights = 1,
  kArena = 2,
  kScratch = 3,
  kSystem = 4,  // the trusted OS's or the TA's own heap (session, digest)
  kBoard = 5,   // through which cores share work
  kStacks = 6,  // of the helpers on other cores
  kState = 7,   // a language model's key-value caches
  kLanguage = 8,  // its tokens and working memory
};

// A piece of secure memory, whole pages, zeroed when it is taken. Owns it: wiped and returned by
// the destructor. Movable neither nor copyable, for the model borrows its address.
class SecureRegion {
 public:
  SecureRegion() = default;
  ~SecureRegion() { static_cast<void>(release()); }
  SecureRegion(const SecureRegion&) = delete;
  SecureRegion& operator=(const SecureRegion&) = delete;

  // Takes `bytes` rounded up to whole pages; nothing if `bytes` is 0. The region must be empty.
  // False if there is not that much.
  [[nodiscard]] bool map(std::uint64_t bytes);

  // Wipes the region and gives it back. False if the trusted OS does not take it back: the region
  // is wiped, but still counted as mapped, and the next call tries again.
  [[nodiscard]] bool release();

  // The bytes asked for.
  MutableByteSpan bytes() const { return {base_, static_cast<std::size_t>(bytes_)}; }

  // Bytes taken from the pool: `bytes` in whole pages.
  std::uint64_t mapped() const { return mapped_; }

 private:
  std::byte* base_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t mapped_ = 0;
};

}  // namespace sz::ta
