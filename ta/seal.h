// Authenticated encryption by the trusted OS, with keys that only this application on this device
// has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/memory.h"

namespace sz::ta {

// One message at a time: AES-256-GCM. The key is derived from the device's hardware key, this
// application's UUID and a name; `number` is the nonce. So two messages that are sealed with the
// same name and number must be the same message. Owns an operation of the trusted OS.
class Seal {
 public:
  static constexpr std::size_t kBlockBytes = 16;
  static constexpr std::size_t kMaxNameBytes = 48;
  using Tag = std::array<std::uint8_t, 16>;

  enum class Direction : std::uint32_t { kSeal, kOpen };

  Seal() = default;
  ~Seal() { stop(); }
  Seal(const Seal&) = delete;
  Seal& operator=(const Seal&) = delete;

  // Begins a message. `name`: at most kMaxNameBytes. `header` is authenticated, not encrypted.
  // False if the trusted OS has no memory for it.
  [[nodiscard]] bool start(Direction direction, ByteSpan name, std::uint32_t number,
                           ByteSpan header);

  // Encrypts or decrypts the next bytes of the message, whole blocks, in place. Never in shared
  // memory: the trusted OS reads what it works on several times. What was decrypted is not to be
  // believed before `authentic`.
  void update(MutableByteSpan data);

  // Ends a message that was sealed.
  [[nodiscard]] Tag tag();

  // Ends a message that was opened: whether header and content are what was sealed with this tag.
  [[nodiscard]] bool authentic(const Tag& tag);

  // Drops a message that was begun.
  void stop();

 private:
  void* operation_ = nullptr;  // TEE_OperationHandle
};

}  // namespace sz::ta
