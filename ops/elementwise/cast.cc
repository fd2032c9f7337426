#include <bit>

#include "ops/check.h"
#include "ops/elements.h"
#include "ops/elementwise/elementwise.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

struct CastJob {
  const TensorView& x;
  const TensorView& y;
  RowSplit split;
};

// A float as an integer of type `to`: towards 0, saturated, NaN as 0. (Processors disagree.)
std::int64_t truncated(float value, DType to) {
  if (to == DType::kBool) return value != 0.0f;  // NaN is not 0
  if (value != value) return 0;
  // Powers of two are floats; every float below fits, as the largest numbers of 32 and 64 bits do
  // not.
  const std::uint32_t bits = bits_of(to) - (to == DType::kU8 ? 0 : 1);
  const float end = std::bit_cast<float>((bits + 127u) << 23);
  const float begin = to == DType::kU8 ? 0.0f : -end;
  if (value >= end) return static_cast<std::int64_t>((std::uint64_t{1} << bits) - 1);
  if (value <= begin) {
    return to == DType::kU8 ? 0 : static_cast<std::int64_t>(0 - (std::uint64_t{1} << bits));
  }
  return static_cast<std::int64_t>(value);
}

void cast_element(const TensorView& x, std::size_t from, const TensorView& y, std::size_t to) {
  if (x.dtype == DType::kF32) {
    return store_integer(y.dtype, y.data, to, truncated(x.f32()[from], y.dtype));
  }
  const std::int64_t value = load_integer(x.dtype, x.data, from);
  if (y.dtype == DType::kF32) {
    y.mutable_f32()[to] = static_cast<float>(value);
  } else {
    store_integer(y.dtype, y.data, to, value);
  }
}

// At most kBlock elements.
void cast_block(const TensorView& x, std::size_t from, const TensorView& y, std::size_t to,
                std::size_t count) {
  std::int64_t block[kBlock];
  if (x.dtype == DType::kF32) {
    const float* values = x.f32() + from;
    for (std::size_t i = 0; i < count; ++i) block[i] = truncated(values[i], y.dtype);
  } else {
    load_block(x.dtype, x.data, from, 1, count, block);
  }
  if (y.dtype == DType::kF32) {
    float* values = y.mutable_f32() + to;
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(block[i]);
  } else {
    store_block(y.dtype, y.data, to, count, block);
  }
}

void cast_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const CastJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r) {
    for (std::size_t i = part.column_begin; i < part.column_end; i += kBlock) {
      const std::size_t left = part.column_end - i;
      cast_block(job.x, r * job.x.pitch + i, job.y, r * job.y.pitch + i,
                 left < kBlock ? left : kBlock);
    }
  }
}

}  // namespace

Status check_cast(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  if (!step.attributes.empty()) return Status::kBadAttribute;
  // Nothing would be cast; what is left to do then is Copy's.
  if (step.inputs[0]->dtype == step.outputs[0]->dtype) return Status::kDtypeMismatch;
  return same_shape(*step.inputs[0], *step.outputs[0]) ? Status::kOk : Status::kShapeMismatch;
}

Status run_cast(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (step.kernel == Kernel::kReference) {
    for (std::size_t r = 0; r < x.rows(); ++r) {
      for (std::size_t i = 0; i < x.inner(); ++i) {
        cast_element(x, r * x.pitch + i, y, r * y.pitch + i);
      }
    }
    return Status::kOk;
  }
  CastJob job{x, y, RowSplit(x.rows(), x.inner(), true, context.wanted_chunks())};
  context.share(cast_chunk, &job, job.split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
