// The keys of a GGUF file, by name and type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/import/gguf/reader.h"

namespace sz::compiler::gguf {

// Borrows the file. All throw CompileError "source: key 'x' (byte n) ..." for values of another
// type or range; those without a default also where the key is missing.
class Metadata {
 public:
  explicit Metadata(const File& file);

  const Entry* find(std::string_view key) const;  // null: it is not there
  const Entry& need(std::string_view key) const;

  // Any whole number within [least, most]; nothing if the key is not there.
  std::optional<std::uint64_t> whole(std::string_view key, std::uint64_t least,
                                     std::uint64_t most) const;
  std::uint32_t need_whole(std::string_view key, std::uint32_t least, std::uint32_t most) const;
  std::optional<float> real(std::string_view key) const;  // finite
  bool flag(std::string_view key, bool otherwise) const;
  std::optional<std::string_view> text(std::string_view key) const;
  std::string_view need_text(std::string_view key) const;

  // Arrays. Numbers are i32 or u32.
  const std::vector<std::string_view>& texts(std::string_view key) const;
  std::vector<float> reals(std::string_view key) const;
  std::vector<std::uint32_t> wholes(std::string_view key) const;

  const File& file() const { return file_; }
  const std::string& source() const { return file_.source; }
  [[noreturn]] void refuse(const Entry& entry, const std::string& what) const;

 private:
  const Entry* single(std::string_view key) const;  // refuses arrays

  const File& file_;
  std::unordered_map<std::string_view, const Entry*> entries_;
};

}  // namespace sz::compiler::gguf
