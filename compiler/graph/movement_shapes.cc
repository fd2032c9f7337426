#include "compiler/graph/movement_shapes.h"

#include <cmath>
#include <cstring>

namespace sz::compiler {
namespace {

template <typename T>
T element(const Constant& constant, std::size_t index) {
  T value;
  std::memcpy(&value, constant.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

std::vector<std::int64_t> constant_whole_numbers(const Graph& graph, const Node& node,
                                                 std::size_t input, const char* what) {
  const Constant* constant = graph.constant(node.input(input));
  if (constant == nullptr) {
    fail(graph, node, std::string(what) + " must be known when the model is compiled");
  }
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(constant->shape)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    switch (constant->dtype) {
      case DType::kI64:
        values[i] = element<std::int64_t>(*constant, i);
        break;
      case DType::kI32:
        values[i] = element<std::int32_t>(*constant, i);
        break;
      case DType::kI8:
        values[i] = element<std::int8_t>(*constant, i);
        break;
      case DType::kU8:
      case DType::kBool:
        values[i] = element<std::uint8_t>(*constant, i);
        break;
      case DType::kF32: {
        const float value = element<float>(*constant, i);
        if (!(std::abs(value) < 9e18f) || value != std::trunc(value)) {
          fail(graph, node, std::string(what) + " must be whole numbers");
        }
        values[i] = static_cast<std::int64_t>(value);
      }
    }
  }
  return values;
}

std::vector<SliceRange> split_ranges(const Graph& graph, const Node& node, const Shape& x) {
  const auto& split = node.get<SplitAttributes>();
  const std::size_t axis = normal_axis(graph, node, split.axis, x.size());
  const auto index = static_cast<std::size_t>(split.index);
  std::vector<std::int64_t> sizes;
  if (node.input(1) != kNoValue) {
    sizes = constant_integers(graph, node, 1, "the sizes of the parts");
  } else {
    const std::int64_t whole = (x[axis] + split.parts - 1) / split.parts;
    for (std::int64_t i = 0; i < split.parts; ++i) {
      sizes.push_back(std::max<std::int64_t>(0, std::min(whole, x[axis] - i * whole)));
    }
  }
  if (split.parts != static_cast<std::int64_t>(sizes.size())) {
    fail(graph, node,
         "has " + std::to_string(split.parts) + " outputs but sizes for " +
             std::to_string(sizes.size()));
  }
  std::int64_t sum = 0;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > x[axis]) fail(graph, node, "the size of a part is out of range");
    if (i == index) begin = sum;
    sum += sizes[i];
  }
  if (sum != x[axis]) {
    fail(graph, node, "the parts have " + std::to_string(sum) + " of " + std::to_string(x[axis]));
  }
  std::vector<SliceRange> ranges;
  for (const std::int64_t size : x) ranges.push_back({0, 1, size});
  ranges[axis] = {begin, 1, sizes[index]};
  return ranges;
}

std::vector<PadRange> center_ranges(const Graph& graph, const Node& node, const Shape& x) {
  const auto wanted = constant_integers(graph, node, 1, "the shape");
  std::vector<std::int64_t> axes = node.get<AxesAttributes>().axes;
  if (axes.empty()) {
    for (std::size_t i = 0; i < x.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (axes.size() != wanted.size()) fail(graph, node, "the shape has not one size for each axis");
  std::vector<PadRange> ranges(x.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = normal_axis(graph, node, axes[i], x.size());
    if (wanted[i] < 1 || !is_sane({wanted[i]}, DType::kBool)) {
      fail(graph, node, "a size of the shape is out of range");
    }
    const std::int64_t more = wanted[i] - x[axis];
    const std::int64_t before = more >= 0 ? more / 2 : -(-more / 2);
    ranges[axis] = {before, more - before};
  }
  return ranges;
}

std::vector<std::int64_t> places_set(const Graph& graph, const Node& node, std::size_t input,
                                     const char* what) {
  const Constant* constant = graph.constant(node.input(input));
  if (constant == nullptr) {
    fail(graph, node,
         std::string(what) +
             " must be known when the model is compiled, because the size of the result depends "
             "on it");
  }
  std::vector<std::int64_t> places;
  const std::size_t size = dtype_bytes(constant->dtype);
  for (std::size_t i = 0; i < constant->bytes.size() / size; ++i) {
    bool set = false;
    if (constant->dtype == DType::kF32) {
      set = element<float>(*constant, i) != 0;  // -0 is zero too
    } else {
      for (std::size_t b = 0; b < size; ++b) {
        set = set || constant->bytes[i * size + b] != std::byte{0};
      }
    }
    if (set) places.push_back(static_cast<std::int64_t>(i));
  }
  return places;
}

}  // namespace sz::compiler
