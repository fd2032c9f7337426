// Classes of code points, as regular expressions know them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sz::language {

enum class CharClass : std::uint32_t {
  kOther = 0,   // marks, punctuation, symbols, controls, what is not assigned, bad bytes
  kLetter = 1,  // \p{L}
  kNumber = 2,  // \p{N}
  kSpace = 3,   // \s: the property White_Space
};

inline constexpr std::uint32_t kClassRanges[] = {
#include "language/unicode_ranges.inc"
};

// Any number; what is no code point is kOther.
constexpr CharClass class_of(std::uint32_t point) {
  if (point > 0x10ffff) return CharClass::kOther;
  // The last stretch that begins at or before the code point.
  std::size_t low = 0;
  std::size_t high = sizeof(kClassRanges) / sizeof(kClassRanges[0]);
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    if (kClassRanges[middle] >> 2 <= point) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return static_cast<CharClass>(kClassRanges[low] & 3);
}
static_assert(class_of('a') == CharClass::kLetter && class_of('7') == CharClass::kNumber &&
              class_of('\n') == CharClass::kSpace && class_of(0) == CharClass::kOther);

}  // namespace sz::language
