// Element types and the view of a tensor that operators work on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sz {

inline constexpr std::uint32_t kMaxRank = 6;

// Element types. Values are part of the plan format; new ones are added at the end.
enum class DType : std::uint8_t {
  kF32 = 1,
  kI8 = 2,
  kU8 = 3,
  kI32 = 4,
  kI64 = 5,
  kBool = 6,
};

// Bytes of one element; 0 for a value that is no DType.
constexpr std::uint32_t dtype_bytes(DType type) {
  switch (type) {
    case DType::kF32:
    case DType::kI32: return 4;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool: return 1;
    case DType::kI64: return 8;
  }
  return 0;
}

// A tensor in memory. `dims` are in memory order, outermost first; images are [N, H, W, C].
// The innermost dimension is dense. All other dimensions together form `rows()` rows, `pitch`
// elements apart (pitch >= innermost dimension): a channel slice of a wider tensor is a view
// with a larger pitch, so that a concatenation along the channels costs nothing.
// Borrowed: `data` belongs to the region that the tensor lies in.
struct TensorView {
  std::byte* data = nullptr;
  std::array<std::uint32_t, kMaxRank> dims{1, 1, 1, 1, 1, 1};
  std::uint32_t pitch = 1;
  DType dtype = DType::kF32;
  std::uint8_t rank = 0;

  // Size of the innermost dimension (1 for a scalar).
  std::uint32_t inner() const { return rank == 0 ? 1 : dims[rank - 1u]; }

  // Product of all dimensions but the innermost.
  std::uint64_t rows() const {
    std::uint64_t n = 1;
    for (std::uint32_t i = 0; i + 1 < rank; ++i) n *= dims[i];
    return n;
  }

  std::uint64_t elements() const { return rows() * inner(); }
  bool dense() const { return pitch == inner() || rows() == 1; }

  // Bytes from `data` to the end of the last element, gaps included.
  std::uint64_t footprint() const {
    return ((rows() - 1) * pitch + inner()) * dtype_bytes(dtype);
  }

  const float* f32() const { return reinterpret_cast<const float*>(data); }
  float* mutable_f32() const { return reinterpret_cast<float*>(data); }
};

}  // namespace sz
