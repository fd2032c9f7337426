// Operations that move elements and change shapes.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "compiler/import/tflite/operations.h"
#include "compiler/import/tflite/quantization.h"

namespace sz::compiler::tflite {
namespace {

// What moves values does not change them.
void expect_same_scaling(const Translator& t, std::size_t input) {
  if (t.common_kind() == Kind::kQuantized &&
      !same_scaling(t, t.input_tensor(input), t.output_tensor())) {
    t.refuse("its input and output have different scales, which is not supported");
  }
}

// As the file declares it; the elements keep their order.
void finish_reshaped(Translator& t) {
  expect_same_scaling(t, 0);
  const Shape& wanted = t.output_tensor().shape;
  const Shape& shape = t.input_tensor(0).shape;
  if (element_count(wanted) != element_count(shape)) {
    t.refuse(to_string(shape) + " cannot become " + to_string(wanted));
  }
  t.finish_plain(t.reshape(t.plain(0), wanted));
}

// UINT8 models may join parts of different scales: TFLite rescales them in f32. INT8 models must not.
ValueId rescaled_part(Translator& t, ValueId x, std::size_t input) {
  const Tensor& part = t.input_tensor(input);
  if (part.type != file::TensorType::UINT8) {
    t.refuse(part.name + " has another scale than the output, which is not supported");
  }
  const Tensor& output = t.output_tensor();
  const float inverse = 1.0f / output.scaling.scales[0];
  const float scale = part.scaling.scales[0] * inverse;
  const float bias = static_cast<float>(-part.scaling.zeros[0]) * scale;
  return lookup(t, x, input, [&](std::int32_t value) {
    const float steps = std::round(static_cast<float>(value) * scale + bias);
    return static_cast<std::int32_t>(std::clamp(steps, -1024.0f, 1024.0f)) +
           output.scaling.zeros[0];
  });
}

bool agrees(const std::vector<std::int64_t>& asked, const Shape& shape) {
  if (asked.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (asked[i] != -1 && asked[i] != shape[i]) return false;
  }
  return true;
}

// What a strided slice takes of one dimension, in the graph's terms: an `end` before the first
// element is below -size.
struct SliceRange {
  std::int64_t start = 0, end = 0, step = 1, count = 0;
  bool shrinks = false;  // to an index: the dimension goes away
};

constexpr std::int64_t kMaxStep = std::int64_t{1} << 30;

// One dimension of `size`, whose bit in the masks is `bit`.
SliceRange slice_range(const Translator& t, std::int64_t size, std::int64_t begin,
                       std::int64_t end, std::int64_t step, std::size_t bit) {
  const auto& slice = options<file::StridedSliceOptions>(t);
  const auto is_set = [&](std::int32_t mask) { return (mask >> bit & 1) != 0; };
  const auto wrapped = [&](std::int64_t at) { return at < 0 ? at + size : at; };
  if (step == 0 || step > kMaxStep || step < -kMaxStep) t.refuse("a stride is 0 or too large");
  if (is_set(slice.shrink_axis_mask())) {
    const std::int64_t index = wrapped(begin);
    if (index < 0 || index >= size) t.refuse("an index is out of range");
    return {index, index + 1, 1, 1, true};
  }
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? size : size - 1;
  const std::int64_t first = step > 0 ? low : high;
  const std::int64_t last = step > 0 ? high : low;
  const std::int64_t from =
      is_set(slice.begin_mask()) ? first : std::clamp(wrapped(begin), low, high);
  const std::int64_t to = is_set(slice.end_mask()) ? last : std::clamp(wrapped(end), low, high);
  const std::int64_t distance = step > 0 ? to - from : from - to;
  const std::int64_t by = step > 0 ? step : -step;
  if (distance <= 0) t.refuse("takes nothing of dimension " + std::to_string(bit));
  return {from, to < 0 ? -size - 1 : to, step, (distance + by - 1) / by, false};
}

std::vector<SliceRange> slice_ranges_of(Translator& t) {
  const auto& slice = options<file::StridedSliceOptions>(t);
  if (slice.ellipsis_mask() != 0 || slice.new_axis_mask() != 0 || slice.offset()) {
    t.refuse("an ellipsis, new dimensions and offsets are not supported");
  }
  const Shape& shape = t.input_tensor(0).shape;
  const std::vector<std::int64_t> begin = t.integers(1, "the begin");
  const std::vector<std::int64_t> end = t.integers(2, "the end");
  const std::vector<std::int64_t> step = t.integers(3, "the strides");
  if (begin.size() > shape.size() || end.size() != begin.size() || step.size() != begin.size()) {
    t.refuse("begin, end and strides do not fit " + std::to_string(shape.size()) + " dimensions");
  }
  std::vector<SliceRange> ranges;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    ranges.push_back(i < begin.size() ? slice_range(t, shape[i], begin[i], end[i], step[i], i)
                                      : SliceRange{0, shape[i], 1, shape[i], false});
  }
  return ranges;
}

constexpr std::size_t kMostParts = 1 << 12;

// A list of integers that the compiler has computed, or one of them.
void finish_integers(Translator& t, const std::vector<std::int64_t>& values) {
  auto result = std::make_shared<Constant>();
  result->shape = t.output_tensor().shape;
  if (element_count(result->shape) != static_cast<std::int64_t>(values.size())) {
    t.refuse("makes " + std::to_string(values.size()) + " numbers, but " + t.output_tensor().name +
             " is declared as " + to_string(result->shape));
  }
  const bool wide = t.output_tensor().type == file::TensorType::INT64;
  result->dtype = wide ? DType::kI64 : DType::kI32;
  for (const std::int64_t value : values) {
    const std::size_t at = result->bytes.size();
    result->bytes.resize(at + (wide ? sizeof(value) : sizeof(std::int32_t)));
    const auto narrow = static_cast<std::int32_t>(value);
    std::memcpy(result->bytes.data() + at, wide ? static_cast<const void*>(&value) : &narrow,
                result->bytes.size() - at);
  }
  t.finish_constant(std::move(result));
}

// A slice of a list that is known.
void slice_integers(Translator& t, const SliceRange& range) {
  const std::vector<std::int64_t> all = t.integers(0, "the list");
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < range.count; ++i) {
    values.push_back(all[static_cast<std::size_t>(range.start + i * range.step)]);
  }
  finish_integers(t, values);
}

}  // namespace

