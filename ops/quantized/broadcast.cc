#include "ops/quantized/broadcast.h"

namespace sz::ops {
namespace {

// Size of the dimension `back` places from the innermost.
std::uint32_t size_from_end(const TensorView& view, std::uint32_t back) {
  return back < view.rank ? view.dims[view.rank - 1u - back] : 1;
}

// Strides of `view` for each dimension, counted from the innermost.
struct Strides {
  std::size_t values[kMaxRank] = {};

  explicit Strides(const TensorView& view) {
    std::size_t stride = view.pitch;
    for (std::uint32_t back = 0; back < view.rank; ++back) {
      const std::uint32_t size = size_from_end(view, back);
      values[back] = size == 1 ? 0 : back == 0 ? 1 : stride;
      if (back > 0) stride *= size;
    }
  }
};

}  // namespace

bool broadcasts(const TensorView& a, const TensorView& b, const TensorView& y) {
  if (a.rank > y.rank || b.rank > y.rank) return false;
  for (std::uint32_t back = 0; back < y.rank; ++back) {
    const std::uint32_t from_a = size_from_end(a, back);
    const std::uint32_t from_b = size_from_end(b, back);
    const std::uint32_t to = size_from_end(y, back);
    if ((from_a != 1 && from_a != to) || (from_b != 1 && from_b != to) ||
        (to != from_a && to != from_b)) {
      return false;
    }
  }
  return true;
}

// Joins a dimension to the last one where that one continues it.
void Broadcast::append(std::size_t size, std::size_t a, std::size_t b, std::size_t y) {
  const bool continues = rank > 0 && a_strides[rank - 1] == a * size &&
                         b_strides[rank - 1] == b * size && y_strides[rank - 1] == y * size;
  if (continues) {
    dims[rank - 1] *= size;
  } else {
    dims[rank++] = size;
  }
  a_strides[rank - 1] = a;
  b_strides[rank - 1] = b;
  y_strides[rank - 1] = y;
}

Broadcast::Broadcast(const TensorView& a, const TensorView& b, const TensorView& y) {
  const Strides of_a(a), of_b(b), of_y(y);
  for (std::uint32_t i = 0; i < y.rank; ++i) {
    const std::uint32_t back = y.rank - 1u - i;
    if (y.dims[i] == 1) continue;
    append(y.dims[i], of_a.values[back], of_b.values[back], of_y.values[back]);
  }
  // Where what remains has gaps innermost, because dimensions of size 1 were dropped, one of
  // those comes back.
  if (rank == 0 || y_strides[rank - 1] != 1 || a_strides[rank - 1] > 1 || b_strides[rank - 1] > 1) {
    dims[rank] = 1;
    a_strides[rank] = b_strides[rank] = 0;
    y_strides[rank] = 1;
    ++rank;
  }
}

Broadcast::Offsets Broadcast::offsets(std::size_t row) const {
  Offsets result;
  for (std::uint32_t i = rank - 1; i > 0; --i) {
    const std::size_t index = row % dims[i - 1];
    row /= dims[i - 1];
    result.a += index * a_strides[i - 1];
    result.b += index * b_strides[i - 1];
    result.y += index * y_strides[i - 1];
  }
  return result;
}

}  // namespace sz::ops
