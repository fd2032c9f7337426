#include "cli/npy.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/checked.h"
#include "cli/files.h"

namespace sz::cli {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxDims = 8;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 33;
constexpr std::size_t kAlignment = 64;

struct TypeName {
  std::string_view descr;
  ElementType type;
};
constexpr TypeName kTypes[] = {
    {"<f4", ElementType::kF32}, {"|i1", ElementType::kI8},  {"|u1", ElementType::kU8},
    {"<i4", ElementType::kI32}, {"<i8", ElementType::kI64}, {"|b1", ElementType::kBool},
};

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(name + ": " + what);
}

// Reads the header's dictionary: a Python literal with three keys and nothing but texts, booleans
// and a tuple of integers in it.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Npy parse() {
    Npy npy;
    expect('{');
    while (!accept('}')) {
      key(text(), &npy);
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("has text behind its dictionary");
    if (!has_type_ || !has_order_ || !has_shape_) {
      fail("lacks one of the keys descr, fortran_order, shape");
    }
    return npy;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    refuse(name_, "the .npy header " + what);
  }

  void skip_space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      fail("is not the dictionary that NumPy writes: '" + std::string(1, c) + "' expected");
  }

  std::string text() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"')
      fail("is not the dictionary that NumPy writes: a text expected");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("has a text without an end");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    skip_space();
    for (const auto& [word, value] :
         {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("has a fortran_order that is neither True nor False");
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(integer());
      if (values.size() > kMaxDims) fail("has more than 8 dimensions");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

  std::int64_t integer() {
    skip_space();
    const std::size_t begin = at_;
    std::int64_t value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      value = value * 10 + (text_[at_] - '0');
      if (value > (std::int64_t{1} << 40)) fail("has a dimension beyond every limit");
      ++at_;
    }
    if (at_ == begin) fail("has a dimension that is no number");
    return value;
  }

  void key(const std::string& name, Npy* npy) {
    expect(':');
    if (name == "descr" && !has_type_) {
      set_type(text(), npy);
      has_type_ = true;
    } else if (name == "fortran_order" && !has_order_) {
      if (boolean())
        fail("says Fortran order; save the array in C order (numpy.ascontiguousarray)");
      has_order_ = true;
    } else if (name == "shape" && !has_shape_) {
      npy->shape = tuple();
      has_shape_ = true;
    } else {
      fail("has the key '" + name + "' twice, or it is none of NumPy's");
    }
  }

  void set_type(const std::string& descr, Npy* npy) const {
    for (const TypeName& known : kTypes) {
      if (known.descr == descr) {
        npy->type = known.type;
        return;
      }
    }
    fail("has element type '" + descr +
         "'; supported are <f4, |i1, |u1, <i4, <i8 and |b1 (e.g. array.astype(numpy.float32))");
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

std::uint64_t data_bytes(const Npy& npy, const std::string& name) {
  std::uint64_t bytes = element_bytes(npy.type);
  for (const std::int64_t dim : npy.shape) {
    if (!checked_mul(bytes, static_cast<std::uint64_t>(dim), &bytes) || bytes > kMaxBytes) {
      refuse(name, "the .npy header's shape is beyond every limit");
    }
  }
  return bytes;
}

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t i) {
  return std::to_integer<std::uint8_t>(bytes[i]);
}

}  // namespace

Npy parse_npy(std::span<const std::byte> bytes, const std::string& name) {
  constexpr std::size_t kPreamble = 10;  // magic, version, 16 bits of length
  if (bytes.size() < kPreamble ||
      !std::equal(kMagic.begin(), kMagic.end(), reinterpret_cast<const char*>(bytes.data()))) {
    refuse(name, "is not a .npy file (wrong magic)");
  }
  const std::uint8_t version = byte_at(bytes, 6);
  if ((version != 1 && version != 2) || byte_at(bytes, 7) != 0) {
    refuse(name, "has .npy format " + std::to_string(version) + "." +
                     std::to_string(byte_at(bytes, 7)) + "; 1.0 and 2.0 are supported");
  }
  std::size_t begin = kPreamble;
  std::uint64_t length = byte_at(bytes, 8) | (std::uint64_t{byte_at(bytes, 9)} << 8);
  if (version == 2) {
    begin += 2;
    if (bytes.size() < begin) refuse(name, "ends inside its header");
    length |= (std::uint64_t{byte_at(bytes, 10)} << 16) | (std::uint64_t{byte_at(bytes, 11)} << 24);
  }
  if (length > bytes.size() - begin) refuse(name, "ends inside its header");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + begin, length);
  Npy npy = HeaderParser(header, name).parse();
  const auto data = bytes.subspan(begin + length);
  const std::uint64_t wanted = data_bytes(npy, name);
  if (data.size() != wanted) {
    refuse(name, "has " + std::to_string(data.size()) + " bytes of data; its header promises " +
                     std::to_string(wanted));
  }
  npy.data.assign(data.begin(), data.end());
  return npy;
}

Npy read_npy(const std::string& path) { return parse_npy(read_file(path), path); }

std::vector<std::byte> format_npy(ElementType type, const std::vector<std::int64_t>& shape,
                                  std::span<const std::byte> data) {
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const TypeName& known) { return known.type == type; });
  std::string header =
      "{'descr': '" + std::string(found->descr) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t dim : shape) header += std::to_string(dim) + ",";
  header += "), }";
  const std::size_t preamble = kMagic.size() + 4;
  const std::size_t length =
      align_up(preamble + header.size() + 1, kAlignment) - preamble;  // 1: the line end
  header.resize(length - 1, ' ');
  header += '\n';
  std::string start(kMagic);
  start += '\x01';
  start += '\0';
  start += static_cast<char>(length & 0xff);
  start += static_cast<char>(length >> 8);
  start += header;
  std::vector<std::byte> file(start.size() + data.size());
  std::transform(start.begin(), start.end(), file.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  std::copy(data.begin(), data.end(), file.begin() + static_cast<std::ptrdiff_t>(start.size()));
  return file;
}

}  // namespace sz::cli
