// Copy, Transpose and Upsample for all machines: memory moves, no arithmetic, so no vector types.
#include "base/memory.h"
#include "ops/layout/layout.h"
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

// A transposition as a set of planes: `other` is the dimension of y that is innermost in x. If
// that is y's innermost dimension too, planes are rows to copy; if not, they are matrices to turn.
struct TransposeJob {
  Transpose transpose;
  std::uint32_t other = 0;
  RowSplit split;
};

// Offsets of plane `plane`, counted over all dimensions but the innermost and `other`.
void plane_offsets(const TransposeJob& job, std::size_t plane, std::size_t* from, std::size_t* to) {
  const Transpose& t = job.transpose;
  *from = *to = 0;
  for (std::uint32_t back = 1; back < t.rank; ++back) {
    const std::uint32_t i = t.rank - 1 - back;
    if (i == job.other) continue;
    const std::size_t index = plane % t.dims[i];
    plane /= t.dims[i];
    *from += index * t.x_strides[i];
    *to += index * t.y_strides[i];
  }
}

void transpose_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const TransposeJob*>(context);
  const Transpose& t = job.transpose;
  const std::uint32_t last = t.rank - 1;
  const RowSplit::Part part = job.split.part(chunk);
  const std::size_t height = job.other == last ? 1 : t.dims[job.other];
  constexpr std::size_t kTile = 16;
  for (std::size_t plane = part.row_begin; plane < part.row_end; ++plane) {
    std::size_t from = 0;
    std::size_t to = 0;
    plane_offsets(job, plane, &from, &to);
    if (job.other == last) {
      copy_bytes(t.y + to, t.x + from, t.dims[last] * sizeof(float));
      continue;
    }
    for (std::size_t i0 = 0; i0 < height; i0 += kTile) {
      const std::size_t i1 = i0 + kTile < height ? i0 + kTile : height;
      for (std::size_t j0 = part.column_begin; j0 < part.column_end; j0 += kTile) {
        const std::size_t j1 = j0 + kTile < part.column_end ? j0 + kTile : part.column_end;
        for (std::size_t i = i0; i < i1; ++i) {
          float* y = t.y + to + i * t.y_strides[job.other];
          const float* x = t.x + from + i;
          for (std::size_t j = j0; j < j1; ++j) y[j] = x[j * t.x_strides[last]];
        }
      }
    }
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
  const std::uint32_t last = transpose.rank - 1;
  // The dimension that is dense in x; of several (one of them of size 1) the longer.
  std::uint32_t other = last;
  bool found = false;
  for (std::uint32_t i = 0; i < transpose.rank; ++i) {
    if (transpose.x_strides[i] != 1 || (found && transpose.dims[i] == 1)) continue;
    other = i;
    found = true;
  }
  std::size_t planes = 1;
  for (std::uint32_t i = 0; i < last; ++i) {
    if (i != other) planes *= transpose.dims[i];
  }
  TransposeJob job{transpose, other,
                   RowSplit(planes, transpose.dims[last], false, context.wanted_chunks())};
  if (other != last) {
    // A column costs dims[other] elements.
    job.split.rows_per_chunk = 1;
    job.split.columns_per_chunk = transpose.dims[last] < 64 ? transpose.dims[last] : 64;
    job.split.column_chunks =
        (transpose.dims[last] + job.split.columns_per_chunk - 1) / job.split.columns_per_chunk;
  }
  context.share(transpose_chunk, &job, job.split.chunks());
}

void upsample_vector(const Upsample& upsample, const RunContext& context) {
  UpsampleJob job{upsample, RowSplit(upsample.image_rows * upsample.factor_h,
                                     upsample.width * upsample.factor_w * upsample.channels, false,
                                     context.wanted_chunks())};
  context.share(upsample_chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
