// What the test TA's sources share of the GlobalPlatform API. Last to be included: see ta/gp.h.
#pragma once

#include <cstdint>

#include "ta/gp.h"

namespace sz::cores_test {

inline std::uint64_t now_ms() {
  TEE_Time time{};
  TEE_GetSystemTime(&time);
  return std::uint64_t{time.seconds} * 1000 + time.millis;
}

inline void set_address(TEE_Param* param, std::uint64_t address) {
  param->value.a = static_cast<std::uint32_t>(address);
  param->value.b = static_cast<std::uint32_t>(address >> 32);
}

inline std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace sz::cores_test
