#include "client/saved_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>

#include "include/smartzone/smartzone.hpp"
#include "protocol/commands.h"

namespace sz::client {
namespace {

constexpr std::array<char, 8> kMagic = {'S', 'Z', 'C', 'O', 'N', 'V', 0, 1};

void append(std::vector<std::byte>* bytes, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) bytes->push_back(std::byte(number >> shift));
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(path + ": " + what);
}

// Writes all of it and waits until it is on the disk; an errno, or 0.
int write_through(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return fsync(file) == 0 ? 0 : errno;
}

// Takes a file's bytes apart.
class Cutter {
 public:
  Cutter(const std::string& path, std::span<const std::byte> bytes) : path_(path), rest_(bytes) {}

  std::span<const std::byte> take(std::size_t size) {
    if (size > rest_.size()) refuse(path_, "the saved conversation was cut short");
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint32_t number() {
    std::uint32_t value = 0;
    int shift = 0;
    for (const std::byte byte : take(4)) {
      value |= std::to_integer<std::uint32_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  const std::string& path_;
  std::span<const std::byte> rest_;
};

std::vector<std::byte> read_all(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    refuse(path, "is a folder, not a saved conversation");
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) refuse(path, std::string("cannot be opened: ") + std::strerror(errno));
  const std::streamoff size = file.tellg();
  if (size < 0) refuse(path, "cannot be read");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size)) {
    refuse(path, "cannot be read to its end");
  }
  return bytes;
}

}  // namespace

void write_saved(const std::string& path, const Pieces& pieces) {
  std::vector<std::byte> bytes;
  for (const char c : kMagic) bytes.push_back(static_cast<std::byte>(c));
  append(&bytes, static_cast<std::uint32_t>(pieces.size()));
  for (const std::vector<std::byte>& piece : pieces) {
    append(&bytes, static_cast<std::uint32_t>(piece.size()));
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  // Only its owner can make use of it, and only on this device: it is nobody else's to read.
  std::string temporary = path + ".XXXXXX";
  const int file = mkstemp(temporary.data());
  if (file < 0) refuse(path, std::string("cannot be written: ") + std::strerror(errno));
  int error = write_through(file, bytes);
  if (close(file) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    std::remove(temporary.c_str());
    refuse(path, std::string("cannot be written: ") + std::strerror(error));
  }
}

Pieces parse_saved(std::span<const std::byte> bytes, const std::string& path) {
  if (bytes.size() < kMagic.size() ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    refuse(path, "is not a saved conversation of this version");
  }
  Cutter cutter(path, bytes);
  cutter.take(kMagic.size());
  const std::uint32_t count = cutter.number();
  if (count == 0) refuse(path, "is a saved conversation without pieces");
  Pieces pieces;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t size = cutter.number();
    if (size == 0 || size > SMARTZONE_SAVED_PIECE_BYTES) {
      refuse(path, "piece " + std::to_string(i) + " of the saved conversation has " +
                       std::to_string(size) + " bytes; it must be 1 to " +
                       std::to_string(SMARTZONE_SAVED_PIECE_BYTES));
    }
    const auto piece = cutter.take(size);
    pieces.emplace_back(piece.begin(), piece.end());
  }
  if (cutter.left() != 0) {
    refuse(path, "has " + std::to_string(cutter.left()) +
                     " bytes behind the end of the saved conversation");
  }
  return pieces;
}

Pieces read_saved(const std::string& path) { return parse_saved(read_all(path), path); }

}  // namespace sz::client