// The new shape stands in the second input or in the options, and again in the output.
void reshape(Translator& t) {
  t.expect_operands(1, 2);
  std::vector<std::int64_t> asked;
  if (t.has_input(1)) {
    asked = t.integers(1, "the shape");
  } else if (const auto* list = options<file::ReshapeOptions>(t).new_shape()) {
    asked.assign(list->begin(), list->end());
  }
  if (!agrees(asked, t.output_tensor().shape)) {
    t.refuse("is to make " + to_string(Shape(asked)) + ", but " + t.output_tensor().name +
             " is declared as " + to_string(t.output_tensor().shape));
  }
  finish_reshaped(t);
}

void squeeze(Translator& t) {
  t.expect_operands(1, 1);
  const Shape& shape = t.input_tensor(0).shape;
  const auto* list = options<file::SqueezeOptions>(t).squeeze_dims();
  std::vector<bool> dropped(shape.size(), list == nullptr || list->size() == 0);
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::int32_t axis = list->Get(static_cast<flatbuffers::uoffset_t>(i));
    const std::size_t normal = normal_axis(t, axis, shape.size());
    if (shape[normal] != 1) t.refuse("dimension " + std::to_string(axis) + " is not 1");
    dropped[normal] = true;
  }
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!dropped[i] || shape[i] != 1) result.push_back(shape[i]);
  }
  if (result != t.output_tensor().shape) {
    t.refuse("makes " + to_string(result) + ", but " + t.output_tensor().name +
             " is declared as " + to_string(t.output_tensor().shape));
  }
  finish_reshaped(t);
}

