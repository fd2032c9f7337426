// Work whose result can be checked exactly: a chain of hashes for each chunk, through a table, with
// a sum in floating point beside it. The test TA spreads the chunks over cores; the client computes
// them alone.
#pragma once

#include <bit>
#include <cstdint>

namespace sz::cores_test {

constexpr std::uint32_t kTableWords = 8192;

// The finishing step of splitmix64.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

inline void fill_table(std::uint64_t* table, std::uint64_t seed) {
  for (std::uint32_t i = 0; i < kTableWords; ++i) table[i] = mix(seed + i);
}

inline std::uint64_t chunk_result(const std::uint64_t* table, std::uint32_t chunk,
                                  std::uint32_t rounds) {
  std::uint64_t hash = mix(chunk);
  double sum = 0;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    hash = mix(hash ^ table[hash % kTableWords]);
    sum = sum * 0.75 + static_cast<double>(hash >> 40);
  }
  return hash ^ std::bit_cast<std::uint64_t>(sum);
}

inline std::uint64_t checksum(const std::uint64_t* results, std::uint32_t chunks) {
  std::uint64_t sum = chunks;
  for (std::uint32_t i = 0; i < chunks; ++i) sum = mix(sum ^ results[i]);
  return sum;
}

}  // namespace sz::cores_test
