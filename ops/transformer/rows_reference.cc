#include "ops/rules.h"
#include "ops/softmax/softmax.h"
#include "ops/transformer/rows.h"

namespace sz::ops {
namespace {

// `count` numbers, 1 to 32.
QuantizedBlock quantized(const float* values, std::size_t count) {
  QuantizedBlock block{};
  std::uint32_t largest =
      0;  // the bits of max |x|: in their order NaN and infinity are the largest
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu;
    if (bits > largest) largest = bits;
  }
  if (largest >= 0x7f800000u) {
    block.scale = std::bit_cast<float>(kCanonicalNanBits);
    return block;
  }
  const auto greatest = std::bit_cast<float>(largest);
  if (greatest < kLeastToQuantize) return block;
  block.scale = greatest / 127.0f;
  const float factor = 127.0f / greatest;
  constexpr float kRounder = 0x1.8p+23f;  // makes the sum's last place 1
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float rounded = (values[i] * factor + kRounder) - kRounder;
    block.bytes[i] = static_cast<std::int8_t>(rounded);
    sum += block.bytes[i];
  }
  block.minus_8_sums = -8 * sum;
  block.minus_128_sums = -128 * sum;
  return block;
}

}  // namespace

void rows_reference(const RowsJob& job) {
  for (std::size_t r = 0; r < job.rows; ++r) {
    const float* x = job.x + r * job.width;
    float factor = 1.0f;
    if (job.weight != nullptr) {
      float lanes[kSumLanes] = {};
      for (std::size_t i = 0; i < job.width; ++i) {
        float& lane = lanes[i % kSumLanes];
        lane = fused_multiply_add(x[i], x[i], lane);
      }
      factor = rms_factor(sum_of_lanes(lanes), job);
    }
    for (std::size_t begin = 0; begin < job.width; begin += kBlock) {
      const std::size_t count = job.width - begin < kBlock ? job.width - begin : kBlock;
      float values[kBlock];
      for (std::size_t i = 0; i < count; ++i) {
        const float value = x[begin + i];
        values[i] = job.weight != nullptr ? value * factor * job.weight[begin + i] : value;
      }
      if (job.blocks != nullptr) {
        job.blocks[r * blocks_of(job.width) + begin / kBlock] = quantized(values, count);
      } else {
        for (std::size_t i = 0; i < count; ++i) {
          job.y[r * job.width + begin + i] = canonical(values[i]);
        }
      }
    }
  }
}

}  // namespace sz::ops
