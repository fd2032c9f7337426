#include "ops/quantized/qmatmul.h"

#include "ops/broadcast.h"
#include "ops/quantized/check.h"
#include "ops/quantized/rescale.h"

namespace sz::ops {
namespace {

// The dimensions of a stack of matrices without those of the matrices.
TensorView leading(const TensorView& view) {
  TensorView result = view;
  result.rank = static_cast<std::uint8_t>(view.rank - 2);
  result.pitch = result.inner();
  return result;
}

bool batches_fit(const TensorView& a, const TensorView& b, const TensorView& y) {
  const TensorView* inputs[] = {&a, &b};
  const TensorView* output = &y;
  return is_broadcast({Kernel::kReference, inputs, std::span(&output, 1), {}});
}

// The matrix of `view` that matrix `index` of y is made of.
std::size_t matrix_of(const TensorView& view, const TensorView& y, std::size_t index) {
  std::size_t result = 0;
  std::size_t stride = 1;
  for (std::uint32_t back = 2; back < view.rank; ++back) {
    const std::size_t size = view.dims[view.rank - 1u - back];
    const std::size_t of_y = y.dims[y.rank - 1u - back];
    if (size != 1) result += index % of_y * stride;
    index /= of_y;
    stride *= size;
  }
  return result;
}

QMatMul unpack(const Step& step) {
  QMatMul product{*step.inputs[0], *step.inputs[1], *step.outputs[0], {}};
  (void)read_attributes(step.attributes, &product.attributes);  // checked before
  const TensorView& a = product.a;
  product.rows = a.dims[a.rank - 2u];
  product.inputs = a.inner();
  product.columns = product.y.inner();
  product.batch = static_cast<std::size_t>(product.y.rows()) / product.rows;
  return product;
}

Status check_zero_points(const Step& step, const QMatMulAttributes& attributes) {
  if (step.inputs.size() == 2) return Status::kOk;
  if (step.inputs.size() != 4) return Status::kShapeMismatch;
  if (attributes.a_zero != 0 || attributes.b_zero != 0) return Status::kBadAttribute;
  for (const TensorView* zero : {step.inputs[2], step.inputs[3]}) {
    if (zero->dtype != DType::kI8) return Status::kDtypeMismatch;
    if (zero->elements() != 1) return Status::kShapeMismatch;
  }
  return Status::kOk;
}

Status check_shapes(const Step& step, bool transposed) {
  const TensorView& a = *step.inputs[0];
  const TensorView& b = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  if (a.rank < 2 || b.rank < 2 || y.rank < 2) return Status::kShapeMismatch;
  const std::uint32_t outer = b.dims[b.rank - 2u];
  const std::uint32_t inputs = transposed ? b.inner() : outer;
  const std::uint32_t columns = transposed ? outer : b.inner();
  const bool shapes = a.inner() == inputs && inputs <= kMaxQMatMulInputs && y.inner() == columns &&
                      y.dims[y.rank - 2u] == a.dims[a.rank - 2u] &&
                      batches_fit(leading(a), leading(b), leading(y));
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

}  // namespace

const std::int8_t* QMatMul::a_row(std::size_t matrix, std::size_t row) const {
  return bytes_of(a) + (matrix_of(a, y, matrix) * rows + row) * a.pitch;
}

const std::int8_t* QMatMul::b_matrix(std::size_t matrix) const {
  return bytes_of(b) + matrix_of(b, y, matrix) * b.dims[b.rank - 2u] * b.pitch;
}

std::byte* QMatMul::y_row(std::size_t matrix, std::size_t row) const {
  return y.data + (matrix * rows + row) * y.pitch * y_bytes();
}

Status check_qmatmul(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const DType type = step.outputs[0]->dtype;
  if (step.inputs[0]->dtype != DType::kI8 || step.inputs[1]->dtype != DType::kI8 ||
      (type != DType::kI8 && type != DType::kI32)) {
    return Status::kDtypeMismatch;
  }
  QMatMulAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_factor(attributes.factor) ||
      !valid_output(attributes.factor.mode, attributes.y, type) || attributes.transpose_b > 1 ||
      !in_range(attributes.a_zero, DType::kI8) || !in_range(attributes.b_zero, DType::kI8)) {
    return Status::kBadAttribute;
  }
  if (const Status status = check_zero_points(step, attributes); status != Status::kOk) {
    return status;
  }
  return check_shapes(step, attributes.transpose_b != 0);
}

std::uint64_t qmatmul_scratch(const Step& step) {
  return step.kernel == Kernel::kReference ? 0 : qmatmul_vector_scratch(step.inputs[0]->inner());
}

std::uint64_t qmatmul_cost(const Step& step) {
  return step.outputs[0]->elements() * step.inputs[0]->inner() / 4 + step.inputs[1]->elements();
}

Status run_qmatmul(const Step& step, const RunContext& context) noexcept {
  QMatMul product = unpack(step);
  if (step.inputs.size() == 4) {
    product.attributes.a_zero = *bytes_of(*step.inputs[2]);
    product.attributes.b_zero = *bytes_of(*step.inputs[3]);
  }
  if (step.kernel == Kernel::kReference) {
    qmatmul_reference(product);
  } else {
    qmatmul_vector(product, context);
  }
  return Status::kOk;
}

void qmatmul_reference(const QMatMul& product) {
  const QMatMulAttributes& t = product.attributes;
  for (std::size_t matrix = 0; matrix < product.batch; ++matrix) {
    for (std::size_t row = 0; row < product.rows; ++row) {
      const std::int8_t* a = product.a_row(matrix, row);
      std::byte* y = product.y_row(matrix, row);
      for (std::size_t n = 0; n < product.columns; ++n) {
        const std::int8_t* b = product.b_matrix(matrix) + n * product.b_column_step();
        std::int32_t sum = 0;
        for (std::size_t k = 0; k < product.inputs; ++k, b += product.b_input_step()) {
          sum += (a[k] - t.a_zero) * (*b - t.b_zero);
        }
        if (t.factor.mode == Rescaling::kNone) {
          reinterpret_cast<std::int32_t*>(y)[n] = sum;
        } else {
          y[n] = static_cast<std::byte>(rescale(sum, t.factor, t.y));
        }
      }
    }
  }
}

}  // namespace sz::ops
