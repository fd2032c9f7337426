#include "ops/quantized/qpool.h"

#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 22;  // * 255 < 2^30

QPool2d unpack(const Step& step) {
  QPool2d pool;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  pool.x = bytes_of(x);
  pool.y = mutable_bytes_of(y);
  pool.shape.x_pitch = x.pitch;
  pool.shape.y_pitch = y.pitch;
  pool.shape.batch = x.dims[0];
  pool.shape.in_h = x.dims[1];
  pool.shape.in_w = x.dims[2];
  pool.shape.channels = x.dims[3];
  pool.shape.out_h = y.dims[1];
  pool.shape.out_w = y.dims[2];
  pool.flip = flip_of(x.dtype);
  return pool;
}

}  // namespace

std::int32_t count_of(const QPool2d& pool, const TapRange& rows, const TapRange& columns) {
  const std::size_t taps = pool.attributes.count_include_pad != 0
                               ? rows.counted * columns.counted
                               : (rows.last - rows.first) * (columns.last - columns.first);
  return static_cast<std::int32_t>(taps);
}

std::int32_t average_of(std::int32_t sum, std::int32_t count, const QPool2dAttributes& attributes) {
  if (attributes.mode == Rescaling::kFloat) {
    const float scale = attributes.scale / static_cast<float>(count);
    return finish_float(static_cast<float>(sum) * scale, attributes.y);
  }
  const std::int32_t half = count / 2;
  return finish_fixed((sum > 0 ? sum + half : sum - half) / count, attributes.y);
}

Status check_qpool2d(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != DType::kI8 || y.dtype != DType::kI8) return Status::kDtypeMismatch;
  QPool2dAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.count_include_pad > 1 ||
      !in_range(attributes.x_zero, DType::kI8) || !valid_output(attributes.y, DType::kI8)) {
    return Status::kBadAttribute;
  }
  const bool fixed = attributes.mode == Rescaling::kFixedPoint &&
                     attributes.count_include_pad == 0 && attributes.scale == 1.0f;
  const bool floating = attributes.mode == Rescaling::kFloat && valid_scale(attributes.scale);
  if (!fixed && !floating) return Status::kBadAttribute;
  return check_pool_window(attributes.window, x, y);
}

Status check_qglobal_average_pool(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != DType::kI8 || y.dtype != DType::kI8) return Status::kDtypeMismatch;
  QGlobalAveragePoolAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_factor(attributes.factor) ||
      attributes.factor.mode == Rescaling::kNone || !in_range(attributes.x_zero, DType::kI8) ||
      !valid_output(attributes.y, DType::kI8)) {
    return Status::kBadAttribute;
  }
  const bool shapes = x.rank == 4 && y.rank == 4 && x.dims[0] == y.dims[0] && y.dims[1] == 1 &&
                      y.dims[2] == 1 && x.dims[3] == y.dims[3] &&
                      std::uint64_t{x.dims[1]} * x.dims[2] <= kMaxPixels;
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

Status check_max_pool_bytes(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (!is_byte(x.dtype) || y.dtype != x.dtype) return Status::kDtypeMismatch;
  Pool2dAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || attributes.kind != PoolKind::kMax ||
      attributes.count_include_pad > 1) {
    return Status::kBadAttribute;
  }
  return check_pool_window(attributes.window, x, y);
}

std::uint64_t qpool2d_cost(const Step& step) {
  QPool2dAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  return step.outputs[0]->elements() * attributes.window.kernel_h * attributes.window.kernel_w;
}

std::uint64_t qglobal_average_pool_cost(const Step& step) { return step.inputs[0]->elements(); }

Status run_qpool2d(const Step& step, const RunContext& context) noexcept {
  QPool2d pool = unpack(step);
  (void)read_attributes(step.attributes, &pool.attributes);  // checked before
  pool.shape.attributes.window = pool.attributes.window;
  if (step.kernel == Kernel::kReference) {
    qpool2d_reference(pool);
  } else {
    qpool2d_vector(pool, context);
  }
  return Status::kOk;
}

Status run_max_pool_bytes(const Step& step, const RunContext& context) noexcept {
  QPool2d pool = unpack(step);
  (void)read_attributes(step.attributes, &pool.shape.attributes);  // checked before
  if (step.kernel == Kernel::kReference) {
    max_pool_bytes_reference(pool);
  } else {
    max_pool_bytes_vector(pool, context);
  }
  return Status::kOk;
}

Status run_qglobal_average_pool(const Step& step, const RunContext& context) noexcept {
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  QGlobalAveragePool pool{bytes_of(x), mutable_bytes_of(y),
                          x.pitch,     y.pitch,
                          x.dims[0],   std::size_t{x.dims[1]} * x.dims[2],
                          x.dims[3],   {}};
  (void)read_attributes(step.attributes, &pool.attributes);  // checked before
  if (step.kernel == Kernel::kReference) {
    qglobal_average_pool_reference(pool);
  } else {
    qglobal_average_pool_vector(pool, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
