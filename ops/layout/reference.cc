#include "ops/layout/layout.h"

namespace sz::ops {

void copy_reference(const Copy& copy) {
  for (std::size_t r = 0; r < copy.rows; ++r) {
    for (std::size_t i = 0; i < copy.inner; ++i) {
      copy.y[r * copy.y_pitch + i] = copy.x[r * copy.x_pitch + i];
    }
  }
}

void transpose_reference(const Transpose& transpose) {
  std::size_t elements = 1;
  for (std::uint32_t i = 0; i < transpose.rank; ++i) elements *= transpose.dims[i];
  for (std::size_t element = 0; element < elements; ++element) {
    std::size_t rest = element;
    std::size_t from = 0;
    std::size_t to = 0;
    for (std::uint32_t back = 0; back < transpose.rank; ++back) {
      const std::uint32_t i = transpose.rank - 1 - back;
      const std::size_t index = rest % transpose.dims[i];
      rest /= transpose.dims[i];
      from += index * transpose.x_strides[i];
      to += index * transpose.y_strides[i];
    }
    transpose.y[to] = transpose.x[from];
  }
}

// Rows of all images together: image n begins at row n * H of x and n * H * factor_h of y, so one
// division finds the row of x.
void upsample_reference(const Upsample& u) {
  const std::size_t out_width = u.width * u.factor_w;
  for (std::size_t h = 0; h < u.image_rows * u.factor_h; ++h) {
    for (std::size_t w = 0; w < out_width; ++w) {
      const std::size_t from = (h / u.factor_h * u.width + w / u.factor_w) * u.x_pitch;
      const std::size_t to = (h * out_width + w) * u.y_pitch;
      for (std::size_t c = 0; c < u.channels; ++c) u.y[to + c] = u.x[from + c];
    }
  }
}

}  // namespace sz::ops
