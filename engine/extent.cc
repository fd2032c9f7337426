#include "engine/extent.h"

namespace sz::engine {
namespace {

std::uint64_t smaller(std::uint64_t a, std::uint64_t b) { return a < b ? a : b; }
std::uint64_t larger(std::uint64_t a, std::uint64_t b) { return a < b ? b : a; }

// How many bytes of `extent` lie before `address`.
std::uint64_t bytes_before(const Extent& extent, std::uint64_t address) {
  if (address <= extent.begin) return 0;
  const std::uint64_t distance = address - extent.begin;
  const std::uint64_t row = distance / extent.pitch_bytes;
  if (row >= extent.rows) return extent.bytes();
  return row * extent.row_bytes + smaller(distance % extent.pitch_bytes, extent.row_bytes);
}

}  // namespace

Extent extent_of(const package::TensorRecord& record, const TensorView& view) {
  const std::uint64_t element = dtype_bytes(view.dtype);
  return {.region = record.region,
          .begin = record.offset,
          .rows = view.rows(),
          .row_bytes = view.inner() * element,
          .pitch_bytes = view.pitch * element};
}

bool overlap(const Extent& a, const Extent& b) {
  if (a.region != b.region || a.end() <= b.begin || b.end() <= a.begin) return false;
  if (a.pitch_bytes != b.pitch_bytes) return true;
  const bool a_first = a.begin <= b.begin;
  const Extent& first = a_first ? a : b;
  const Extent& second = a_first ? b : a;
  // The rows of `second` start at this column of the rows of `first`. They are clear of each other
  // if they start behind the end of a row and end before the next row starts.
  const std::uint64_t column = (second.begin - first.begin) % first.pitch_bytes;
  return column < first.row_bytes || column + second.row_bytes > first.pitch_bytes;
}

std::uint64_t shared_bytes(const Extent& a, const Extent& b) {
  if (a.region != b.region) return 0;
  if (a.solid()) return bytes_before(b, a.end()) - bytes_before(b, a.begin);
  if (b.solid()) return bytes_before(a, b.end()) - bytes_before(a, b.begin);
  if (a.pitch_bytes != b.pitch_bytes || a.rows != b.rows) return 0;
  // Row by row, at the same columns in each.
  const std::uint64_t begin = larger(a.begin, b.begin);
  const std::uint64_t end = smaller(a.begin + a.row_bytes, b.begin + b.row_bytes);
  return begin < end ? a.rows * (end - begin) : 0;
}

}  // namespace sz::engine
