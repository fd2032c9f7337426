#include "compiler/import/gguf/reader.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "base/checked.h"
#include "compiler/error.h"
#include "compiler/import/gguf/types.h"
#include "compiler/import/messages.h"

namespace sz::compiler::gguf {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kDefaultAlignment = 32;
constexpr std::string_view kAlignmentKey = "general.alignment";
// The least that a thing can have in the file; counts are held against it before anything is kept.
constexpr std::uint64_t kLeastEntry = 8 + 4 + 1, kLeastTensor = 8 + 4 + 8 + 4 + 8;

// Bytes of a value, 0 for strings, arrays and unknown types.
std::uint64_t value_bytes(ValueType type) {
  switch (type) {
    case ValueType::kU8:
    case ValueType::kI8:
    case ValueType::kBool:
      return 1;
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    case ValueType::kString:
    case ValueType::kArray:
      break;
  }
  return 0;
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes) {
    out_.source = source;
  }
  File read();

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(out_.source + ": " + what);
  }
  std::uint64_t left() const { return bytes_.size() - at_; }
  template <typename T>
  T take(const std::string& what);
  std::string_view take_string(const std::string& what, std::uint64_t most);
  std::uint64_t take_count(const char* what, std::uint64_t least_bytes, std::uint64_t most);
  void read_entry(std::size_t index);
  void read_values(Entry* entry, const std::string& what);
  void read_tensor(std::size_t index);
  std::uint64_t alignment() const;
  void place_tensors();
  void place(Tensor* tensor, std::uint64_t begin, std::uint64_t alignment) const;
  std::uint64_t tensor_bytes(const Tensor& tensor) const;

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  File out_;
};

template <typename T>
T Reader::take(const std::string& what) {
  if (left() < sizeof(T)) {
    refuse("is cut off: " + what + " at byte " + std::to_string(at_) + " has no " +
           std::to_string(sizeof(T)) + " bytes");
  }
  const T value = number_at<T>(bytes_, at_);
  at_ += sizeof(T);
  return value;
}

std::string_view Reader::take_string(const std::string& what, std::uint64_t most) {
  const auto length = take<std::uint64_t>("the length of " + what);
  if (length > left() || length > most) {
    refuse(what + " at byte " + std::to_string(at_) + " would have " + std::to_string(length) +
           " bytes; " + std::to_string(left()) + " are left, and at most " + std::to_string(most) +
           " are read");
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_,
                              static_cast<std::size_t>(length));
  at_ += static_cast<std::size_t>(length);
  return text;
}

std::uint64_t Reader::take_count(const char* what, std::uint64_t least_bytes, std::uint64_t most) {
  const auto count = take<std::uint64_t>(std::string("the number of ") + what);
  if (count > most || count * least_bytes > left()) {
    refuse("would have " + std::to_string(count) + ' ' + what + " (byte " +
           std::to_string(at_ - 8) + "), more than its " + std::to_string(bytes_.size()) +
           " bytes can hold or than " + std::to_string(most));
  }
  return count;
}

void Reader::read_values(Entry* entry, const std::string& what) {
  entry->offset = at_;
  if (entry->type == ValueType::kString) {
    // Each has a length of 8 bytes; what is not there is refused before the next is kept.
    if (entry->count > left() / 8) {
      refuse(what + " would have " + std::to_string(entry->count) + " strings in " +
             std::to_string(left()) + " bytes");
    }
    for (std::size_t i = 0; i < entry->count; ++i) {
      entry->strings.push_back(take_string(what, left()));
    }
    return;
  }
  const std::uint64_t each = value_bytes(entry->type);
  if (each == 0) {
    refuse(what + " has values of type " + std::to_string(static_cast<std::uint32_t>(entry->type)) +
           ", which " +
           (entry->type == ValueType::kArray ? "are arrays themselves" : "is unknown"));
  }
  if (entry->count > left() / each) {
    refuse(what + " at byte " + std::to_string(at_) + " would have " +
           std::to_string(entry->count) + " values of " + std::to_string(each) + " bytes, but " +
           std::to_string(left()) + " bytes are left");
  }
  entry->bytes = bytes_.subspan(at_, entry->count * static_cast<std::size_t>(each));
  at_ += entry->bytes.size();
}

void Reader::read_entry(std::size_t index) {
  Entry entry;
  entry.key = take_string("key " + std::to_string(index), kMaxNameBytes);
  const std::string what = "the value of key " + quoted(entry.key);
  entry.type = static_cast<ValueType>(take<std::uint32_t>(what));
  if (entry.type == ValueType::kArray) {
    entry.array = true;
    entry.type = static_cast<ValueType>(take<std::uint32_t>(what));
    const auto count = take<std::uint64_t>(what);
    if (count > kMaxListed) {
      refuse(what + " would have " + std::to_string(count) + " values (byte " +
             std::to_string(at_ - 8) + "), more than " + std::to_string(kMaxListed));
    }
    entry.count = static_cast<std::size_t>(count);
  }
  read_values(&entry, what);
  out_.entries.push_back(std::move(entry));
}

