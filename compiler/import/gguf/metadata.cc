#include "compiler/import/gguf/metadata.h"

#include <cmath>
#include <cstring>

#include "compiler/error.h"
#include "compiler/import/messages.h"

namespace sz::compiler::gguf {
namespace {

// The value as a whole number; nothing if it is negative or of another type.
std::optional<std::uint64_t> whole_value(const Entry& entry) {
  const auto from = [](auto number) -> std::optional<std::uint64_t> {
    if (number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(number);
  };
  switch (entry.type) {
    case ValueType::kU8:
      return number_at<std::uint8_t>(entry.bytes, 0);
    case ValueType::kU16:
      return number_at<std::uint16_t>(entry.bytes, 0);
    case ValueType::kU32:
      return number_at<std::uint32_t>(entry.bytes, 0);
    case ValueType::kU64:
      return number_at<std::uint64_t>(entry.bytes, 0);
    case ValueType::kI8:
      return from(number_at<std::int8_t>(entry.bytes, 0));
    case ValueType::kI16:
      return from(number_at<std::int16_t>(entry.bytes, 0));
    case ValueType::kI32:
      return from(number_at<std::int32_t>(entry.bytes, 0));
    case ValueType::kI64:
      return from(number_at<std::int64_t>(entry.bytes, 0));
    default:
      return std::nullopt;
  }
}

}  // namespace

Metadata::Metadata(const File& file) : file_(file) {
  for (const Entry& entry : file.entries) entries_.emplace(entry.key, &entry);
}

void Metadata::refuse(const Entry& entry, const std::string& what) const {
  throw CompileError(file_.source + ": key " + quoted(entry.key) + " (byte " +
                     std::to_string(entry.offset) + ") " + what);
}

const Entry* Metadata::find(std::string_view key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : entry->second;
}

const Entry& Metadata::need(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry == nullptr) throw CompileError(file_.source + ": key " + quoted(key) + " is missing");
  return *entry;
}

const Entry* Metadata::single(std::string_view key) const {
  const Entry* entry = find(key);
  if (entry != nullptr && entry->array) {
    refuse(*entry, "is an array; one value for all layers is supported");
  }
  return entry;
}

std::optional<std::uint64_t> Metadata::whole(std::string_view key, std::uint64_t least,
                                             std::uint64_t most) const {
  const Entry* entry = single(key);
  if (entry == nullptr) return std::nullopt;
  const std::optional<std::uint64_t> value = whole_value(*entry);
  if (!value || *value < least || *value > most) {
    refuse(*entry, "is " + (value ? std::to_string(*value) + ", " : "") +
                       "no whole number within " + std::to_string(least) + " and " +
                       std::to_string(most));
  }
  return value;
}

std::uint32_t Metadata::need_whole(std::string_view key, std::uint32_t least,
                                   std::uint32_t most) const {
  need(key);
  return static_cast<std::uint32_t>(*whole(key, least, most));
}

std::optional<float> Metadata::real(std::string_view key) const {
  const Entry* entry = single(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->type != ValueType::kF32) refuse(*entry, "is no number of type f32");
  const auto value = number_at<float>(entry->bytes, 0);
  if (!std::isfinite(value)) refuse(*entry, "is not finite");
  return value;
}

bool Metadata::flag(std::string_view key, bool otherwise) const {
  const Entry* entry = single(key);
  if (entry == nullptr) return otherwise;
  const bool boolean = entry->type == ValueType::kBool;
  const unsigned value = boolean ? number_at<std::uint8_t>(entry->bytes, 0) : 2;
  if (value > 1) refuse(*entry, "is neither true nor false");
  return value == 1;
}

std::optional<std::string_view> Metadata::text(std::string_view key) const {
  const Entry* entry = single(key);
  if (entry == nullptr) return std::nullopt;
  if (entry->type != ValueType::kString) refuse(*entry, "is no text");
  return entry->strings[0];
}

std::string_view Metadata::need_text(std::string_view key) const {
  need(key);
  return *text(key);
}

const std::vector<std::string_view>& Metadata::texts(std::string_view key) const {
  const Entry& entry = need(key);
  if (!entry.array || entry.type != ValueType::kString) refuse(entry, "is no array of texts");
  return entry.strings;
}

std::vector<float> Metadata::reals(std::string_view key) const {
  const Entry& entry = need(key);
  if (!entry.array || entry.type != ValueType::kF32) refuse(entry, "is no array of f32");
  std::vector<float> values(entry.count);
  if (entry.count != 0) std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  return values;
}

std::vector<std::uint32_t> Metadata::wholes(std::string_view key) const {
  const Entry& entry = need(key);
  if (!entry.array || (entry.type != ValueType::kI32 && entry.type != ValueType::kU32)) {
    refuse(entry, "is no array of 32-bit whole numbers");
  }
  std::vector<std::uint32_t> values(entry.count);
  if (entry.count != 0) std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  return values;
}

}  // namespace sz::compiler::gguf
