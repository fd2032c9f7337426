#include <bit>

#include "ops/movement/check.h"
#include "ops/movement/sample.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

constexpr std::uint32_t kMostAxes = 3;
constexpr std::uint32_t kMostTaps = 4;
constexpr float kFar =
    4194304.0f;  // 2^22: beyond every pixel, and rounding below is exact up to it

struct GridSample {
  const float* x = nullptr;
  const float* grid = nullptr;
  float* y = nullptr;
  GridSampleAttributes attributes;
  std::uint32_t axes = 2;
  std::int64_t size[kMostAxes] = {};    // of x, in order of memory
  std::size_t stride[kMostAxes] = {};   // in elements
  std::size_t image = 1, channels = 1;  // elements of one x; of one pixel
  std::size_t points_of_image = 1, points = 1;
  std::size_t points_per_chunk = 1;
};

// The pixels along one axis that a place is weighted from; -1: one of the zeroes outside.
struct Taps {
  std::int64_t place[kMostTaps];
  float weight[kMostTaps];
};

// Rounds down; |x| is at most kFar.
float rounded_down(float x) {
  const auto whole = static_cast<float>(static_cast<std::int32_t>(x));
  return whole > x ? whole - 1 : whole;
}

// To the nearest, half to even; |x| is at most kFar.
float rounded(float x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23
  return (x + kRounder) - kRounder;
}

float limited(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

// Folds x back and forth between low and high.
float reflected(float x, float low, float high) {
  const float range = high - low;
  if (!(range > 0)) return low;
  const float over = x < low ? low - x : x > high ? x - high : -1;
  if (over < 0) return x;
  const float turns = limited(rounded_down(over / range), 0, kFar);
  const float rest = over - turns * range;
  const bool even = static_cast<std::int32_t>(turns) % 2 == 0;
  return (x < low) == even ? low + rest : high - rest;
}

// The edges of an axis, for reflection.
struct Edges {
  float low, high;
};
Edges edges_of(const GridSample& job, std::int64_t size) {
  const auto length = static_cast<float>(size);
  if (job.attributes.align_corners != 0) return {0, length - 1};
  return {-0.5f, length - 0.5f};
}

// The pixel that tap `at` is.
std::int64_t tap_place(const GridSample& job, float at, std::int64_t size) {
  const auto last = static_cast<float>(size - 1);
  switch (job.attributes.padding) {
    case SamplePadding::kZeros:
      return at < 0 || at > last ? -1 : static_cast<std::int64_t>(at);
    case SamplePadding::kBorder:
      return static_cast<std::int64_t>(limited(at, 0, last));
    case SamplePadding::kReflection:
      break;
  }
  const Edges edges = edges_of(job, size);
  return static_cast<std::int64_t>(limited(reflected(at, edges.low, edges.high), 0, last));
}

// Where a coordinate of the grid lies among the pixels of an axis; padding is applied to the place
// first, and then again to each tap, as ONNX does.
float place_of(const GridSample& job, float coordinate, std::int64_t size) {
  const auto length = static_cast<float>(size);
  float at = job.attributes.align_corners != 0 ? (coordinate + 1) / 2 * (length - 1)
                                               : ((coordinate + 1) * length - 1) / 2;
  at = at == at ? limited(at, -kFar, kFar) : kFar;  // infinity in an image of one pixel
  if (job.attributes.mode == SampleMode::kNearest) at = rounded(at);
  const Edges edges = edges_of(job, size);
  if (at >= edges.low && at <= edges.high) return at;
  if (job.attributes.padding == SamplePadding::kBorder) return limited(at, 0, length - 1);
  if (job.attributes.padding == SamplePadding::kReflection) {
    return reflected(at, edges.low, edges.high);
  }
  return at;
}

void cubic_weights(float ratio, float* weight) {
  constexpr float a = -0.75f;
  const float far = ratio + 1;
  const float rest = 1 - ratio;
  weight[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
  weight[1] = ((a + 2) * ratio - (a + 3)) * ratio * ratio + 1;
  weight[2] = ((a + 2) * rest - (a + 3)) * rest * rest + 1;
  weight[3] = ((a * (rest + 1) - 5 * a) * (rest + 1) + 8 * a) * (rest + 1) - 4 * a;
}

// Returns the number of taps.
std::uint32_t find_taps(const GridSample& job, float coordinate, std::int64_t size, Taps* taps) {
  const float at = place_of(job, coordinate, size);
  if (job.attributes.mode == SampleMode::kNearest) {
    taps->place[0] = tap_place(job, limited(rounded_down(at), -kFar, kFar), size);
    taps->weight[0] = 1;
    return 1;
  }
  const float base = rounded_down(at);
  const float ratio = at - base;
  const bool cubic = job.attributes.mode == SampleMode::kCubic;
  const std::uint32_t count = cubic ? 4 : 2;
  for (std::uint32_t i = 0; i < count; ++i) {
    taps->place[i] = tap_place(job, base + static_cast<float>(i) - (cubic ? 1.0f : 0.0f), size);
  }
  if (cubic) {
    cubic_weights(ratio, taps->weight);
  } else {
    taps->weight[0] = 1 - ratio;
    taps->weight[1] = ratio;
  }
  return count;
}

// The pixels that a point is weighted from.
struct Pixels {
  static constexpr std::uint32_t kMost = 16;  // 4 x 4, or 2 x 2 x 2
  std::uint32_t count = 0;
  std::size_t offset[kMost];
  float weight[kMost];
};

// False for a NaN in the grid.
bool find_pixels(const GridSample& job, const float* coordinate, Pixels* pixels) {
  Taps taps[kMostAxes];
  std::uint32_t count = 1;
  std::uint32_t all = 1;
  for (std::uint32_t i = 0; i < job.axes; ++i) {
    const float value = coordinate[job.axes - 1 - i];
    if (value != value) return false;
    count = find_taps(job, value, job.size[i], &taps[i]);
    all *= count;
  }
  for (std::uint32_t tap = 0; tap < all; ++tap) {
    std::uint32_t rest = tap;
    float weight = 1;
    std::size_t offset = 0;
    bool inside = true;
    for (std::uint32_t back = 0; back < job.axes; ++back) {
      const std::uint32_t i = job.axes - 1 - back;
      const std::uint32_t k = rest % count;
      rest /= count;
      weight = weight * taps[i].weight[k];
      inside = inside && taps[i].place[k] >= 0;
      if (inside) offset += static_cast<std::size_t>(taps[i].place[k]) * job.stride[i];
    }
    if (!inside) continue;
    pixels->offset[pixels->count] = offset;
    pixels->weight[pixels->count] = weight;
    ++pixels->count;
  }
  return true;
}

// Sums lie on the stack: a chunk does not read what it writes.
void sample_point(const GridSample& job, std::size_t point) {
  const float* x = job.x + point / job.points_of_image * job.image;
  float* y = job.y + point * job.channels;
  Pixels pixels;
  const bool number = find_pixels(job, job.grid + point * job.axes, &pixels);
  const float start = number ? 0.0f : std::bit_cast<float>(kCanonicalNanBits);
  constexpr std::size_t kBlock = 16;
  for (std::size_t c = 0; c < job.channels; c += kBlock) {
    const std::size_t width = job.channels - c < kBlock ? job.channels - c : kBlock;
    float sum[kBlock];
    for (float& value : sum) value = start;
    for (std::uint32_t k = 0; k < pixels.count; ++k) {
      const float* pixel = x + pixels.offset[k] + c;
      const float weight = pixels.weight[k];
      for (std::size_t i = 0; i < width; ++i) sum[i] = sum[i] + pixel[i] * weight;
    }
    for (std::size_t i = 0; i < width; ++i) y[c + i] = canonical(sum[i]);
  }
}

void sample_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const GridSample*>(context);
  const std::size_t begin = std::size_t{chunk} * job.points_per_chunk;
  for (std::size_t p = begin; p < job.points && p < begin + job.points_per_chunk; ++p) {
    sample_point(job, p);
  }
}

}  // namespace

