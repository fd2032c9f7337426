#include <cmath>

#include "compiler/graph/movement_shapes.h"

namespace sz::compiler {
namespace {

constexpr double kMostSize = 1 << 30;

// The f32 values of an input; empty where there is none (or an empty one).
std::vector<float> numbers(const Graph& graph, const Node& node, std::size_t input,
                           const char* what) {
  if (node.input(input) == kNoValue) return {};
  const Constant* constant = graph.constant(node.inputs[input]);
  if (constant == nullptr) {
    fail(graph, node, std::string(what) + " must be known when the model is compiled");
  }
  if (constant->dtype != DType::kF32) fail(graph, node, std::string(what) + " must be f32");
  const auto values = constant->f32();
  return {values.begin(), values.end()};
}

class Resizer {
 public:
  Resizer(const Graph& graph, const Node& node, const Shape& x)
      : graph_(graph), node_(node), resize_(node.get<ResizeAttributes>()) {
    for (const std::int64_t size : x) result_.push_back({size, size, 1, 0, 1, false});
    for (std::size_t i = 0; i < x.size(); ++i) axes_.push_back(i);
    if (!resize_.axes.empty()) {
      axes_.clear();
      for (const std::int64_t axis : resize_.axes) {
        axes_.push_back(normal_axis(graph, node, axis, x.size()));
      }
    }
    for (const std::size_t axis : axes_) {
      if (result_[axis].given) fail(graph, node, "an axis occurs twice");
      result_[axis].given = true;
    }
  }

  std::vector<ResizeAxis> run() {
    const auto scales = numbers(graph_, node_, 2, "the scales");
    const bool by_sizes = node_.input(3) != kNoValue;
    if (by_sizes && !scales.empty()) fail(graph_, node_, "has both scales and sizes");
    if (by_sizes) {
      sizes(constant_integers(graph_, node_, 3, "the sizes"));
    } else {
      expect_one_each(scales.size(), "scales");
      for (std::size_t i = 0; i < axes_.size(); ++i) scale(result_[axes_[i]], scales[i]);
    }
    if (resize_.coordinates == Coordinates::kCropAndResize) region();
    return result_;
  }

 private:
  void expect_one_each(std::size_t count, const char* what) const {
    if (count == axes_.size()) return;
    fail(graph_, node_,
         "has " + std::to_string(count) + ' ' + what + " for " + std::to_string(axes_.size()) +
             " axes");
  }

  void scale(ResizeAxis& axis, double factor) const {
    const double size = std::floor(static_cast<double>(axis.in) * factor);
    if (!(factor > 0) || !(size >= 1 && size <= kMostSize)) {
      fail(graph_, node_, "a scale is out of range");
    }
    axis.scale = factor;
    axis.out = static_cast<std::int64_t>(size);
  }

  void sizes(const std::vector<std::int64_t>& wanted) {
    expect_one_each(wanted.size(), "sizes");
    for (const std::int64_t size : wanted) {
      if (size < 1 || static_cast<double>(size) > kMostSize) {
        fail(graph_, node_, "a size is out of range");
      }
    }
    const auto ratio = [&](std::size_t i) {
      return static_cast<double>(wanted[i]) / static_cast<double>(result_[axes_[i]].in);
    };
    if (resize_.ratio == AspectRatio::kStretch) {
      for (std::size_t i = 0; i < axes_.size(); ++i) {
        result_[axes_[i]].out = wanted[i];
        result_[axes_[i]].scale = ratio(i);
      }
      return;
    }
    double common = ratio(0);
    for (std::size_t i = 1; i < axes_.size(); ++i) {
      const bool larger = resize_.ratio == AspectRatio::kNotSmaller;
      common = larger ? std::max(common, ratio(i)) : std::min(common, ratio(i));
    }
    for (const std::size_t axis : axes_) {
      result_[axis].scale = common;
      const double size = std::floor(common * static_cast<double>(result_[axis].in) + 0.5);
      if (!(size >= 1 && size <= kMostSize)) fail(graph_, node_, "a size is out of range");
      result_[axis].out = static_cast<std::int64_t>(size);
    }
  }

  void region() {
    const auto roi = numbers(graph_, node_, 1, "the region of interest");
    if (roi.size() != 2 * axes_.size()) {
      fail(graph_, node_, "the region of interest must have two numbers for each axis");
    }
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      result_[axes_[i]].begin = roi[i];
      result_[axes_[i]].end = roi[axes_.size() + i];
      if (!std::isfinite(roi[i]) || !std::isfinite(roi[axes_.size() + i])) {
        fail(graph_, node_, "the region of interest is not finite");
      }
    }
  }

  const Graph& graph_;
  const Node& node_;
  const ResizeAttributes& resize_;
  std::vector<std::size_t> axes_;
  std::vector<ResizeAxis> result_;
};

}  // namespace

std::vector<ResizeAxis> resize_axes(const Graph& graph, const Node& node, const Shape& x) {
  if (x.empty()) fail(graph, node, "a scalar cannot be resized");
  return Resizer(graph, node, x).run();
}

}  // namespace sz::compiler
