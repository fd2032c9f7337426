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

// Four elements of 32 bits, anywhere in memory.
typedef std::uint32_t Four __attribute__((vector_size(16), aligned(4), may_alias));

// A block of 4 x 4: rows of x `step` apart become columns of y, `y_step` apart.
void turn_four(Bits32* y, std::size_t y_step, const Bits32* x, std::ptrdiff_t step) {
  const Four a = *reinterpret_cast<const Four*>(x);
  const Four b = *reinterpret_cast<const Four*>(x + step);
  const Four c = *reinterpret_cast<const Four*>(x + 2 * step);
  const Four d = *reinterpret_cast<const Four*>(x + 3 * step);
  const Four ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const Four ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Four bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const Four bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(y) = __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5);
  *reinterpret_cast<Four*>(y + y_step) = __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7);
  *reinterpret_cast<Four*>(y + 2 * y_step) = __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5);
  *reinterpret_cast<Four*>(y + 3 * y_step) = __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7);
}

// Three rows of x, `step` apart, become rows of three: the channels of a picture. Returns how many
// of the `count` columns of x are done.
std::size_t interleave_three(Bits32* y, const Bits32* x, std::ptrdiff_t step, std::size_t count) {
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4, y += 12) {
    const Four a = *reinterpret_cast<const Four*>(x + i);
    const Four b = *reinterpret_cast<const Four*>(x + i + step);
    const Four c = *reinterpret_cast<const Four*>(x + i + 2 * step);
    const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const Four bc = __builtin_shufflevector(b, c, 1, 5, 2, 6);
    const Four ca = __builtin_shufflevector(c, a, 2, 7, 3, 3);
    Four* to = reinterpret_cast<Four*>(y);
    to[0] = __builtin_shufflevector(ab, c, 0, 1, 4, 2);
    to[1] = __builtin_shufflevector(bc, a, 0, 1, 6, 2);
    to[2] = __builtin_shufflevector(ca, b, 0, 1, 7, 2);
  }
  return i;
}

// Rows [i, i1) and columns [j, j1) of a rectangle to turn.
template <typename T>
void turn_tile(const StridedJob& job, T* y, const T* x, std::size_t i, std::size_t i1,
               std::size_t j, std::size_t j1) {
  const std::ptrdiff_t step = job.columns.x_step;
  const std::size_t y_step = job.rows.y_step;
  const auto place = [&](std::size_t column) { return static_cast<std::ptrdiff_t>(column) * step; };
  if constexpr (sizeof(T) == 4) {
    for (; i + 4 <= i1; i += 4) {
      std::size_t column = j;
      for (; column + 4 <= j1; column += 4) {
        turn_four(y + i * y_step + column, y_step, x + i + place(column), step);
      }
      for (; column < j1; ++column) {
        for (std::size_t k = i; k < i + 4; ++k) y[k * y_step + column] = x[k + place(column)];
      }
    }
  }
  for (; i < i1; ++i) {
    for (std::size_t column = j; column < j1; ++column) {
      y[i * y_step + column] = x[i + place(column)];
    }
  }
}

// The same, neighbours in x standing below each other in y, in tiles of which x fits the cache.
template <typename T>
void turn_rectangle(const StridedJob& job, T* y, const T* x, std::size_t height,
                    std::size_t width) {
  constexpr std::size_t kTile = 16;
  if (width < 4) {  // short rows: along the columns of y
    std::size_t done = 0;
    if constexpr (sizeof(T) == 4) {
      const bool picture = width == 3 && job.rows.y_step == 3;
      if (picture) done = interleave_three(y, x, job.columns.x_step, height);
    }
    for (std::size_t j = 0; j < width; ++j) {
      const T* from = x + static_cast<std::ptrdiff_t>(j) * job.columns.x_step;
      for (std::size_t i = done; i < height; ++i) y[i * job.rows.y_step + j] = from[i];
    }
    return;
  }
  const std::size_t tile_width = height < kTile ? 4 * kTile : kTile;
  for (std::size_t i = 0; i < height; i += kTile) {
    const std::size_t i1 = i + kTile < height ? i + kTile : height;
    for (std::size_t j = 0; j < width; j += tile_width) {
      turn_tile<T>(job, y, x, i, i1, j, j + tile_width < width ? j + tile_width : width);
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