void expand_dims(Translator& t) {
  t.expect_operands(2, 2);
  Shape shape = t.input_tensor(0).shape;
  const std::vector<std::int64_t> axis = t.integers(1, "the axis");
  if (axis.size() != 1) t.refuse("takes one axis");
  const std::size_t at = normal_axis(t, axis[0], shape.size() + 1);
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(at), 1);
  if (shape != t.output_tensor().shape) {
    t.refuse("makes " + to_string(shape) + ", but " + t.output_tensor().name +
             " is declared as " + to_string(t.output_tensor().shape));
  }
  finish_reshaped(t);
}

void transpose(Translator& t) {
  t.expect_operands(2, 2);
  expect_same_scaling(t, 0);
  const std::size_t rank = t.input_tensor(0).shape.size();
  const std::vector<std::int64_t> perm = t.integers(1, "the permutation");
  std::vector<bool> seen(rank, false);
  bool good = perm.size() == rank;
  for (std::size_t i = 0; good && i < rank; ++i) {
    good = perm[i] >= 0 && perm[i] < static_cast<std::int64_t>(rank) &&
           !seen[static_cast<std::size_t>(perm[i])];
    if (good) seen[static_cast<std::size_t>(perm[i])] = true;
  }
  if (!good) t.refuse("its second input is no permutation of " + std::to_string(rank) + " numbers");
  if (rank != 4) return t.finish_plain(t.transpose(t.plain(0), perm));
  // From image to image: dimension image_axis(i) of the result is image_axis(perm[i]) of the input.
  std::vector<std::int64_t> turned(4);
  for (std::size_t i = 0; i < 4; ++i) {
    turned[image_axis(i)] =
        static_cast<std::int64_t>(image_axis(static_cast<std::size_t>(perm[i])));
  }
  t.finish_image(t.transpose(t.image(0), turned));
}

void concatenation(Translator& t) {
  t.expect_operands(1, kMostParts);
  const auto& concat = options<file::ConcatenationOptions>(t);
  const std::size_t rank = t.output_tensor().shape.size();
  const std::size_t axis = normal_axis(t, concat.axis(), rank);
  const Kind kind = t.common_kind();
  if (concat.activation() != file::Activation::NONE) {
    t.refuse("has an activation, which is not supported");
  }
  std::vector<ValueId> parts;
  for (std::size_t i = 0; i < t.op().inputs.size(); ++i) {
    const Tensor& part = t.input_tensor(i);
    if (part.shape.size() != rank) t.refuse(part.name + " has another number of dimensions");
    if (part.type != t.output_tensor().type) t.refuse(part.name + " has another type");
    const ValueId x = rank == 4 ? t.image(i) : t.plain(i);
    const bool same = kind != Kind::kQuantized || same_scaling(t, part, t.output_tensor());
    parts.push_back(same ? x : rescaled_part(t, x, i));
  }
  const auto place = static_cast<std::int64_t>(rank == 4 ? image_axis(axis) : axis);
  t.finish(t.emit(Op::kConcat, std::move(parts), AxisAttributes{place}));
}

