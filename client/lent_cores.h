// Lenders at work for as long as a piece of work lasts.
#pragma once

#include <cstdint>
#include <memory>

#include "client/lenders.h"

namespace sz::client {

// Lenders are in the secure world while this lives. They are sent ahead of the run, so that they
// are there when the first operator hands out work. A run that fails may take the lenders with it.
class LentCores {
 public:
  LentCores(const std::unique_ptr<Lenders>& lenders, std::uint64_t group, std::uint32_t count)
      : lenders_(lenders) {
    if (lenders_ != nullptr && count != 0) lenders_->begin(group, count);
  }
  ~LentCores() {
    if (lenders_ != nullptr) lenders_->end();
  }
  LentCores(const LentCores&) = delete;
  LentCores& operator=(const LentCores&) = delete;

 private:
  const std::unique_ptr<Lenders>& lenders_;
};

}  // namespace sz::client
