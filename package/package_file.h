// Reads and writes the package file (.szp) on the host. The format is package_format.h.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "package/package_format.h"
#include "package/plan_reader.h"

namespace sz::package {

// A package that cannot be used. what() is one sentence: the file, the section and offset, what is
// wrong.
class PackageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The sections of a package. Borrows from the bytes that it was read from. Every section starts
// at a multiple of 64 bytes from the start of those bytes. The digests have been checked; what the
// plan means has not (that is package/plan_reader.h and engine/checker.h).
struct PackageFile {
  ByteSpan plan;
  ByteSpan weights;       // may be empty: a network without constants
  std::string_view info;  // UTF-8 JSON text
};

// Finds the sections of the package in `bytes` and proves the container sound: magic, version,
// each section exactly once, in ascending order, aligned, inside the file, with its digest;
// nothing but zeroes between the sections and nothing behind the last one.
// `name` is what error messages call the package, usually its path. Throws PackageError.
PackageFile read_package(std::span<const std::byte> bytes, std::string_view name);

// The package file with these sections, in the order plan, weights, info. The same sections give
// the same bytes.
std::vector<std::byte> write_package(ByteSpan plan, ByteSpan weights, std::string_view info);

// SHA-256. Throws what base/sha256.h says.
Sha256Digest sha256_of(ByteSpan data);

// The same as a Sha256Fn: false where sha256_of() throws.
bool sha256_host(ByteSpan data, Sha256Digest* digest);

}  // namespace sz::package
