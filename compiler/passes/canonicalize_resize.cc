// Resize becomes, one dimension after the other: an Upsample or a Move (nearest neighbours that
// repeat or skip evenly), a Gather (other nearest neighbours), an Interpolate (all that is
// weighted).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/graph/move.h"
#include "compiler/graph/movement_shapes.h"
#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

// Where output `at` lies among the inputs. ONNX's formulas.
double source_of(const ResizeAttributes& resize, const ResizeAxis& axis, std::int64_t at) {
  const auto x = static_cast<double>(at);
  const auto in = static_cast<double>(axis.in);
  const auto out = static_cast<double>(axis.out);
  switch (resize.coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5) / axis.scale - 0.5;
    case Coordinates::kHalfPixelSymmetric: {
      const double adjustment = out / (axis.scale * in);
      return in / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5;
    }
    case Coordinates::kPytorchHalfPixel:
      return axis.out > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
    case Coordinates::kAlignCorners:  // of the size before it was rounded down
      return axis.out > 1 ? x * (in - 1) / (axis.scale * in - 1) : 0;
    case Coordinates::kAsymmetric:
      return x / axis.scale;
    case Coordinates::kCropAndResize:
      if (axis.out == 1) return 0.5 * (axis.begin + axis.end) * (in - 1);
      return axis.begin * (in - 1) + x * (axis.end - axis.begin) * (in - 1) / (out - 1);
  }
  return x;
}

bool is_outside(const ResizeAttributes& resize, const ResizeAxis& axis, double source) {
  return resize.coordinates == Coordinates::kCropAndResize &&
         (source < 0 || source > static_cast<double>(axis.in - 1));
}

std::int64_t nearest(NearestMode mode, double source) {
  switch (mode) {
    case NearestMode::kPreferFloor:
      return static_cast<std::int64_t>(std::ceil(source - 0.5));
    case NearestMode::kPreferCeil:
      return static_cast<std::int64_t>(std::floor(source + 0.5));
    case NearestMode::kFloor:
      return static_cast<std::int64_t>(std::floor(source));
    case NearestMode::kCeil:
      return static_cast<std::int64_t>(std::ceil(source));
  }
  return 0;
}

double linear(double distance) { return std::max(0.0, 1 - std::abs(distance)); }

double cubic(double a, double distance) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// The places (not yet clamped to the input) and weights of one output.
struct Taps {
  std::vector<std::int64_t> places;
  std::vector<double> weights;
};

Taps taps_of(const ResizeAttributes& resize, const ResizeAxis& axis, double source) {
  if (resize.mode == ResizeMode::kNearest) return {{nearest(resize.nearest, source)}, {1}};
  // Smoothing stretches the kernel over what one output covers.
  const double shrink = resize.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = resize.mode == ResizeMode::kLinear ? 1 : 2;
  const auto base = static_cast<std::int64_t>(std::ceil(source)) - 1;
  const auto first = static_cast<std::int64_t>(std::floor(-reach / shrink)) + 1;
  Taps taps;
  double sum = 0;
  for (std::int64_t i = first; i < 2 - first; ++i) {
    const std::int64_t place = base + i;
    const double distance = (static_cast<double>(place) - source) * shrink;
    double weight =
        resize.mode == ResizeMode::kLinear ? linear(distance) : cubic(resize.cubic, distance);
    if (resize.exclude_outside && (place < 0 || place >= axis.in)) weight = 0;
    taps.places.push_back(place);
    taps.weights.push_back(weight);
    sum += weight;
  }
  if ((resize.antialias || resize.exclude_outside) && sum != 0) {
    for (double& weight : taps.weights) weight /= sum;
  }
  return taps;
}

ConstantPtr make_i32(Shape shape, const std::vector<std::int32_t>& values) {
  auto constant = std::make_shared<Constant>();
  constant->dtype = DType::kI32;
  constant->shape = std::move(shape);
  constant->bytes.resize(values.size() * sizeof(std::int32_t));
  std::memcpy(constant->bytes.data(), values.data(), constant->bytes.size());
  return constant;
}

class Resizer {
 public:
  Resizer(Rewriter& rewriter, const Node& node)
      : rewriter_(rewriter),
        node_(node),
        resize_(node.get<ResizeAttributes>()),
        dtype_(rewriter.graph().value(node.inputs[0]).dtype),
        shape_(rewriter.graph().shape(node.inputs[0])),
        axes_(resize_axes(rewriter.graph(), node, shape_)) {}