// PAD, and PADV2 with a value of its own.
void pad(Translator& t) {
  t.expect_operands(2, 3);
  expect_same_scaling(t, 0);
  const std::size_t rank = t.input_tensor(0).shape.size();
  const std::vector<std::int64_t> pairs = t.integers(1, "the padding");
  if (t.input_tensor(1).shape != Shape{static_cast<std::int64_t>(rank), 2}) {
    t.refuse("its padding must be " + std::to_string(rank) + " x 2 numbers");
  }
  std::vector<std::int64_t> pads(2 * rank);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t place = rank == 4 ? image_axis(axis) : axis;
    pads[place] = pairs[2 * axis];
    pads[place + rank] = pairs[2 * axis + 1];
  }
  constexpr std::int64_t kMostPadding = 1 << 30;
  for (const std::int64_t size : pads) {
    if (size < 0 || size > kMostPadding) t.refuse("its padding is negative or too large");
  }
  std::vector<ValueId> inputs = {rank == 4 ? t.image(0) : t.plain(0), t.add_integers("pads", pads)};
  if (t.has_input(2)) {
    t.constant(2, "the value of the padding");
    if (element_count(t.input_tensor(2).shape) != 1) t.refuse("pads with more than one value");
    if (t.common_kind() == Kind::kQuantized) expect_same_scaling(t, 2);
    inputs.push_back(t.plain(2));
  } else if (t.common_kind() == Kind::kQuantized) {
    inputs.push_back(t.add_constant("padding", zero_of(t.output_tensor())));
  }
  t.finish(t.emit(Op::kPad, std::move(inputs), PadAttributes{}));
}

void strided_slice(Translator& t) {
  t.expect_operands(4, 4);
  expect_same_scaling(t, 0);
  const std::vector<SliceRange> ranges = slice_ranges_of(t);
  const bool is_image = ranges.size() == 4;
  std::vector<std::int64_t> starts, ends, steps, axes;
  Shape kept;  // without the dimensions that shrink away
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const SliceRange& range = ranges[i];
    starts.push_back(range.start);
    ends.push_back(range.end);
    steps.push_back(range.step);
    axes.push_back(static_cast<std::int64_t>(is_image ? image_axis(i) : i));
    if (!range.shrinks) kept.push_back(range.count);
  }
  if (kept != t.output_tensor().shape) {
    t.refuse("makes " + to_string(kept) + ", but " + t.output_tensor().name +
             " is declared as " + to_string(t.output_tensor().shape));
  }
  if (ranges.size() == 1 && t.common_kind() == Kind::kInteger) return slice_integers(t, ranges[0]);
  ValueId y = t.emit(Op::kSlice, {is_image ? t.image(0) : t.plain(0),
                                  t.add_integers("starts", starts), t.add_integers("ends", ends),
                                  t.add_integers("axes", axes), t.add_integers("steps", steps)});
  if (is_image && kept.size() == 4) return t.finish_image(y);
  if (is_image) y = t.transpose(y, {0, 2, 3, 1});
  t.finish_plain(t.reshape(y, kept));
}

// What exporters compute of shapes before a Reshape: known when the model is compiled.
void shape_of(Translator& t) {
  t.expect_operands(1, 1);
  const Shape& shape = t.input_tensor(0).shape;
  finish_integers(t, {shape.begin(), shape.end()});
}

// Numbers to a list. Of tensors, a Concat of what has one dimension more.
void pack(Translator& t) {
  t.expect_operands(1, kMostParts);
  const auto& options_of_pack = options<file::PackOptions>(t);
  const Shape& wanted = t.output_tensor().shape;
  const std::size_t axis = normal_axis(t, options_of_pack.axis(), wanted.size());
  Shape part = wanted;
  part[axis] = 1;
  std::vector<ValueId> parts;
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < t.op().inputs.size(); ++i) {
    const Tensor& input = t.input_tensor(i);
    if (element_count(input.shape) != element_count(part)) {
      t.refuse(input.name + " does not fit " + t.output_tensor().name);
    }
    if (wanted.size() == 1 && t.kind(input) == Kind::kInteger) {
      numbers.push_back(t.integers(i, "a number of a list").at(0));
    } else {
      expect_same_scaling(t, i);
      parts.push_back(t.reshape(t.plain(i), part));
    }
  }
  if (parts.empty()) return finish_integers(t, numbers);
  if (!numbers.empty()) t.refuse("its inputs have different types");
  t.finish_plain(t.emit(Op::kConcat, std::move(parts), AxisAttributes{static_cast<std::int64_t>(axis)}));
}

}  // namespace sz::compiler::tflite
