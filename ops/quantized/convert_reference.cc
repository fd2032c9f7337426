#include "ops/quantized/check.h"
#include "ops/quantized/convert.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {

void quantize_reference(const Quantize& quantize) {
  const Rows& rows = quantize.rows;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto* x = reinterpret_cast<const float*>(rows.x + r * rows.x_pitch);
    std::byte* y = rows.y + r * rows.y_pitch;
    for (std::size_t i = 0; i < rows.inner; ++i) {
      const std::int32_t q = ops::quantize(x[i], quantize.scale_of(i), quantize.output_of(i));
      y[i] = static_cast<std::byte>(static_cast<std::uint32_t>(q) ^ quantize.flip);
    }
  }
}

void dequantize_reference(const Dequantize& dequantize) {
  const Rows& rows = dequantize.rows;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const std::byte* x = rows.x + r * rows.x_pitch;
    auto* y = reinterpret_cast<float*>(rows.y + r * rows.y_pitch);
    for (std::size_t i = 0; i < rows.inner; ++i) {
      const std::int32_t value = dequantize.type == DType::kI32
                                     ? reinterpret_cast<const std::int32_t*>(x)[i]
                                     : value_of(static_cast<std::int8_t>(x[i]), dequantize.type);
      y[i] = ops::dequantize(value, dequantize.scale_of(i), dequantize.zero_of(i));
    }
  }
}

void lookup_reference(const Lookup& lookup) {
  const Rows& rows = lookup.rows;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const std::byte* x = rows.x + r * rows.x_pitch;
    std::byte* y = rows.y + r * rows.y_pitch;
    for (std::size_t i = 0; i < rows.inner; ++i) {
      y[i] = std::byte{lookup.table[static_cast<std::uint8_t>(x[i])]};
    }
  }
}

Range range_reference(const Rows& rows) {
  Range range;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto* x = reinterpret_cast<const float*>(rows.x + r * rows.x_pitch);
    for (std::size_t i = 0; i < rows.inner; ++i) {
      if (x[i] < range.least) range.least = x[i];
      if (x[i] > range.greatest) range.greatest = x[i];
    }
  }
  return range;
}

}  // namespace sz::ops
