#include "ops/elementwise/elementwise.h"

#include "ops/check.h"

namespace sz::ops {
namespace {

bool broadcasts_to(const TensorView& from, const TensorView& to) {
  if (from.rank > to.rank) return false;
  for (std::uint32_t i = 0; i < from.rank; ++i) {
    const std::uint32_t size = from.dims[i];
    if (size != 1 && size != to.dims[to.rank - from.rank + i]) return false;
  }
  return true;
}

// Strides of `view` within a computation of rank `rank` (1 or more).
void fill_strides(const TensorView& view, std::uint32_t rank, std::size_t* strides) {
  std::size_t stride = view.pitch;
  for (std::uint32_t back = 0; back < rank; ++back) {
    const std::uint32_t i = rank - 1 - back;
    if (back >= view.rank) {
      strides[i] = 0;
      continue;
    }
    const std::uint32_t size = view.dims[view.rank - 1u - back];
    strides[i] = size == 1 ? 0 : (back == 0 ? 1 : stride);
    if (back > 0) stride *= size;
  }
}

// The kind of a Unary step, and its attributes into `unary`; false if they are none.
bool read_unary(std::span<const std::uint32_t> words, Unary* unary) {
  UnaryAttributes clamp;
  LeakyReluAttributes leaky;
  if (read_attributes(words, &clamp) && clamp.kind == UnaryKind::kClamp) {
    unary->kind = clamp.kind;
    unary->clamp = clamp.clamp;
    return valid_clamp(clamp.clamp);
  }
  if (read_attributes(words, &leaky) && leaky.kind == UnaryKind::kLeakyRelu) {
    unary->kind = leaky.kind;
    unary->slope = leaky.slope;
    return leaky.slope - leaky.slope == 0.0f;  // finite
  }
  return false;
}

Binary unpack(const Step& step) {
  BinaryAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& y = *step.outputs[0];
  Binary binary;
  binary.a = step.inputs[0]->f32();
  binary.b = step.inputs[1]->f32();
  binary.y = y.mutable_f32();
  binary.rank = y.rank == 0 ? 1 : y.rank;
  for (std::uint32_t i = 0; i < binary.rank; ++i) binary.dims[i] = y.rank == 0 ? 1 : y.dims[i];
  fill_strides(*step.inputs[0], binary.rank, binary.a_strides);
  fill_strides(*step.inputs[1], binary.rank, binary.b_strides);
  fill_strides(y, binary.rank, binary.y_strides);
  binary.kind = attributes.kind;
  binary.clamp = attributes.clamp;
  binary.in_place = runs_in_place(step);
  return binary;
}

// Dimensions of `to`: drops those of size 1, joins those that continue each other.
struct Merger {
  Binary* to;
  void append(std::size_t size, std::size_t a, std::size_t b, std::size_t y) {
    if (to->rank > 0) {
      const std::uint32_t last = to->rank - 1;
      if (to->a_strides[last] == a * size && to->b_strides[last] == b * size &&
          to->y_strides[last] == y * size) {
        to->dims[last] *= size;
        to->a_strides[last] = a;
        to->b_strides[last] = b;
        to->y_strides[last] = y;
        return;
      }
    }
    to->dims[to->rank] = size;
    to->a_strides[to->rank] = a;
    to->b_strides[to->rank] = b;
    to->y_strides[to->rank] = y;
    ++to->rank;
  }
};

}  // namespace

RowOffsets row_offsets(const Binary& binary, std::size_t row) {
  RowOffsets offsets;
  for (std::uint32_t back = 1; back < binary.rank; ++back) {
    const std::uint32_t i = binary.rank - 1 - back;
    const std::size_t index = row % binary.dims[i];
    row /= binary.dims[i];
    offsets.a += index * binary.a_strides[i];
    offsets.b += index * binary.b_strides[i];
    offsets.y += index * binary.y_strides[i];
  }
  return offsets;
}

Binary merge_dimensions(const Binary& binary) {
  Binary merged = binary;
  merged.rank = 0;
  Merger merger{&merged};
  for (std::uint32_t i = 0; i < binary.rank; ++i) {
    if (binary.dims[i] == 1) continue;
    merger.append(binary.dims[i], binary.a_strides[i], binary.b_strides[i], binary.y_strides[i]);
  }
  // Along the innermost dimension, y is dense, and a and b are dense or one element. Where what
  // remains is not, because dimensions of size 1 were dropped, one of those comes back.
  const std::uint32_t end = merged.rank;
  if (end == 0 || merged.y_strides[end - 1] != 1 || merged.a_strides[end - 1] > 1 ||
      merged.b_strides[end - 1] > 1) {
    const std::uint32_t last = merged.rank++;
    merged.dims[last] = 1;
    merged.a_strides[last] = merged.b_strides[last] = 0;
    merged.y_strides[last] = 1;
  }
  return merged;
}

Status check_unary(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  Unary unary;
  if (!read_unary(step.attributes, &unary)) return Status::kBadAttribute;
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

Status check_binary(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  BinaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.kind > BinaryKind::kDiv ||
      !valid_clamp(attributes.clamp)) {
    return Status::kBadAttribute;
  }
  const TensorView& a = *step.inputs[0];
  const TensorView& b = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (!broadcasts_to(a, y) || !broadcasts_to(b, y)) return Status::kShapeMismatch;
  // Every dimension of y comes from a or b.
  for (std::uint32_t i = 0; i < y.rank; ++i) {
    const std::uint32_t back = y.rank - 1u - i;
    const std::uint32_t from_a = back < a.rank ? a.dims[a.rank - 1u - back] : 1;
    const std::uint32_t from_b = back < b.rank ? b.dims[b.rank - 1u - back] : 1;
    if (y.dims[i] != from_a && y.dims[i] != from_b) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status run_unary(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  Unary unary;
  (void)read_unary(step.attributes, &unary);  // checked before
  unary.x = x.f32();
  unary.y = y.mutable_f32();
  unary.x_pitch = x.pitch;
  unary.y_pitch = y.pitch;
  unary.rows = x.rows();
  unary.inner = x.inner();
  unary.in_place = runs_in_place(step);
  if (step.kernel == Kernel::kReference) {
    unary_reference(unary);
  } else {
    unary_vector(unary, context);
  }
  return Status::kOk;
}

Status run_binary(const Step& step, const RunContext& context) noexcept {
  const Binary binary = unpack(step);
  if (step.kernel == Kernel::kReference) {
    binary_reference(binary);
  } else {
    binary_vector(binary, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
