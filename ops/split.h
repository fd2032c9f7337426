// Cuts a computation over rows into chunks of work.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sz::ops {

// Rows x columns cut into chunks of about kMostElements, or less where more chunks are wanted; a
// long row is cut too.
struct RowSplit {
  static constexpr std::size_t kMostElements = 16384;
  static constexpr std::size_t kLeastElements = 1024;

  std::size_t rows = 0, columns = 0;
  std::size_t rows_per_chunk = 1;
  std::size_t columns_per_chunk = 1;
  std::size_t column_chunks = 1;

  // `cut_columns`: whether a row may be cut. `wanted`: chunks, if that does not make them too small.
  RowSplit(std::size_t row_count, std::size_t column_count, bool cut_columns,
           std::size_t wanted = 1)
      : rows(row_count), columns(column_count), columns_per_chunk(column_count) {
    std::size_t elements = rows * columns / wanted;
    if (elements < kLeastElements) elements = kLeastElements;
    if (elements > kMostElements) elements = kMostElements;
    if (cut_columns && columns > elements) columns_per_chunk = elements;
    column_chunks = (columns + columns_per_chunk - 1) / columns_per_chunk;
    if (columns_per_chunk < elements) rows_per_chunk = elements / columns_per_chunk;
  }

  std::uint32_t chunks() const {
    const std::size_t row_chunks = (rows + rows_per_chunk - 1) / rows_per_chunk;
    return static_cast<std::uint32_t>(row_chunks * column_chunks);
  }

  struct Part {
    std::size_t row_begin, row_end, column_begin, column_end;
    std::size_t columns() const { return column_end - column_begin; }
  };
  Part part(std::uint32_t chunk) const {
    const std::size_t row = chunk / column_chunks * rows_per_chunk;
    const std::size_t column = chunk % column_chunks * columns_per_chunk;
    return {row, row + rows_per_chunk < rows ? row + rows_per_chunk : rows, column,
            column + columns_per_chunk < columns ? column + columns_per_chunk : columns};
  }
};

}  // namespace sz::ops