Status check_grid_sample(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  GridSampleAttributes a;
  if (!read_attributes(step.attributes, &a) || a.mode > SampleMode::kCubic ||
      a.padding > SamplePadding::kReflection || a.align_corners > 1) {
    return Status::kBadAttribute;
  }
  const TensorView& x = *step.inputs[0];
  const TensorView& grid = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if ((x.rank != 4 && x.rank != 5) || grid.rank != x.rank || y.rank != x.rank || !x.dense() ||
      !grid.dense() || !y.dense()) {
    return Status::kShapeMismatch;
  }
  if (x.rank == 5 && a.mode == SampleMode::kCubic) return Status::kBadAttribute;
  bool fits = x.dims[0] == y.dims[0] && x.inner() == y.inner() && grid.inner() == x.rank - 2u;
  for (std::uint32_t i = 0; i + 1 < x.rank; ++i) {
    fits = fits && grid.dims[i] == y.dims[i] && (i == 0 || x.dims[i] <= kMaxSampled);
  }
  return fits ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t grid_sample_cost(const Step& step) {
  return step.outputs[0]->elements() * 16 + step.inputs[1]->elements() * 32;
}

Status run_grid_sample(const Step& step, const RunContext& context) noexcept {
  GridSample job;
  (void)read_attributes(step.attributes, &job.attributes);  // checked before
  const TensorView& x = *step.inputs[0];
  job.x = x.f32();
  job.grid = step.inputs[1]->f32();
  job.y = step.outputs[0]->mutable_f32();
  job.axes = x.rank - 2u;
  job.channels = x.inner();
  job.image = job.channels;
  for (std::uint32_t i = job.axes; i-- > 0;) {
    job.size[i] = x.dims[i + 1];
    job.stride[i] = job.image;
    job.image *= x.dims[i + 1];
  }
  job.points = step.outputs[0]->rows();
  job.points_of_image = job.points / x.dims[0];
  const std::size_t wanted = step.kernel == Kernel::kReference ? 1 : context.wanted_chunks();
  job.points_per_chunk = (job.points + wanted - 1) / wanted;
  context.share(sample_chunk, &job, (job.points + job.points_per_chunk - 1) / job.points_per_chunk);
  return Status::kOk;
}

}  // namespace sz::ops
