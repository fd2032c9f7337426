#include "ops/pool/pool.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

float pooled(const Pool2d& pool, std::size_t n, std::size_t c, const TapRange& rows,
             const TapRange& columns) {
  const bool max = pool.attributes.kind == PoolKind::kMax;
  float result = max ? -__builtin_inff() : 0.0f;
  for (std::size_t ky = rows.first; ky < rows.last; ++ky) {
    for (std::size_t kx = columns.first; kx < columns.last; ++kx) {
      const std::size_t row = n * pool.in_h + rows.position(ky);
      const std::size_t pixel = row * pool.in_w + columns.position(kx);
      const float value = pool.x[pixel * pool.x_pitch + c];
      result = max ? maximum(result, value) : result + value;
    }
  }
  return canonical(max ? result : result / average_divisor(pool, rows, columns));
}

}  // namespace

void pool2d_reference(const Pool2d& pool) {
  std::size_t row = 0;
  for (std::size_t n = 0; n < pool.batch; ++n) {
    for (std::size_t oy = 0; oy < pool.out_h; ++oy) {
      for (std::size_t ox = 0; ox < pool.out_w; ++ox, ++row) {
        for (std::size_t c = 0; c < pool.channels; ++c) {
          pool.y[row * pool.y_pitch + c] =
              pooled(pool, n, c, vertical_taps(pool, oy), horizontal_taps(pool, ox));
        }
      }
    }
  }
}

void global_average_pool_reference(const Pool2d& pool) {
  const auto divisor = static_cast<float>(pool.in_h * pool.in_w);
  for (std::size_t n = 0; n < pool.batch; ++n) {
    for (std::size_t c = 0; c < pool.channels; ++c) {
      float total = 0.0f;
      for (std::size_t h = 0; h < pool.in_h; ++h) {
        float sum = 0.0f;
        for (std::size_t w = 0; w < pool.in_w; ++w) {
          sum += pool.x[((n * pool.in_h + h) * pool.in_w + w) * pool.x_pitch + c];
        }
        total += sum;
      }
      pool.y[n * pool.y_pitch + c] = canonical(total / divisor);
    }
  }
}

}  // namespace sz::ops