  void run() {
    std::vector<std::size_t> changed;
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      if (!is_identity(axes_[i])) changed.push_back(i);
    }
    if (changed.empty()) return rewriter_.replace(node_.output, node_.inputs[0]);
    if (repeats_or_skips(changed)) return;
    // What shrinks comes first, so that there is less to do for the others.
    const auto growth = [&](std::size_t i) {
      return static_cast<double>(axes_[i].out) / static_cast<double>(axes_[i].in);
    };
    std::stable_sort(changed.begin(), changed.end(),
                     [&](std::size_t a, std::size_t b) { return growth(a) < growth(b); });
    ValueId x = node_.inputs[0];
    for (const std::size_t axis : changed) {
      shape_[axis] = axes_[axis].out;
      const bool last = axis == changed.back();
      const ValueId y =
          last ? node_.output : rewriter_.temporary(node_.name + ".resized", dtype_, shape_);
      resize_axis(x, axis, y);
      x = y;
    }
  }

 private:
  bool is_identity(const ResizeAxis& axis) const {
    if (axis.in != axis.out) return false;
    for (std::int64_t i = 0; i < axis.out; ++i) {
      if (source_of(resize_, axis, i) != static_cast<double>(i)) return false;
    }
    return true;
  }

  // Nearest neighbours, clamped to the input; empty if some are outside.
  std::vector<std::int64_t> places(const ResizeAxis& axis) const {
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < axis.out; ++i) {
      const double source = source_of(resize_, axis, i);
      if (is_outside(resize_, axis, source)) return {};
      result.push_back(std::clamp<std::int64_t>(nearest(resize_.nearest, source), 0, axis.in - 1));
    }
    return result;
  }

  // The loops of a Move along one axis: every input `factor` times, or every step-th input.
  std::optional<std::vector<MoveLoop>> loops(std::size_t i, std::int64_t* start) const {
    const std::vector<std::int64_t> from = places(axes_[i]);
    if (from.empty()) return {};
    const auto count = static_cast<std::int64_t>(from.size());
    const std::int64_t factor = count / axes_[i].in;
    const std::int64_t step = count > 1 ? from[1] - from[0] : 1;
    bool repeats = factor * axes_[i].in == count;
    bool skips = step > 0;
    for (std::int64_t at = 0; at < count; ++at) {
      const std::int64_t place = from[static_cast<std::size_t>(at)];
      repeats = repeats && place == at / factor;
      skips = skips && place == from[0] + at * step;
    }
    if (skips) {
      *start = from[0];
      return {{{count, 0, count, i, step}}};
    }
    if (!repeats) return {};
    return {{{axes_[i].in, 0, axes_[i].in, i, 1}, {factor, 0, factor, 0, 0}}};
  }

  // All changed axes at once, if they are all of that kind.
  bool repeats_or_skips(const std::vector<std::size_t>& changed) {
    if (resize_.mode != ResizeMode::kNearest) return false;
    MoveAttributes move = identity_move(shape_);
    UpsampleAttributes factors{1, 1};
    bool upsamples = shape_.size() == 4 && dtype_ == DType::kF32;
    for (const std::size_t i : changed) {
      auto found = loops(i, &move.start[i]);
      if (!found) return false;
      move.axes[i] = *std::move(found);
      if (i < 2 || move.axes[i].size() != 2 || move.axes[i][1].size > 65536) {
        upsamples = false;
      } else {
        (i == 2 ? factors.factor_h : factors.factor_w) = move.axes[i][1].size;
      }
    }
    if (upsamples) {
      rewriter_.emit({Op::kUpsample, node_.name, {node_.inputs[0]}, node_.output, factors, {}});
    } else {
      rewriter_.emit({Op::kMove, node_.name, {node_.inputs[0]}, node_.output, std::move(move), {}});
    }
    return true;
  }

  void resize_axis(ValueId x, std::size_t axis, ValueId y) {
    if (resize_.mode == ResizeMode::kNearest) {
      const std::vector<std::int64_t> from = places(axes_[axis]);
      if (!from.empty()) return emit_gather(rewriter_, node_, x, axis, from, y);
    }
    if (dtype_ != DType::kF32) {
      fail(rewriter_.graph(), node_,
           std::string("weighted resizing of ") + to_string(dtype_) + " is not implemented");
    }
    interpolate(x, axis, y);
  }

  void interpolate(ValueId x, std::size_t at, ValueId y) {
    const ResizeAxis& axis = axes_[at];
    std::vector<std::int32_t> places;
    std::vector<float> weights;
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < axis.out; ++i) {
      const double source = source_of(resize_, axis, i);
      const Taps taps = taps_of(resize_, axis, source);
      count = static_cast<std::int64_t>(taps.places.size());
      const bool outside = is_outside(resize_, axis, source);
      for (std::size_t t = 0; t < taps.places.size(); ++t) {
        const auto place = std::clamp<std::int64_t>(taps.places[t], 0, axis.in - 1);
        places.push_back(outside ? -1 : static_cast<std::int32_t>(place));
        weights.push_back(static_cast<float>(taps.weights[t]));
      }
    }
    Graph& graph = rewriter_.graph();
    const Shape shape = {axis.out, count};
    const ValueId place_table = add_table(graph, node_, make_i32(shape, places));
    const ValueId weight_table = add_table(graph, node_, make_f32(shape, weights));
    rewriter_.emit({Op::kInterpolate,
                    node_.name,
                    {x, place_table, weight_table},
                    y,
                    InterpolateAttributes{static_cast<std::int64_t>(at), resize_.outside},
                    {}});
  }

  Rewriter& rewriter_;
  const Node& node_;
  const ResizeAttributes& resize_;
  const DType dtype_;
  Shape shape_;
  const std::vector<ResizeAxis> axes_;
};

}  // namespace

bool canonicalize_resize(Rewriter& rewriter, Node& node) {
  if (node.op != Op::kResize) return false;
  Resizer(rewriter, node).run();
  return true;
}

}  // namespace sz::compiler
