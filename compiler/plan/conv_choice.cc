#include "compiler/plan/conv_choice.h"

#include <algorithm>

namespace sz::compiler {
namespace {

// Costs in instructions of four lanes, as counted for AArch64 (bench/instructions); wider machines
// divide all of them alike.
constexpr double kMultiplyAdd = 1.13;      // in the matrix kernel, with its loads
constexpr double kFinishOutput = 7;        // four outputs of the matrix kernel, to the end
constexpr double kRawOutput = 2;           // the same, stored as they are
constexpr double kTransformInputs = 105;   // four channels of a tile
constexpr double kTransformOutputs = 100;  // four outputs of all pixels of a tile
constexpr double kWorthwhile = 0.9;        // of the plain cost

// Where the weights do not fit a cache and there are few pixels to use them on, loading them is
// what takes the time.
constexpr double kManyWeightBytes = 1 << 20;
constexpr double kFewPixels = 128;

bool is_three_by_three(const Shape& w, const WindowAttributes& window) {
  const auto all_one = [](const std::vector<std::int64_t>& values) {
    return std::all_of(values.begin(), values.end(), [](std::int64_t v) { return v == 1; });
  };
  return w[2] == 3 && w[3] == 3 && window.groups == 1 && all_one(window.strides) &&
         all_one(window.dilations);
}

}  // namespace

bool prefers_winograd(const Graph& graph, const Node& node) {
  const Shape& w = graph.shape(node.inputs[1]);
  const Shape& y = graph.shape(node.output);
  if (!is_three_by_three(w, node.get<WindowAttributes>())) return false;
  const auto images = static_cast<double>(y[0]);
  const double pixels = images * static_cast<double>(y[2] * y[3]);
  const double tiles = images * static_cast<double>((y[2] + 1) / 2 * ((y[3] + 1) / 2));
  const auto inputs = static_cast<double>(w[1]);
  const double outputs = static_cast<double>((w[0] + 3) / 4);  // fours
  if (pixels < kFewPixels && 16 * inputs * outputs * 16 > kManyWeightBytes) return false;
  const double plain = pixels * outputs * (9 * inputs * kMultiplyAdd + kFinishOutput);
  const double winograd =
      tiles * (16 * outputs * (inputs * kMultiplyAdd + kRawOutput) +
               (inputs + 3) / 4 * kTransformInputs + outputs * kTransformOutputs);
  return winograd < kWorthwhile * plain;
}

}  // namespace sz::compiler
