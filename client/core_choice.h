// How many cores a model is loaded for, and what to tell who wanted more.
#pragma once

#include <cstdint>
#include <string>

#include "client/lender.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::client {

struct CoreLimits {
  std::uint32_t asked = 0;       // Session::Options::cores: 0 is auto
  std::uint32_t cpus = 1;        // usable_cpus(); limits auto only
  std::uint32_t model_most = 1;  // cores that the model can make use of
  SecureCores secure;            // what the back end lets us lend
  Backend backend = Backend::kHost;
};

struct CoreChoice {
  std::uint32_t cores = 1;
  std::string advice;  // empty, or a sentence: why it is one core and what would help
};

// The most cores that all limits allow; at least 1.
CoreChoice choose_cores(const CoreLimits& limits);

// The sentence for a model that could have had `wanted` cores, but got secure memory for `cores`.
std::string memory_advice(std::uint32_t wanted, std::uint32_t cores);

// The sentence for a trusted application that reserved for several cores and then let nobody in.
std::string closed_advice();

}  // namespace sz::client