void Reader::read_tensor(std::size_t index) {
  Tensor tensor;
  tensor.name = take_string("the name of tensor " + std::to_string(index), kMaxNameBytes);
  const std::string what = "tensor " + quoted(tensor.name);
  const auto dimensions = take<std::uint32_t>(what);
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    refuse(what + " has " + std::to_string(dimensions) + " dimensions (byte " +
           std::to_string(at_ - 4) + "), not 1 to " + std::to_string(kMaxDimensions));
  }
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    tensor.shape.push_back(take<std::uint64_t>(what));
    if (tensor.shape.back() == 0) {
      refuse(what + " has a dimension of 0 (byte " + std::to_string(at_ - 8) + ')');
    }
  }
  tensor.type = take<std::uint32_t>(what);
  if (layout_of(tensor.type).numbers == 0) {
    refuse(what + " has the type " + type_name(tensor.type) + ", which is not supported");
  }
  const auto offset = take<std::uint64_t>(what);
  if (offset > bytes_.size()) {
    refuse(what + " would begin at byte " + std::to_string(offset) + " of the data (byte " +
           std::to_string(at_ - 8) + "), but the file has " + std::to_string(bytes_.size()));
  }
  tensor.offset = static_cast<std::size_t>(offset);  // place_tensors() adds where the data begins
  out_.tensors.push_back(std::move(tensor));
}

std::uint64_t Reader::alignment() const {
  for (const Entry& entry : out_.entries) {
    if (entry.key != kAlignmentKey) continue;
    if (entry.type != ValueType::kU32 || entry.array) {
      refuse("key " + quoted(entry.key) + " is no number of type u32");
    }
    const auto value = number_at<std::uint32_t>(entry.bytes, 0);
    if (!std::has_single_bit(value) || value > kMaxAlignment) {
      refuse("key " + quoted(entry.key) + " (byte " + std::to_string(entry.offset) + ") is " +
             std::to_string(value) + ", no power of two up to " + std::to_string(kMaxAlignment));
    }
    return value;
  }
  return kDefaultAlignment;
}

std::uint64_t Reader::tensor_bytes(const Tensor& tensor) const {
  const TypeLayout layout = layout_of(tensor.type);
  const std::string what = "tensor " + quoted(tensor.name);
  if (tensor.shape[0] % layout.numbers != 0) {
    refuse(what + " of type " + type_name(tensor.type) + " has rows of " +
           std::to_string(tensor.shape[0]) + " numbers, no whole blocks of " +
           std::to_string(layout.numbers));
  }
  std::uint64_t bytes = tensor.shape[0] / layout.numbers;
  bool fits = checked_mul(bytes, layout.bytes, &bytes);
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) {
    fits = fits && checked_mul(bytes, tensor.shape[i], &bytes);
  }
  if (!fits) refuse(what + " is too large: its number of bytes has more than 64 bits");
  return bytes;
}

void Reader::place(Tensor* tensor, std::uint64_t begin, std::uint64_t alignment) const {
  const std::string what = "tensor " + quoted(tensor->name);
  const std::uint64_t size = tensor_bytes(*tensor);
  const std::uint64_t at = begin + tensor->offset;  // both at most the file's size and an alignment
  if (tensor->offset % alignment != 0) {
    refuse(what + " begins at byte " + std::to_string(at) + ", which is not aligned to " +
           std::to_string(alignment) + " bytes");
  }
  if (at > bytes_.size() || size > bytes_.size() - at) {
    refuse(what + " would have " + std::to_string(size) + " bytes at byte " + std::to_string(at) +
           ", but the file has " + std::to_string(bytes_.size()) +
           "; is it cut off, or one part of several?");
  }
  tensor->offset = static_cast<std::size_t>(at);
  tensor->data = bytes_.subspan(tensor->offset, static_cast<std::size_t>(size));
}

void Reader::place_tensors() {
  const std::uint64_t each = alignment();
  const std::uint64_t begin = align_up(at_, each);
  for (Tensor& tensor : out_.tensors) place(&tensor, begin, each);
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : out_.tensors) order.push_back(&tensor);
  std::stable_sort(order.begin(), order.end(),
                   [](const Tensor* a, const Tensor* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->data.size() > order[i]->offset) {
      refuse("tensors " + quoted(order[i - 1]->name) + " and " + quoted(order[i]->name) +
             " have bytes in common at byte " + std::to_string(order[i]->offset));
    }
  }
}

// Throws through `refuse` if a name is there twice.
template <typename Things, typename Name, typename Refuse>
void check_once(const Things& things, const Name& name, const Refuse& refuse) {
  std::unordered_set<std::string_view> seen;
  for (const auto& thing : things) {
    if (!seen.insert(name(thing)).second) refuse(quoted(name(thing)) + " is there twice");
  }
}

File Reader::read() {
  if (bytes_.size() < 8 || number_at<std::uint32_t>(bytes_, 0) != kMagic) {
    refuse("is no GGUF file: it does not begin with GGUF");
  }
  out_.version = number_at<std::uint32_t>(bytes_, 4);
  at_ = 8;
  if (out_.version != 2 && out_.version != 3) {
    const bool swapped = (out_.version & 0xffffu) == 0 && out_.version != 0;
    refuse(swapped
               ? "is a big-endian GGUF file; little-endian ones are read"
               : "is GGUF version " + std::to_string(out_.version) + "; versions 2 and 3 are read");
  }
  const std::uint64_t tensors = take_count("tensors", kLeastTensor, kMaxTensors);
  const std::uint64_t entries = take_count("keys", kLeastEntry, kMaxEntries);
  for (std::size_t i = 0; i < entries; ++i) read_entry(i);
  check_once(
      out_.entries, [](const Entry& e) { return e.key; },
      [&](const std::string& what) { refuse("key " + what); });
  for (std::size_t i = 0; i < tensors; ++i) read_tensor(i);
  check_once(
      out_.tensors, [](const Tensor& t) { return t.name; },
      [&](const std::string& what) { refuse("tensor " + what); });
  place_tensors();
  return std::move(out_);
}

}  // namespace

File read_file(std::span<const std::byte> bytes, const std::string& source) {
  return Reader(bytes, source).read();
}

}  // namespace sz::compiler::gguf
