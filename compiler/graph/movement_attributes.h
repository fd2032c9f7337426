// Attributes of the operators that move elements (part of graph.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tensor/tensor.h"

namespace sz::compiler {

// Move: y is x sliced, reversed, reordered, repeated, split up, joined and padded, in one pass.
// Every dimension of y is a nest of loops, the product of whose sizes it is. A round of a loop
// moves one dimension of x by a step, or fills while it stands outside [begin, end).
struct MoveLoop {
  std::int64_t size = 1, begin = 0, end = 1;
  std::size_t x_axis = 0;
  std::int64_t step = 0;

  bool fills() const { return begin != 0 || end != size; }
};
struct MoveAttributes {
  std::vector<std::vector<MoveLoop>> axes;  // of y, each from the outermost loop to the innermost
  std::vector<std::int64_t> start;          // in x, where all loops stand at their `begin`
  std::uint64_t fill = 0;                   // bits of an element
};

enum class PadMode { kConstant, kReflect, kEdge, kWrap };
struct PadAttributes {
  PadMode mode = PadMode::kConstant;
};

// One of the parts that Split makes: number `index` of `parts` (0: as many as the sizes say).
struct SplitAttributes {
  std::int64_t axis = 0, index = 0, parts = 0;
};

struct BlockAttributes {  // DepthToSpace, SpaceToDepth
  std::int64_t block = 1;
  bool column_first = false;  // mode CRD
};

struct AxesAttributes {  // CenterCropPad; empty: all
  std::vector<std::int64_t> axes;
};

struct ReverseAttributes {
  std::int64_t batch_axis = 1, time_axis = 0;
};

struct CompressAttributes {
  std::optional<std::int64_t> axis;  // none: of the flattened input
};

struct GatherNdAttributes {
  std::int64_t batch_dims = 0;
};

enum class ScatterReduction { kNone, kAdd, kMul, kMax, kMin };
struct ScatterAttributes {
  std::int64_t axis = 0;  // ScatterElements
  ScatterReduction reduction = ScatterReduction::kNone;
};

struct TopKAttributes {
  std::int64_t axis = -1;
  bool largest = true;
};

struct TriluAttributes {
  bool upper = true;
  std::int64_t diagonal = 0;  // canonicalize puts the input k here
};

struct EyeAttributes {
  std::int64_t diagonal = 0;
  std::optional<DType> type;  // none: the input's
};

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class Coordinates {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kCropAndResize
};
enum class NearestMode { kPreferFloor, kPreferCeil, kFloor, kCeil };
enum class AspectRatio { kStretch, kNotLarger, kNotSmaller };
struct ResizeAttributes {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kPreferFloor;
  AspectRatio ratio = AspectRatio::kStretch;
  double cubic = -0.75;
  bool exclude_outside = false, antialias = false;
  float outside = 0;               // kCropAndResize: where the region reaches beyond the input
  std::vector<std::int64_t> axes;  // empty: all
};

enum class SampleMode { kNearest, kLinear, kCubic };
enum class SamplePadding { kZeros, kBorder, kReflection };
struct GridSampleAttributes {
  SampleMode mode = SampleMode::kLinear;
  SamplePadding padding = SamplePadding::kZeros;
  bool align_corners = false;
};
struct RoiAlignAttributes {
  bool maximum = false, half_pixel = true;
  std::int64_t height = 1, width = 1, samples = 0;
  float scale = 1;
};

struct InterpolateAttributes {
  std::int64_t axis = 0;
  float fill = 0;
};

}  // namespace sz::compiler
