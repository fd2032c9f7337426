// Atomic words for memory that several cores share. libstdc++'s <atomic> wants a hosted library,
// the compiler's own operations want nothing.
#pragma once

#include <cstdint>

namespace sz {

// T: an integer or a pointer of at most 8 bytes. Orders are in the names; there is no default.
template <typename T>
class Atomic {
 public:
  Atomic() = default;
  explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load_relaxed() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  T load_acquire() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
  void store_relaxed(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
  void store_release(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }

  // Returns the value before. Acquires and releases.
  T fetch_add(T value) { return __atomic_fetch_add(&value_, value, __ATOMIC_ACQ_REL); }
  T fetch_sub(T value) { return __atomic_fetch_sub(&value_, value, __ATOMIC_ACQ_REL); }

  // Stores `wanted` if the value is `expected`; whether it did. Acquires and releases.
  [[nodiscard]] bool exchange_if(T expected, T wanted) {
    return __atomic_compare_exchange_n(&value_, &expected, wanted, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
  }

 private:
  T value_{};
};

// Tells the processor that this is a waiting loop.
inline void relax_processor() {
#if defined(__aarch64__)
  __asm__ __volatile__("yield" : : : "memory");
#elif defined(__x86_64__)
  __asm__ __volatile__("pause" : : : "memory");
#else
  __asm__ __volatile__("" : : : "memory");
#endif
}

}  // namespace sz
