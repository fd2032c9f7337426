// The file of a saved conversation: the sealed pieces that the trusted application gave, in order.
//
//   magic, 8 bytes | number of pieces, u32 | for each: its bytes, u32 | the bytes (little-endian)
//
// The pieces are encrypted and authenticated by the trusted application; this is only their
// wrapping.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sz::client {

using Pieces = std::vector<std::vector<std::byte>>;

// Writes the file as a whole: what is at `path` is either the old file or the new one. Throws
// Error.
void write_saved(const std::string& path, const Pieces& pieces);

// Throws Error with the path: not there, not such a file, cut short, something behind its end.
Pieces read_saved(const std::string& path);

// The same for the file's bytes; `path` is what errors name.
Pieces parse_saved(std::span<const std::byte> bytes, const std::string& path);

}  // namespace sz::client
