// Cuts a computation over rows into chunks of work.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sz::ops {

// Rows x columns cut into chunks of about kChunkElements; a long row is cut too.
struct RowSplit {
  static constexpr std::size_t kChunkElements = 16384;

  std::size_t rows = 0, columns = 0;
  std::size_t rows_per_chunk = 1;
  std::size_t columns_per_chunk = 1;
  std::size_t column_chunks = 1;

  // `cut_columns`: whether a row may be cut.
  RowSplit(std::size_t row_count, std::size_t column_count, bool cut_columns)
      : rows(row_count), columns(column_count), columns_per_chunk(column_count) {
    if (cut_columns && columns > kChunkElements) columns_per_chunk = kChunkElements;
    column_chunks = (columns + columns_per_chunk - 1) / columns_per_chunk;
    if (columns_per_chunk < kChunkElements) rows_per_chunk = kChunkElements / columns_per_chunk;
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
