// StridedCopy for all machines: memory moves, no arithmetic, so no vector types.
//
// The loops are merged where they walk on without a turn, and the last one and one other are taken
// together as a plane of rows: the other is the one whose neighbours lie together in x, if there is
// one and the last loop's do not (a plane to turn, in tiles), or else the last but one.
#include "base/memory.h"
#include "ops/movement/strided_copy.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

using Loop = StridedCopy::Loop;

// Elements by their size; they may be of any type of that size.
typedef std::uint8_t Bits8 __attribute__((may_alias));
typedef std::uint32_t Bits32 __attribute__((may_alias));
typedef std::uint64_t Bits64 __attribute__((may_alias));

// `inner` walks on where a round of `outer` ends.
bool goes_on(const Loop& outer, const Loop& inner) {
  return !inner.fills() && outer.y_step == inner.y_step * inner.size &&
         outer.x_step == inner.x_step * static_cast<std::ptrdiff_t>(inner.size);
}

StridedCopy merged(const StridedCopy& copy) {
  StridedCopy result = copy;
  result.loops = 0;
  for (std::uint32_t i = 0; i < copy.loops; ++i) {
    const Loop& loop = copy.loop[i];
    if (loop.size == 1) continue;
    Loop* last = result.loops == 0 ? nullptr : &result.loop[result.loops - 1];
    if (last != nullptr && goes_on(*last, loop)) {
      *last = {last->size * loop.size, last->begin * loop.size, last->end * loop.size, loop.x_step,
               loop.y_step};
    } else {
      result.loop[result.loops++] = loop;
    }
  }
  return result;
}

// The outer loops of a copy, and its planes.
struct StridedJob {
  StridedCopy copy;  // its loops but the plane's, in order
  Loop rows, columns;
  bool turned = false;
  RowSplit split{1, 1, false};
};

StridedJob make_job(const StridedCopy& copy) {
  constexpr Loop kOnce = {1, 0, 1, 0, 0};
  StridedJob job;
  job.copy = merged(copy);
  std::uint32_t& loops = job.copy.loops;
  job.columns = job.rows = kOnce;
  if (loops == 0) return job;
  // Rows of one element with gaps between them have no loop along the row.
  if (job.copy.loop[loops - 1].y_step == 1) job.columns = job.copy.loop[--loops];
  if (loops == 0) return job;
  std::uint32_t other = loops - 1;
  for (std::uint32_t i = 0; i < loops; ++i) {
    if (job.columns.x_step == 0 || job.columns.x_step == 1 || job.copy.loop[i].x_step != 1)
      continue;
    other = i;
    job.turned = true;
  }
  job.rows = job.copy.loop[other];
  --loops;
  for (std::uint32_t i = other; i < loops; ++i) job.copy.loop[i] = job.copy.loop[i + 1];
  return job;
}

// Walks along the outer loops.
class Walk {
 public:
  Walk(const StridedCopy& copy, std::size_t plane) : copy_(copy) {
    for (std::uint32_t back = 0; back < copy.loops; ++back) {
      const std::uint32_t i = copy.loops - 1 - back;
      index_[i] = plane % copy.loop[i].size;
      plane /= copy.loop[i].size;
    }
    look();
  }
  void next() {
    for (std::uint32_t back = 0; back < copy_.loops; ++back) {
      const std::uint32_t i = copy_.loops - 1 - back;
      if (++index_[i] < copy_.loop[i].size) break;
      index_[i] = 0;
    }
    look();
  }
  std::ptrdiff_t x() const { return x_; }
  std::size_t y() const { return y_; }
  bool copies() const { return copies_; }

 private:
  void look() {
    x_ = 0;
    y_ = 0;
    copies_ = true;
    for (std::uint32_t i = 0; i < copy_.loops; ++i) {
      const Loop& loop = copy_.loop[i];
      x_ += (static_cast<std::ptrdiff_t>(index_[i]) - static_cast<std::ptrdiff_t>(loop.begin)) *
            loop.x_step;
      y_ += index_[i] * loop.y_step;
      copies_ = copies_ && index_[i] >= loop.begin && index_[i] < loop.end;
    }
  }

  const StridedCopy& copy_;
  std::size_t index_[kMaxLoops] = {};
  std::ptrdiff_t x_ = 0;
  std::size_t y_ = 0;
  bool copies_ = true;
};

template <typename T>
void fill_run(T* y, std::size_t count, T value) {
  for (std::size_t i = 0; i < count; ++i) y[i] = value;
}

// A call of memcpy costs more than it saves for a few elements.
template <typename T>
void copy_run(T* y, const T* x, std::size_t count) {
  if (count * sizeof(T) > 32) return copy_bytes(y, x, count * sizeof(T));
  for (std::size_t i = 0; i < count; ++i) y[i] = x[i];
}

// The part of a plane that is copied: `height` rows of `width` elements.
template <typename T>
void copy_rectangle(const StridedJob& job, T* y, const T* x, std::size_t height,
                    std::size_t width) {
  const auto x_row = job.rows.x_step;
  const auto x_column = job.columns.x_step;
  for (std::size_t i = 0; i < height; ++i) {
    if (x_column == 1) {
      copy_run(y, x, width);
    } else if (x_column == 0) {
      fill_run<T>(y, width, *x);
    } else {
      for (std::size_t j = 0; j < width; ++j) y[j] = x[static_cast<std::ptrdiff_t>(j) * x_column];
    }
    y += job.rows.y_step;
    x += x_row;
  }
}

