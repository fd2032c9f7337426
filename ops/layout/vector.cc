// Copy, Transpose and Upsample for all machines: memory moves, no arithmetic, so no vector types.
#include "base/memory.h"
#include "ops/layout/layout.h"
#include "ops/movement/strided_copy.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

struct CopyJob {
  Copy copy;
  RowSplit split;
};

void copy_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const CopyJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    copy_bytes(job.copy.y + r * job.copy.y_pitch + part.column_begin,
               job.copy.x + r * job.copy.x_pitch + part.column_begin,
               part.columns() * sizeof(float));
  }
}

struct UpsampleJob {
  Upsample upsample;
  RowSplit split;
};

void upsample_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const UpsampleJob*>(context);
  const Upsample& u = job.upsample;
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t h = part.row_begin; h < part.row_end; ++h) {
    const float* x = u.x + h / u.factor_h * u.width * u.x_pitch;
    float* y = u.y + h * u.width * u.factor_w * u.y_pitch;
    for (std::size_t w = 0; w < u.width; ++w, x += u.x_pitch) {
      for (std::size_t i = 0; i < u.factor_w; ++i, y += u.y_pitch) {
        copy_bytes(y, x, u.channels * sizeof(float));
      }
    }
  }
}

}  // namespace

void copy_vector(const Copy& copy, const RunContext& context) {
  Copy flat = copy;
  if (copy.x_pitch == copy.inner && copy.y_pitch == copy.inner) {
    flat.inner = copy.rows * copy.inner;
    flat.rows = 1;
  }
  CopyJob job{flat, RowSplit(flat.rows, flat.inner, true, context.wanted_chunks())};
  context.share(copy_chunk, &job, job.split.chunks());
}

void transpose_vector(const Transpose& transpose, const RunContext& context) {
  StridedCopy copy;
  copy.x = reinterpret_cast<const std::byte*>(transpose.x);
  copy.y = reinterpret_cast<std::byte*>(transpose.y);
  copy.element = sizeof(float);
  copy.loops = transpose.rank;
  for (std::uint32_t i = 0; i < transpose.rank; ++i) {
    const std::size_t size = transpose.dims[i];
    copy.loop[i] = {size, 0, size, static_cast<std::ptrdiff_t>(transpose.x_strides[i]),
                    transpose.y_strides[i]};
  }
  strided_copy_vector(copy, context);
}

void upsample_vector(const Upsample& upsample, const RunContext& context) {
  UpsampleJob job{upsample, RowSplit(upsample.image_rows * upsample.factor_h,
                                     upsample.width * upsample.factor_w * upsample.channels, false,
                                     context.wanted_chunks())};
  context.share(upsample_chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
