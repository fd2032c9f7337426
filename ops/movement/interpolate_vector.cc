#include "ops/movement/interpolate.h"
#include "ops/split.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/movement/interpolate_vector.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

#include "ops/vector_inl.h"

#ifndef SZ_OPS_INTERPOLATE_JOB
#define SZ_OPS_INTERPOLATE_JOB
namespace sz::ops {
namespace {

struct InterpolateJob {
  Interpolate pass;
  RowSplit split;
};

}  // namespace
}  // namespace sz::ops
#endif

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {

// Columns [begin, end) of result j from the line x.
void interpolate_row(const Interpolate& pass, const float* x, std::size_t j, float* y,
                     std::size_t begin, std::size_t end) {
  const std::int32_t* index = pass.indices + j * pass.taps;
  const float* weight = pass.weights + j * pass.taps;
  if (index[0] < 0) {
    for (std::size_t i = begin; i < end; ++i) y[i] = pass.fill;
    return;
  }
  for_each_vector(end - begin, [&](auto d, std::size_t at) HWY_ATTR {
    const std::size_t i = begin + at;
    const auto load = [&](std::size_t t) HWY_ATTR {
      return hn::LoadU(d, x + static_cast<std::size_t>(index[t]) * pass.inner + i);
    };
    auto sum = hn::Mul(load(0), hn::Set(d, weight[0]));
    for (std::size_t t = 1; t < pass.taps; ++t) {
      sum = hn::MulAdd(load(t), hn::Set(d, weight[t]), sum);
    }
    hn::StoreU(canonical_vector(d, sum), d, y + i);
  });
}

void interpolate_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const InterpolateJob*>(context);
  const Interpolate& pass = job.pass;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    const float* x = pass.x + r / pass.results * pass.size * pass.inner;
    float* y = pass.y + r * pass.inner;
    interpolate_row(pass, x, r % pass.results, y, part.column_begin, part.column_end);
  }
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {

void interpolate_vector(const Interpolate& pass, const RunContext& context) {
  InterpolateJob job{
      pass, RowSplit(pass.outer * pass.results, pass.inner, true, context.wanted_chunks())};
  const ChunkFn chunk = SZ_VECTOR_SELECT(interpolate_chunk);
  if (chunk == nullptr) {
    interpolate_reference(pass);
    return;
  }
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
#endif  // HWY_ONCE
