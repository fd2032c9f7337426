// NumPy's broadcasting of two tensors to a third, as strides.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace sz::ops {

// Whether a and b together broadcast to exactly the shape of y.
bool broadcasts(const TensorView& a, const TensorView& b, const TensorView& y);

// One index runs over y; a and b follow with strides, 0 where they repeat. Neighbouring dimensions
// are merged where memory allows. Innermost, y is dense, a and b are dense or one element.
struct Broadcast {
  std::uint32_t rank = 0;  // 1 or more
  std::size_t dims[kMaxRank + 1] = {};
  std::size_t a_strides[kMaxRank + 1] = {};
  std::size_t b_strides[kMaxRank + 1] = {};
  std::size_t y_strides[kMaxRank + 1] = {};

  // Shapes for which broadcasts() holds.
  Broadcast(const TensorView& a, const TensorView& b, const TensorView& y);

  std::size_t inner() const { return dims[rank - 1]; }
  std::size_t rows() const {
    std::size_t n = 1;
    for (std::uint32_t i = 0; i + 1 < rank; ++i) n *= dims[i];
    return n;
  }

  // Where row `row` (counted over all dimensions but the innermost) begins.
  struct Offsets {
    std::size_t a = 0, b = 0, y = 0;
  };
  Offsets offsets(std::size_t row) const;

 private:
  void append(std::size_t size, std::size_t a, std::size_t b, std::size_t y);
};

}  // namespace sz::ops
