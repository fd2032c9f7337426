#include "ops/quantized/qpool.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

// Calls use(pixel, rows, columns) for every output pixel, in order; `image` is the first element
// of its image.
template <typename Use>
void for_each_pixel(const QPool2d& pool, Use use) {
  const Pool2d& shape = pool.shape;
  std::size_t pixel = 0;
  for (std::size_t n = 0; n < shape.batch; ++n) {
    const std::int8_t* image = pool.x + n * pool.image_elements();
    for (std::size_t oy = 0; oy < shape.out_h; ++oy) {
      for (std::size_t ox = 0; ox < shape.out_w; ++ox, ++pixel) {
        use(image, pixel, vertical_taps(shape, oy), horizontal_taps(shape, ox));
      }
    }
  }
}

}  // namespace

void qpool2d_reference(const QPool2d& pool) {
  const Pool2d& shape = pool.shape;
  for_each_pixel(pool, [&](const std::int8_t* image, std::size_t pixel, const TapRange& rows,
                           const TapRange& columns) {
    for (std::size_t c = 0; c < shape.channels; ++c) {
      std::int32_t sum = 0;
      for (std::size_t ky = rows.first; ky < rows.last; ++ky) {
        for (std::size_t kx = columns.first; kx < columns.last; ++kx) {
          const std::size_t at = rows.position(ky) * shape.in_w + columns.position(kx);
          sum += image[at * shape.x_pitch + c] - pool.attributes.x_zero;
        }
      }
      pool.y[pixel * shape.y_pitch + c] =
          static_cast<std::int8_t>(average_of(sum, count_of(pool, rows, columns), pool.attributes));
    }
  });
}

void max_pool_bytes_reference(const QPool2d& pool) {
  const Pool2d& shape = pool.shape;
  const auto flip = static_cast<std::int8_t>(pool.flip);
  for_each_pixel(pool, [&](const std::int8_t* image, std::size_t pixel, const TapRange& rows,
                           const TapRange& columns) {
    for (std::size_t c = 0; c < shape.channels; ++c) {
      std::int8_t most = -128;
      for (std::size_t ky = rows.first; ky < rows.last; ++ky) {
        for (std::size_t kx = columns.first; kx < columns.last; ++kx) {
          const std::size_t at = rows.position(ky) * shape.in_w + columns.position(kx);
          const auto value = static_cast<std::int8_t>(image[at * shape.x_pitch + c] ^ flip);
          if (value > most) most = value;
        }
      }
      pool.y[pixel * shape.y_pitch + c] = static_cast<std::int8_t>(most ^ flip);
    }
  });
}

void qglobal_average_pool_reference(const QGlobalAveragePool& pool) {
  const QGlobalAveragePoolAttributes& attributes = pool.attributes;
  for (std::size_t n = 0; n < pool.batch; ++n) {
    for (std::size_t c = 0; c < pool.channels; ++c) {
      std::int32_t sum = 0;
      for (std::size_t p = 0; p < pool.pixels; ++p) {
        sum += pool.x[(n * pool.pixels + p) * pool.x_pitch + c] - attributes.x_zero;
      }
      pool.y[n * pool.y_pitch + c] =
          static_cast<std::int8_t>(rescale(sum, attributes.factor, attributes.y));
    }
  }
}

}  // namespace sz::ops
