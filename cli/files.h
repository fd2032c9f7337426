// Reading and writing whole files, with errors that name the file.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sz::cli {

// The bytes of a file. Throws Error: not there, a folder, not readable.
std::vector<std::byte> read_file(const std::string& path);

// The text of a file. Throws Error.
std::string read_text(const std::string& path);

// The lines of a text file without their ends; a last empty line is dropped. Throws Error.
std::vector<std::string> read_lines(const std::string& path);

// Writes a file as a whole: what is at `path` is either the old file or the new one, also if the
// program is interrupted. Throws Error.
void write_file(const std::string& path, std::span<const std::byte> bytes);

// The ending of a path with its dot, in lower case: ".png"; "" if there is none.
std::string ending(const std::string& path);

}  // namespace sz::cli
