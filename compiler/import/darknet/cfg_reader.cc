#include "compiler/import/darknet/cfg_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "compiler/error.h"

namespace sz::compiler::darknet {
namespace {

// Messages show what a file says, but not whole novels or control characters.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string result = "'";
  for (const char c : text.substr(0, kMost)) result += c >= ' ' && c <= '~' ? c : '?';
  return result + (text.size() > kMost ? "...'" : "'");
}

[[noreturn]] void fail_line(const std::string& source, std::size_t line, const std::string& what) {
  throw CompileError(source + ": line " + std::to_string(line) + ": " + what);
}

// As Darknet reads it: blanks count nowhere, not even inside a word.
std::string without_blanks(std::string_view line) {
  std::string text;
  for (const char c : line) {
    if (c != ' ' && c != '\t' && c != '\r') text += c;
  }
  return text;
}

}  // namespace

Section::Section(std::string source, std::string name, std::size_t line)
    : source_(std::move(source)), name_(std::move(name)), line_(line) {}

void Section::refuse(const std::string& what) const {
  fail_line(source_, line_, '[' + name_ + "]: " + what);
}

void Section::refuse(std::string_view key, const std::string& what) const {
  const Option* option = find(key);
  if (option == nullptr) refuse("option " + quoted(key) + ' ' + what);
  fail_line(source_, option->line,
            '[' + name_ + "]: option " + quoted(option->key + '=' + option->value) + ' ' + what);
}

void Section::add(std::string key, std::string value, std::size_t line) {
  if (has(key)) {
    fail_line(source_, line, '[' + name_ + "]: option " + quoted(key) + " is given twice");
  }
  options_.push_back({std::move(key), std::move(value), line, false});
}

const Section::Option* Section::find(std::string_view key) const {
  for (const Option& option : options_) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

Section::Option* Section::take(std::string_view key) {
  for (Option& option : options_) {
    if (option.key != key) continue;
    option.asked = true;
    return &option;
  }
  return nullptr;
}

bool Section::has(std::string_view key) const { return find(key) != nullptr; }

std::int64_t Section::parse_integer(const Option& option, std::string_view word, std::int64_t least,
                                    std::int64_t most) const {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    refuse(option.key, "is no whole number");
  }
  if (value < least || value > most) {
    refuse(option.key, "is not within " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

std::int64_t Section::integer(std::string_view key, std::int64_t otherwise, std::int64_t least,
                              std::int64_t most) {
  const Option* option = take(key);
  return option == nullptr ? otherwise : parse_integer(*option, option->value, least, most);
}

bool Section::flag(std::string_view key, bool otherwise) {
  return integer(key, otherwise ? 1 : 0, 0, 1) == 1;
}

double Section::real(std::string_view key, double otherwise) {
  const Option* option = take(key);
  if (option == nullptr) return otherwise;
  const std::string& word = option->value;
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) {
    refuse(key, "is no number");
  }
  return value;
}

std::string Section::text(std::string_view key, std::string_view otherwise) {
  const Option* option = take(key);
  return option == nullptr ? std::string(otherwise) : option->value;
}

std::vector<std::int64_t> Section::integers(std::string_view key, std::int64_t least,
                                            std::int64_t most) {
  std::vector<std::int64_t> values;
  const Option* option = take(key);
  if (option == nullptr) return values;
  const std::string_view list = option->value;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    if (values.size() >= kMaxListed) refuse(key, "lists too many numbers");
    values.push_back(parse_integer(*option, list.substr(at, end - at), least, most));
    at = end + 1;
  }
  return values;
}

void Section::ignore(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) take(key);
}

void Section::expect_integer(std::string_view key, std::int64_t harmless, const char* why) {
  if (integer(key, harmless, INT64_MIN, INT64_MAX) != harmless) refuse(key, why);
}

void Section::expect_real(std::string_view key, double harmless, const char* why) {
  if (real(key, harmless) != harmless) refuse(key, why);
}

void Section::finish() const {
  for (const Option& option : options_) {
    if (!option.asked) refuse(option.key, "is not known; it may change what the network computes");
  }
}

std::vector<Section> read_cfg(std::string_view text, const std::string& source) {
  if (text.size() > kMaxCfgBytes) {
    throw CompileError(source + ": is larger than " + std::to_string(kMaxCfgBytes) +
                       " bytes, which no network description is");
  }
  std::vector<Section> sections;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = without_blanks(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      if (line.size() < 3 || line.find(']') != line.size() - 1) {
        fail_line(source, number, quoted(line) + " is no section: [name] is expected");
      }
      if (sections.size() >= kMaxSections) fail_line(source, number, "there are too many sections");
      sections.emplace_back(source, line.substr(1, line.size() - 2), number);
      continue;
    }
    const std::size_t sign = line.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == line.size()) {
      fail_line(source, number, quoted(line) + " is neither [section] nor option=value");
    }
    if (sections.empty()) fail_line(source, number, quoted(line) + " stands before any section");
    sections.back().add(line.substr(0, sign), line.substr(sign + 1), number);
  }
  return sections;
}

}  // namespace sz::compiler::darknet
