// Attributes of the operators that move elements, in the words of the plan (see ops/attributes.h).
#pragma once

#include <cstdint>

namespace sz::ops {

// StridedCopy: a nest of loops over all elements of y, from the outermost to the innermost in
// memory. The attribute words are a head and then `loops` loops.
inline constexpr std::uint32_t kMaxLoops = 8;

struct StridedCopyHead {
  std::uint32_t loops = 0;
  std::uint32_t inner_loops = 0;  // the last ones, which walk along y's rows; the others count rows
  std::uint32_t row = 0, column = 0;  // of x: where all loops stand at their `begin`
  std::uint32_t fill[2] = {0, 0};     // bits of an element that is not copied, low word first
};

// One loop. Rounds in [begin, end) copy, the others fill. A round moves this far in x.
struct StridedCopyLoop {
  std::uint32_t size = 1;
  std::uint32_t begin = 0, end = 1;
  std::int32_t row_step = 0, column_step = 0;
};

// Gather and Scatter: `positions` nested loops, then `coordinates` of an index.
inline constexpr std::uint32_t kMaxCoordinates = 6;

struct IndexedHead {
  std::uint32_t positions = 0;
  std::uint32_t coordinates = 1;
  std::uint32_t block = 1;      // elements that lie together and are moved together
  std::uint32_t reduction = 0;  // Scatter: a Reduction. Gather: 0
};

enum class Reduction : std::uint32_t { kNone = 0, kAdd = 1, kMul = 2, kMax = 3, kMin = 4 };

// A round of the loop moves this far in the indexed tensor, and in the indices.
struct IndexedPosition {
  std::uint32_t size = 1, step = 0, index_step = 0;
};

// An index i in [-limit, limit) moves by step * (i, or i + limit where i is negative).
struct IndexedCoordinate {
  std::uint32_t limit = 1, step = 0;
};

// TopK: along memory dimension `axis`; y has as many elements there as are wanted.
struct TopKAttributes {
  std::uint32_t axis = 0;
  std::uint32_t largest = 1;
};

// OneHot: `axis` is the dimension of y that x does not have.
struct OneHotAttributes {
  std::uint32_t axis = 0;
};

// Triangle: keeps the elements of the matrices in the last two dimensions on one side of a
// diagonal, the diagonal included.
struct TriangleAttributes {
  std::int32_t diagonal = 0;  // column - row
  std::uint32_t upper = 0;
};

// Interpolate: along memory dimension `axis`.
struct InterpolateAttributes {
  std::uint32_t axis = 0;
  float fill = 0;  // where the indices say that nothing of x is meant
};

enum class SampleMode : std::uint32_t { kNearest = 0, kLinear = 1, kCubic = 2 };
enum class SamplePadding : std::uint32_t { kZeros = 0, kBorder = 1, kReflection = 2 };

// GridSample.
struct GridSampleAttributes {
  SampleMode mode = SampleMode::kLinear;
  SamplePadding padding = SamplePadding::kZeros;
  std::uint32_t align_corners = 0;  // -1 and 1 are the middles of the outermost pixels
};

// RoiAlign.
struct RoiAlignAttributes {
  std::uint32_t maximum = 0;     // of the samples of a bin; otherwise their mean
  std::uint32_t half_pixel = 1;  // regions are shifted by half a pixel
  std::uint32_t samples = 0;     // along each side of a bin; 0: as many as a bin has pixels
  float scale = 1;               // from the regions' units to pixels
};

}  // namespace sz::ops
