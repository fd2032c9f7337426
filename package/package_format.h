// The package file (.szp): what `smartzone compile` writes and the client loads. Version 1.
//
//   PackageHeader | SectionRecord x section_count | sections, each at a multiple of 64 bytes
//
// The TA never sees this container: the client opens it and sends plan and weights. Sections
// carry SHA-256 digests against damage; they are no protection against an adversary (packages
// are not yet signed or encrypted: see docs/threat-model.md).
#pragma once

#include <array>
#include <cstdint>

namespace sz::package {

inline constexpr std::array<std::uint8_t, 8> kPackageMagic = {'S', 'Z', 'P', 'K', 'G', 0, 0, 1};
inline constexpr std::uint32_t kPackageVersion = 1;
inline constexpr std::uint32_t kMaxSections = 16;
inline constexpr std::uint64_t kSectionAlignment = 64;

enum class SectionKind : std::uint32_t {
  kPlan = 1,     // plan_format.h
  kWeights = 2,  // the weights region, as packed for the kernels
  kInfo = 3,     // JSON for the client: names, shapes, preprocessing, labels, memory report
};

struct PackageHeader {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t version;
  std::uint32_t section_count;
};
static_assert(sizeof(PackageHeader) == 16);

struct SectionRecord {
  std::uint32_t kind;      // SectionKind
  std::uint32_t reserved;  // 0
  std::uint64_t offset;    // from the start of the file
  std::uint64_t bytes;
  std::array<std::uint8_t, 32> sha256;
};
static_assert(sizeof(SectionRecord) == 56);

}  // namespace sz::package
