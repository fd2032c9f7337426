// Searches a memory dump for pieces of a secret: which 64-byte windows of the secret file stand
// anywhere, at any byte offset, in the dump?
//
//   leakscan DUMP SECRET [--skip N] [--json]
//
// Every window of the secret (at every byte offset) goes into a table by its rolling hash; the dump
// is read once, and every hit is compared byte by byte, so there are no false alarms. Windows with
// fewer than 16 different byte values are left out: zeroes and other filler stand everywhere.
// --skip leaves out the first N bytes of the secret file. Exit status: 0 nothing found, 1 found,
// 2 error.

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kWindow = 64;
constexpr std::uint64_t kBase = 0x9E3779B97F4A7C15ull | 1;

std::vector<unsigned char> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot open " + path);
  std::vector<unsigned char> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
    throw std::runtime_error("cannot read " + path);
  return bytes;
}

bool distinctive(const unsigned char* window) {
  std::bitset<256> seen;
  for (std::size_t i = 0; i < kWindow; ++i) seen.set(window[i]);
  return seen.count() >= 16;
}

// Polynomial rolling hash over kWindow bytes, modulo 2^64.
class RollingHash {
 public:
  RollingHash() {
    for (std::size_t i = 1; i < kWindow; ++i) highest_ *= kBase;
  }
  std::uint64_t first(const unsigned char* p) const {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < kWindow; ++i) hash = hash * kBase + p[i] + 1;
    return hash;
  }
  std::uint64_t roll(std::uint64_t hash, unsigned char out, unsigned char in) const {
    return (hash - (out + 1ull) * highest_) * kBase + in + 1;
  }

 private:
  std::uint64_t highest_ = 1;
};

// Hash -> offset of a window of the secret; open addressing.
class WindowTable {
 public:
  explicit WindowTable(std::size_t windows) {
    std::size_t size = 1024;
    while (size < windows * 2) size *= 2;
    slots_.assign(size, Slot{0, kEmpty});
  }
  void insert(std::uint64_t hash, std::uint64_t offset) {
    maybe_[hash >> kFilterShift] = true;
    std::size_t i = index(hash);
    while (slots_[i].offset != kEmpty) {
      if (slots_[i].hash == hash) return;  // the same window stands at an earlier offset as well
      i = (i + 1) & (slots_.size() - 1);
    }
    slots_[i] = {hash, offset};
  }
  const std::uint64_t* find(std::uint64_t hash) const {
    if (!maybe_[hash >> kFilterShift]) return nullptr;
    for (std::size_t i = index(hash); slots_[i].offset != kEmpty; i = (i + 1) & (slots_.size() - 1))
      if (slots_[i].hash == hash) return &slots_[i].offset;
    return nullptr;
  }

 private:
  struct Slot {
    std::uint64_t hash, offset;
  };
  static constexpr std::uint64_t kEmpty = ~0ull;
  static constexpr int kFilterShift = 64 - 27;  // 16 MiB of bits: stays in the cache, unlike slots_
  std::size_t index(std::uint64_t hash) const {
    return static_cast<std::size_t>((hash * 0xD6E8FEB86659FD93ull) >> 20) & (slots_.size() - 1);
  }
  std::vector<Slot> slots_;
  std::vector<bool> maybe_ = std::vector<bool>(std::size_t{1} << (64 - kFilterShift));
};

struct Result {
  std::uint64_t windows = 0;            // distinctive windows of the secret
  std::uint64_t hits = 0;               // positions in the dump at which one of them stands
  std::uint64_t first_dump = 0;         // where the first hit is, in the dump ...
  std::uint64_t first_secret = 0;       // ... and in the secret
  std::uint64_t secret_bytes_seen = 0;  // bytes of the secret covered by windows that were found
};

Result scan(const std::vector<unsigned char>& dump, const std::vector<unsigned char>& secret,
            std::size_t skip) {
  Result result;
  if (secret.size() < skip + kWindow) throw std::runtime_error("the secret is under 64 bytes");
  const RollingHash rolling;
  WindowTable table(secret.size());
  std::uint64_t hash = rolling.first(secret.data() + skip);
  for (std::size_t i = skip; i + kWindow <= secret.size(); ++i) {
    if (i > skip) hash = rolling.roll(hash, secret[i - 1], secret[i + kWindow - 1]);
    if (!distinctive(secret.data() + i)) continue;
    table.insert(hash, i);
    ++result.windows;
  }
  std::vector<bool> covered(secret.size());
  if (dump.size() < kWindow) return result;
  hash = rolling.first(dump.data());
  for (std::size_t i = 0; i + kWindow <= dump.size(); ++i) {
    if (i > 0) hash = rolling.roll(hash, dump[i - 1], dump[i + kWindow - 1]);
    const std::uint64_t* offset = table.find(hash);
    if (!offset || std::memcmp(dump.data() + i, secret.data() + *offset, kWindow) != 0) continue;
    if (result.hits++ == 0) {
      result.first_dump = i;
      result.first_secret = *offset;
    }
    for (std::size_t k = 0; k < kWindow; ++k) covered[*offset + k] = true;
  }
  result.secret_bytes_seen =
      static_cast<std::uint64_t>(std::count(covered.begin(), covered.end(), true));
  return result;
}

void print(const Result& r, bool json) {
  if (json) {
    std::printf(
        "{\"windows\": %llu, \"hits\": %llu, \"first_dump_offset\": %llu, "
        "\"first_secret_offset\": %llu, \"secret_bytes_seen\": %llu}\n",
        static_cast<unsigned long long>(r.windows), static_cast<unsigned long long>(r.hits),
        static_cast<unsigned long long>(r.first_dump),
        static_cast<unsigned long long>(r.first_secret),
        static_cast<unsigned long long>(r.secret_bytes_seen));
    return;
  }
  std::printf("%llu windows of the secret looked for, %llu places in the dump hold one\n",
              static_cast<unsigned long long>(r.windows), static_cast<unsigned long long>(r.hits));
  if (r.hits)
    std::printf("first: dump offset 0x%llx = secret offset 0x%llx; %llu bytes of the secret seen\n",
                static_cast<unsigned long long>(r.first_dump),
                static_cast<unsigned long long>(r.first_secret),
                static_cast<unsigned long long>(r.secret_bytes_seen));
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  std::size_t skip = 0;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--skip" && i + 1 < argc) {
      skip = std::strtoull(argv[++i], nullptr, 0);
    } else {
      files.push_back(argument);
    }
  }
  if (files.size() != 2) {
    std::fprintf(stderr, "usage: leakscan DUMP SECRET [--skip N] [--json]\n");
    return 2;
  }
  try {
    const Result result = scan(read_file(files[0]), read_file(files[1]), skip);
    print(result, json);
    return result.hits ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "leakscan: %s\n", error.what());
    return 2;
  }
}
