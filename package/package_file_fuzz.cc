// Arbitrary bytes as a package: refused with PackageError, or read into sections inside the bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "package/package_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto package = sz::package::read_package(bytes, "fuzz");
    const auto copy = sz::package::write_package(package.plan, package.weights, package.info);
    const auto again = sz::package::read_package(copy, "copy");
    if (!std::equal(again.plan.begin(), again.plan.end(), package.plan.begin(),
                    package.plan.end()) ||
        !std::equal(again.weights.begin(), again.weights.end(), package.weights.begin(),
                    package.weights.end()) ||
        again.info != package.info) {
      std::abort();
    }
  } catch (const sz::package::PackageError&) {
  }
  return 0;
}
