#include <bit>

#include "ops/movement/check.h"
#include "ops/movement/sample.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

struct RoiAlign {
  const float* x = nullptr;
  const float* regions = nullptr;
  const std::int64_t* images = nullptr;
  float* y = nullptr;
  RoiAlignAttributes attributes;
  std::size_t height = 1, width = 1, channels = 1;
  std::size_t out_height = 1, out_width = 1, count = 1;
};

// The two pixels along an axis that a place lies between.
struct Pair {
  std::size_t low = 0, high = 0;
  float low_weight = 0, high_weight = 0;
  bool inside = false;
};

Pair pair_at(float at, std::size_t size) {
  Pair pair;
  const auto length = static_cast<float>(size);
  if (!(at >= -1 && at <= length)) return pair;  // contributes nothing
  pair.inside = true;
  if (at < 0) at = 0;
  pair.low = static_cast<std::size_t>(at);
  if (pair.low + 1 >= size) {
    pair.low = pair.high = size - 1;
    pair.low_weight = 1;
    return pair;
  }
  pair.high = pair.low + 1;
  pair.high_weight = at - static_cast<float>(pair.low);
  pair.low_weight = 1 - pair.high_weight;
  return pair;
}

// A side of a region: where its bins begin, and how they are sampled.
struct Side {
  float begin = 0, bin = 0;
  std::uint32_t samples = 0;  // 0: no sense

  float place(std::size_t index, std::uint32_t sample) const {
    const float fraction = (static_cast<float>(sample) + 0.5f) / static_cast<float>(samples);
    return begin + (static_cast<float>(index) + fraction) * bin;
  }
};

Side side_of(const RoiAlign& job, float from, float to, std::size_t bins) {
  const float offset = job.attributes.half_pixel != 0 ? 0.5f : 0.0f;
  Side side;
  side.begin = from * job.attributes.scale - offset;
  float length = to * job.attributes.scale - offset - side.begin;
  if (job.attributes.half_pixel == 0 && length < 1) length = 1;
  side.bin = length / static_cast<float>(bins);
  const float most = kMaxSamples;
  if (!(side.bin <= most && side.bin >= -most && side.begin - side.begin == 0)) return side;
  side.samples = job.attributes.samples;
  if (side.samples == 0 && side.bin > 0) {
    side.samples = static_cast<std::uint32_t>(side.bin);
    if (static_cast<float>(side.samples) < side.bin) ++side.samples;
  }
  if (side.samples == 0) side.samples = 1;
  return side;
}

constexpr std::size_t kBlock = 16;  // channels at a time

// One sample of `width` channels: added to the sums of a bin, or compared with its maxima.
void take_sample(const RoiAlign& job, const float* image, const Pair& row, const Pair& column,
                 std::size_t width, bool first, float* result) {
  const float* x[4];
  float w[4];
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::size_t r = i < 2 ? row.low : row.high;
    const std::size_t c = i % 2 == 0 ? column.low : column.high;
    x[i] = image + (r * job.width + c) * job.channels;
    w[i] = (i < 2 ? row.low_weight : row.high_weight) *
           (i % 2 == 0 ? column.low_weight : column.high_weight);
  }
  const bool inside = row.inside && column.inside;
  const bool largest = job.attributes.maximum != 0;
  for (std::size_t c = 0; c < width; ++c) {
    float value = inside ? x[0][c] * w[0] : 0;
    for (std::uint32_t i = 1; inside && i < 4; ++i) {
      // The largest is that of the weighted pixels, not of their sums.
      const float part = x[i][c] * w[i];
      value = largest ? maximum(value, part) : value + part;
    }
    if (first) {
      result[c] = value;
    } else {
      result[c] = largest ? maximum(result[c], value) : result[c] + value;
    }
  }
}

