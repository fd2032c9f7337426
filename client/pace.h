// How many tokens to ask for at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "protocol/commands.h"

namespace sz::client {

// A call that writes several tokens costs one way to the secure world and back, but its tokens are
// seen together and a stop comes that much later. Aims at calls of kCallSeconds: long against the
// way (tens of microseconds), short against what a person notices. Models that take longer for a
// token get one a call.
class Pace {
 public:
  static constexpr double kCallSeconds = 0.020;

  // `fixed`: so many always; 0: adapted, beginning with one.
  explicit Pace(std::uint32_t fixed)
      : fixed_(fixed), tokens_(std::clamp<std::uint32_t>(fixed, 1, SMARTZONE_MAX_NEXT)) {}

  std::uint32_t tokens() const { return tokens_; }

  // A call wrote so many tokens in so many seconds. At most doubles: one lucky measurement must not
  // make the next call long.
  void took(std::uint32_t written, double seconds) {
    if (fixed_ != 0 || written == 0) return;
    const double in_time = seconds > 0 ? kCallSeconds * written / seconds : SMARTZONE_MAX_NEXT;
    const double most = std::min<double>(2.0 * tokens_, SMARTZONE_MAX_NEXT);
    tokens_ = static_cast<std::uint32_t>(std::clamp(in_time, 1.0, most));
  }

 private:
  std::uint32_t fixed_;
  std::uint32_t tokens_;
};

}  // namespace sz::client
