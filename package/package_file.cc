#include "package/package_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>

#include "base/checked.h"
#include "base/sha256.h"

namespace sz::package {
namespace {

constexpr std::array<SectionKind, 3> kOrder = {SectionKind::kPlan, SectionKind::kWeights,
                                               SectionKind::kInfo};

const char* section_name(SectionKind kind) {
  switch (kind) {
    case SectionKind::kPlan:
      return "plan";
    case SectionKind::kWeights:
      return "weights";
    case SectionKind::kInfo:
      return "info";
  }
  return "unknown";
}

[[noreturn]] void refuse(std::string_view name, const std::string& what) {
  throw PackageError(std::string(name) + ": " + what);
}

// Damaged or hostile bytes between sections could carry what no digest covers.
void check_zero(ByteSpan bytes, std::uint64_t begin, std::uint64_t end, std::string_view name) {
  for (std::uint64_t i = begin; i < end; ++i) {
    if (bytes[i] != std::byte{0}) {
      refuse(name,
             "the padding at byte " + std::to_string(i) + " is not zero; the file is damaged");
    }
  }
}

PackageHeader read_header(ByteSpan bytes, std::string_view name) {
  PackageHeader header;
  if (bytes.size() < sizeof(header)) {
    refuse(name, "has " + std::to_string(bytes.size()) +
                     " bytes, too few for a package; is it a SmartZone package (.szp)?");
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kPackageMagic) refuse(name, "is not a SmartZone package (wrong magic)");
  if (header.version != kPackageVersion) {
    refuse(name, "has package version " + std::to_string(header.version) +
                     "; this program reads version " + std::to_string(kPackageVersion) +
                     "; compile the model again");
  }
  if (header.section_count > kMaxSections) {
    refuse(name, "claims " + std::to_string(header.section_count) + " sections; the limit is " +
                     std::to_string(kMaxSections));
  }
  return header;
}

// Checks one section record against what came before it and returns the section's bytes.
ByteSpan read_section(ByteSpan bytes, const SectionRecord& record, std::uint64_t previous_end,
                      std::string_view name) {
  const std::string which =
      std::string("section '") + section_name(static_cast<SectionKind>(record.kind)) + "'";
  if (record.reserved != 0) refuse(name, which + " has a reserved field that is not zero");
  if (record.offset % kSectionAlignment != 0) {
    refuse(name, which + " starts at byte " + std::to_string(record.offset) +
                     ", which is no multiple of " + std::to_string(kSectionAlignment));
  }
  std::uint64_t end = 0;
  if (!checked_add(record.offset, record.bytes, &end) || end > bytes.size()) {
    refuse(name, which + " (" + std::to_string(record.bytes) + " bytes at byte " +
                     std::to_string(record.offset) + ") reaches past the end of the file (" +
                     std::to_string(bytes.size()) + " bytes); the file is truncated or damaged");
  }
  if (record.offset < previous_end) {
    refuse(name, which + " at byte " + std::to_string(record.offset) +
                     " overlaps what lies before it (which ends at byte " +
                     std::to_string(previous_end) + ")");
  }
  if (record.offset - previous_end >= kSectionAlignment) {
    refuse(name, which + " leaves a gap of " + std::to_string(record.offset - previous_end) +
                     " bytes before it");
  }
  check_zero(bytes, previous_end, record.offset, name);
  const ByteSpan section = bytes.subspan(record.offset, record.bytes);
  if (sha256_of(section) != record.sha256) {
    refuse(name, which + " does not match its SHA-256; the file is damaged");
  }
  return section;
}

}  // namespace

bool sha256_host(ByteSpan data, Sha256Digest* digest) {
  try {
    *digest = sha256_of(data);
  } catch (const std::exception&) {
    return false;  // the caller is trusted code, built without exceptions
  }
  return true;
}

Sha256Digest sha256_of(ByteSpan data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

PackageFile read_package(std::span<const std::byte> bytes, std::string_view name) {
  const PackageHeader header = read_header(bytes, name);
  std::uint64_t end = sizeof(PackageHeader) + header.section_count * sizeof(SectionRecord);
  if (bytes.size() < end) {
    refuse(name, "ends inside its section table (" + std::to_string(bytes.size()) +
                     " bytes; the table needs " + std::to_string(end) + ")");
  }
  std::array<ByteSpan, kOrder.size()> sections;
  std::array<bool, kOrder.size()> found{};
  for (std::uint32_t i = 0; i < header.section_count; ++i) {
    SectionRecord record;
    std::memcpy(&record, bytes.data() + sizeof(PackageHeader) + i * sizeof(record), sizeof(record));
    const auto at = std::find(kOrder.begin(), kOrder.end(), static_cast<SectionKind>(record.kind));
    if (at == kOrder.end()) {
      refuse(name,
             "section " + std::to_string(i) + " is of unknown kind " + std::to_string(record.kind));
    }
    const auto slot = static_cast<std::size_t>(at - kOrder.begin());
    if (found[slot]) refuse(name, std::string("has two sections '") + section_name(*at) + "'");
    found[slot] = true;
    sections[slot] = read_section(bytes, record, end, name);
    end = record.offset + record.bytes;
  }
  for (std::size_t slot = 0; slot < kOrder.size(); ++slot) {
    if (!found[slot])
      refuse(name, std::string("has no section '") + section_name(kOrder[slot]) + "'");
  }
  if (end != bytes.size()) {
    refuse(name, "has " + std::to_string(bytes.size() - end) + " bytes behind its last section");
  }
  return {sections[0],
          sections[1],
          {reinterpret_cast<const char*>(sections[2].data()), sections[2].size()}};
}

std::vector<std::byte> write_package(ByteSpan plan, ByteSpan weights, std::string_view info) {
  const std::array<ByteSpan, kOrder.size()> sections = {plan, weights,
                                                        std::as_bytes(std::span(info))};
  std::array<SectionRecord, kOrder.size()> records{};
  std::uint64_t end = sizeof(PackageHeader) + sizeof(records);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    records[i].kind = static_cast<std::uint32_t>(kOrder[i]);
    records[i].offset = align_up(end, kSectionAlignment);
    records[i].bytes = sections[i].size();
    records[i].sha256 = sha256_of(sections[i]);
    end = records[i].offset + records[i].bytes;
  }
  std::vector<std::byte> file(end);
  const PackageHeader header{kPackageMagic, kPackageVersion,
                             static_cast<std::uint32_t>(records.size())};
  std::memcpy(file.data(), &header, sizeof(header));
  std::memcpy(file.data() + sizeof(header), records.data(), sizeof(records));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::copy(sections[i].begin(), sections[i].end(),
              file.begin() + static_cast<std::ptrdiff_t>(records[i].offset));
  }
  return file;
}

}  // namespace sz::package