// Sums lie on the stack: a chunk does not read what it writes.
void align_bin(const RoiAlign& job, const float* image, const Side& vertical,
               const Side& horizontal, std::size_t oh, std::size_t ow, float* y) {
  const float count = static_cast<float>(vertical.samples) * static_cast<float>(horizontal.samples);
  for (std::size_t c = 0; c < job.channels; c += kBlock) {
    const std::size_t width = job.channels - c < kBlock ? job.channels - c : kBlock;
    float result[kBlock];
    bool first = true;
    for (std::uint32_t i = 0; i < vertical.samples; ++i) {
      const Pair row = pair_at(vertical.place(oh, i), job.height);
      for (std::uint32_t j = 0; j < horizontal.samples; ++j) {
        const Pair column = pair_at(horizontal.place(ow, j), job.width);
        take_sample(job, image + c, row, column, width, first, result);
        first = false;
      }
    }
    for (std::size_t i = 0; i < width; ++i) {
      y[c + i] = canonical(job.attributes.maximum != 0 ? result[i] : result[i] / count);
    }
  }
}

// A chunk is a row of bins of one region.
void align_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const RoiAlign*>(context);
  const std::size_t r = chunk / job.out_height;
  const std::size_t oh = chunk % job.out_height;
  const float* region = job.regions + r * 4;
  const Side horizontal = side_of(job, region[0], region[2], job.out_width);
  const Side vertical = side_of(job, region[1], region[3], job.out_height);
  const float* image =
      job.x + static_cast<std::size_t>(job.images[r]) * job.height * job.width * job.channels;
  float* y = job.y + std::size_t{chunk} * job.out_width * job.channels;
  for (std::size_t ow = 0; ow < job.out_width; ++ow, y += job.channels) {
    if (vertical.samples != 0 && horizontal.samples != 0) {
      align_bin(job, image, vertical, horizontal, oh, ow, y);
    } else {
      for (std::size_t c = 0; c < job.channels; ++c) {
        y[c] = std::bit_cast<float>(kCanonicalNanBits);
      }
    }
  }
}

}  // namespace

Status check_roi_align(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& regions = *step.inputs[1];
  const TensorView& images = *step.inputs[2];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != DType::kF32 || regions.dtype != DType::kF32 || images.dtype != DType::kI64 ||
      y.dtype != DType::kF32) {
    return Status::kDtypeMismatch;
  }
  RoiAlignAttributes a;
  if (!read_attributes(step.attributes, &a) || a.maximum > 1 || a.half_pixel > 1 ||
      a.samples > kMaxSamples || !(a.scale - a.scale == 0)) {
    return Status::kBadAttribute;
  }
  for (const TensorView* view : {&x, &regions, &images, &y}) {
    if (!view->dense()) return Status::kShapeMismatch;
  }
  const bool fits = x.rank == 4 && y.rank == 4 && regions.rank == 2 && images.rank == 1 &&
                    regions.dims[1] == 4 && regions.dims[0] == y.dims[0] &&
                    images.dims[0] == y.dims[0] && y.inner() == x.inner() &&
                    x.dims[1] <= kMaxSampled && x.dims[2] <= kMaxSampled;
  return fits ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t roi_align_cost(const Step& step) { return step.outputs[0]->elements() * 64; }

Status run_roi_align(const Step& step, const RunContext& context) noexcept {
  RoiAlign job;
  (void)read_attributes(step.attributes, &job.attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  job.x = x.f32();
  job.regions = step.inputs[1]->f32();
  job.images = reinterpret_cast<const std::int64_t*>(step.inputs[2]->data);
  job.y = y.mutable_f32();
  job.height = x.dims[1];
  job.width = x.dims[2];
  job.channels = x.dims[3];
  job.count = y.dims[0];
  job.out_height = y.dims[1];
  job.out_width = y.dims[2];
  for (std::size_t r = 0; r < job.count; ++r) {
    if (job.images[r] < 0 || job.images[r] >= x.dims[0]) return Status::kIndexOutOfRange;
  }
  context.share(align_chunk, &job, job.count * job.out_height);
  return Status::kOk;
}

}  // namespace sz::ops