// The same, neighbours in x standing below each other in y, in tiles of which x fits the cache.
template <typename T>
void turn_rectangle(const StridedJob& job, T* y, const T* x, std::size_t height,
                    std::size_t width) {
  constexpr std::size_t kTile = 16;
  const std::ptrdiff_t step = job.columns.x_step;
  const std::size_t y_step = job.rows.y_step;
  if (width < kTile / 2) {  // short rows: along the columns of y
    for (std::size_t j = 0; j < width; ++j) {
      const T* from = x + static_cast<std::ptrdiff_t>(j) * step;
      for (std::size_t i = 0; i < height; ++i) y[i * y_step + j] = from[i];
    }
    return;
  }
  for (std::size_t i0 = 0; i0 < height; i0 += kTile) {
    const std::size_t i1 = i0 + kTile < height ? i0 + kTile : height;
    for (std::size_t j0 = 0; j0 < width; j0 += kTile) {
      const std::size_t j1 = j0 + kTile < width ? j0 + kTile : width;
      for (std::size_t i = i0; i < i1; ++i) {
        T* row = y + i * y_step;
        const T* from = x + i;
        for (std::size_t j = j0; j < j1; ++j) row[j] = from[static_cast<std::ptrdiff_t>(j) * step];
      }
    }
  }
}

std::size_t clamped(std::size_t value, std::size_t low, std::size_t high) {
  return value < low ? low : value > high ? high : value;
}

// Rows [row, row_end), columns [column, column_end) of one plane.
template <typename T>
void copy_plane(const StridedJob& job, const Walk& walk, std::size_t row, std::size_t row_end,
                std::size_t column, std::size_t column_end) {
  const T fill = static_cast<T>(job.copy.fill);
  T* y = reinterpret_cast<T*>(job.copy.y) + walk.y();
  const std::size_t y_row = job.rows.y_step;
  std::size_t top = row_end;  // the rows that are copied
  std::size_t bottom = row_end;
  if (walk.copies()) {
    top = clamped(job.rows.begin, row, row_end);
    bottom = clamped(job.rows.end, top, row_end);
  }
  for (std::size_t i = row; i < top; ++i)
    fill_run(y + i * y_row + column, column_end - column, fill);
  for (std::size_t i = bottom; i < row_end; ++i) {
    fill_run(y + i * y_row + column, column_end - column, fill);
  }
  const std::size_t left = clamped(job.columns.begin, column, column_end);
  const std::size_t right = clamped(job.columns.end, left, column_end);
  if (left > column || right < column_end) {
    for (std::size_t i = top; i < bottom; ++i) {
      fill_run(y + i * y_row + column, left - column, fill);
      fill_run(y + i * y_row + right, column_end - right, fill);
    }
  }
  if (top == bottom || left == right) return;
  const T* x = reinterpret_cast<const T*>(job.copy.x) + walk.x() +
               static_cast<std::ptrdiff_t>(top - job.rows.begin) * job.rows.x_step +
               static_cast<std::ptrdiff_t>(left - job.columns.begin) * job.columns.x_step;
  y += top * y_row + left;
  (job.turned ? turn_rectangle<T> : copy_rectangle<T>)(job, y, x, bottom - top, right - left);
}

template <typename T>
void strided_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const StridedJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  const std::size_t height = job.rows.size;
  Walk walk(job.copy, part.row_begin / height);
  std::size_t row = part.row_begin % height;
  for (std::size_t left = part.row_end - part.row_begin; left > 0;) {
    const std::size_t end = row + left < height ? row + left : height;
    copy_plane<T>(job, walk, row, end, part.column_begin, part.column_end);
    left -= end - row;
    row = 0;
    walk.next();
  }
}

}  // namespace

void strided_copy_vector(const StridedCopy& copy, const RunContext& context) {
  StridedJob job = make_job(copy);
  std::size_t rows = job.rows.size;
  for (std::uint32_t i = 0; i < job.copy.loops; ++i) rows *= job.copy.loop[i].size;
  job.split = RowSplit(rows, job.columns.size, true, context.wanted_chunks());
  if (job.turned) {
    // Chunks as high as a few tiles, so that lines of x are used up while they are in the cache.
    constexpr std::size_t kWidth = 64;
    const std::size_t elements = job.split.rows_per_chunk * job.split.columns_per_chunk;
    job.split.columns_per_chunk = job.columns.size < kWidth ? job.columns.size : kWidth;
    job.split.column_chunks =
        (job.columns.size + job.split.columns_per_chunk - 1) / job.split.columns_per_chunk;
    job.split.rows_per_chunk = clamped(elements / job.split.columns_per_chunk, 1, rows);
  }
  const ChunkFn chunk = copy.element == 1   ? strided_chunk<Bits8>
                        : copy.element == 4 ? strided_chunk<Bits32>
                                            : strided_chunk<Bits64>;
  context.share(chunk, &job, job.split.chunks());
}

}  // namespace sz::ops
