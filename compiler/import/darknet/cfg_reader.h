// The text of a Darknet .cfg file: sections of options. Every option must be asked for: what nobody
// asked for is refused, because an option that is ignored makes a network that computes something
// else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sz::compiler::darknet {

// Limits of a file; Darknet's own are its memory.
inline constexpr std::size_t kMaxCfgBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxSections = 4096;

class Section {
 public:
  // `where` is "file: line 12: [convolutional]", the beginning of messages.
  Section(std::string source, std::string name, std::size_t line);

  const std::string& name() const { return name_; }
  // Adds `key=value`. Throws if the key was given before.
  void add(std::string key, std::string value, std::size_t line);

  // The option, or the default where the section does not have it. Throws CompileError if it is no
  // number, or not within [least, most].
  bool has(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t least,
                       std::int64_t most);
  // 0 or 1.
  bool flag(std::string_view key, bool otherwise);
  double real(std::string_view key, double otherwise);
  std::string text(std::string_view key, std::string_view otherwise);
  // A list with commas; empty by default. At most kMaxListed numbers.
  std::vector<std::int64_t> integers(std::string_view key, std::int64_t least, std::int64_t most);

  // Accepts options that have no meaning for inference, whatever they say.
  void ignore(std::initializer_list<std::string_view> keys);
  // Refuses the option unless it has the value that changes nothing.
  void expect_integer(std::string_view key, std::int64_t harmless, const char* why);
  void expect_real(std::string_view key, double harmless, const char* why);

  // Throws if an option is left that nobody asked for.
  void finish() const;

  // Throws CompileError: "file: line 12: [convolutional]: what".
  [[noreturn]] void refuse(const std::string& what) const;
  // The same with the line and name of an option.
  [[noreturn]] void refuse(std::string_view key, const std::string& what) const;

  static constexpr std::size_t kMaxListed = 1024;

 private:
  struct Option {
    std::string key, value;
    std::size_t line = 0;
    bool asked = false;
  };
  const Option* find(std::string_view key) const;
  Option* take(std::string_view key);
  std::int64_t parse_integer(const Option& option, std::string_view word, std::int64_t least,
                             std::int64_t most) const;

  std::string source_, name_;
  std::size_t line_;
  std::vector<Option> options_;
};

// The sections in their order, names in lower case without brackets. White space does not count,
// lines that begin with # or ; are comments. Throws CompileError with the line.
std::vector<Section> read_cfg(std::string_view text, const std::string& source);

}  // namespace sz::compiler::darknet
