#include "compiler/import/darknet/weights.h"

#include <cstring>

#include "compiler/error.h"

namespace sz::compiler::darknet {
namespace {

constexpr std::size_t kHeaderInts = 3;  // major, minor, revision

// Bytes of the header, with the count of images seen in training behind the version: 64 bits since
// version 0.2, but 32 again in the files that mark turned matrices by a version above 1000.
std::size_t header_bytes(std::int32_t major, std::int32_t minor) {
  const bool marked = major >= 1000 || minor >= 1000;
  const bool wide = !marked && std::int64_t{major} * 10 + minor >= 2;
  return kHeaderInts * sizeof(std::int32_t) + (wide ? 8 : 4);
}

}  // namespace

Weights::Weights(std::span<const std::byte> bytes, const std::string& source,
                 const Network& network) {
  const auto refuse = [&](const std::string& what) { throw CompileError(source + ": " + what); };
  std::int32_t version[kHeaderInts] = {};
  if (bytes.size() < sizeof(version)) {
    refuse("is no weights file: it has " + std::to_string(bytes.size()) +
           " bytes, less than the header");
  }
  std::memcpy(version, bytes.data(), sizeof(version));
  if (version[0] < 0 || version[1] < 0 || version[0] > 9999 || version[1] > 9999) {
    refuse("is no weights file: its version would be " + std::to_string(version[0]) + '.' +
           std::to_string(version[1]));
  }
  const std::size_t header = header_bytes(version[0], version[1]);
  if (bytes.size() < header) refuse("is no weights file: its header is cut off");
  transposed_ = version[0] > 1000 || version[1] > 1000;
  rest_ = bytes.subspan(header);
  if (rest_.size() % sizeof(float) != 0) {
    refuse("is damaged: its " + std::to_string(rest_.size()) +
           " bytes behind the header are no whole numbers of 4 bytes");
  }
  const std::uint64_t there = rest_.size() / sizeof(float);
  std::uint64_t needed = 0;
  for (const Layer& layer : network.layers) {
    if (layer.numbers() > there - needed) {
      refuse("is too short: " + layer.name + " needs " + std::to_string(layer.numbers()) +
             " numbers, but only " + std::to_string(there - needed) + " of " +
             std::to_string(there) + " are left for it; is it the file of this .cfg?");
    }
    needed += layer.numbers();
  }
  if (needed != there) {
    refuse("is too long: the layers of the .cfg need " + std::to_string(needed) +
           " numbers, and it has " + std::to_string(there) + "; is it the file of this .cfg?");
  }
}

std::vector<float> Weights::take(std::uint64_t count) {
  std::vector<float> values(count);
  if (count == 0) return values;
  std::memcpy(values.data(), rest_.data(), count * sizeof(float));
  rest_ = rest_.subspan(count * sizeof(float));
  return values;
}

}  // namespace sz::compiler::darknet
