#include "ops/matmul/matmul.h"

#include "ops/check.h"
#include "ops/gemm/pack.h"

namespace sz::ops {
namespace {

using Order = const std::uint32_t (&)[kMaxRank];

bool is_permutation(Order order, std::uint32_t rank) {
  std::uint32_t seen = 0;
  for (std::uint32_t i = 0; i < kMaxRank; ++i) {
    if (i >= rank) {
      if (order[i] != 0) return false;
      continue;
    }
    if (order[i] >= rank || (seen >> order[i] & 1) != 0) return false;
    seen |= 1u << order[i];
  }
  return true;
}

std::uint32_t size_of(const TensorView& view, Order order, std::uint32_t dim) {
  return view.dims[order[dim]];
}

// Distance between neighbours along a dimension in memory, in elements.
std::size_t stride_of(const TensorView& view, std::uint32_t dim) {
  if (dim + 1u == view.rank) return 1;
  std::size_t stride = view.pitch;
  for (std::uint32_t i = dim + 1; i + 1u < view.rank; ++i) stride *= view.dims[i];
  return stride;
}

bool finite(float value) { return value - value == 0.0f; }

Status check_shapes(const Step& step, const MatMulAttributes& attributes) {
  const TensorView& a = *step.inputs[0];
  const TensorView& b = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  const std::uint32_t rank = y.rank;
  const std::uint32_t row = rank - 2u;
  const std::uint32_t column = rank - 1u;
  for (std::uint32_t i = 0; i < row; ++i) {
    const std::uint32_t size = size_of(y, attributes.y_order, i);
    const std::uint32_t of_a = size_of(a, attributes.a_order, i);
    const std::uint32_t of_b = size_of(b, attributes.b_order, i);
    if ((of_a != size && of_a != 1) || (of_b != size && of_b != 1)) return Status::kShapeMismatch;
  }
  const bool fits =
      size_of(a, attributes.a_order, row) == size_of(y, attributes.y_order, row) &&
      size_of(a, attributes.a_order, column) == size_of(b, attributes.b_order, row) &&
      size_of(b, attributes.b_order, column) == size_of(y, attributes.y_order, column);
  return fits ? Status::kOk : Status::kShapeMismatch;
}

MatMul unpack(const Step& step) {
  MatMulAttributes attributes;
  (void)read_attributes(step.attributes, &attributes);  // checked before
  const TensorView& a = *step.inputs[0];
  const TensorView& b = *step.inputs[1];
  const TensorView& y = *step.outputs[0];
  const std::uint32_t row = y.rank - 2u;
  const std::uint32_t column = y.rank - 1u;
  MatMul product;
  product.a = a.f32();
  product.b = b.f32();
  product.y = y.mutable_f32();
  product.batch_rank = row;
  const auto along = [](const TensorView& view, Order order, std::uint32_t dim) {
    return stride_of(view, order[dim]);
  };
  for (std::uint32_t i = 0; i < row; ++i) {
    product.batch[i] = size_of(y, attributes.y_order, i);
    const bool one_a = size_of(a, attributes.a_order, i) == 1;
    const bool one_b = size_of(b, attributes.b_order, i) == 1;
    product.a_batch[i] = one_a ? 0 : along(a, attributes.a_order, i);
    product.b_batch[i] = one_b ? 0 : along(b, attributes.b_order, i);
    product.y_batch[i] = along(y, attributes.y_order, i);
  }
  product.rows = size_of(a, attributes.a_order, row);
  product.inner = size_of(a, attributes.a_order, column);
  product.columns = size_of(b, attributes.b_order, column);
  product.a_row = along(a, attributes.a_order, row);
  product.a_inner = product.inner == 1 ? 1 : along(a, attributes.a_order, column);
  product.b_inner = along(b, attributes.b_order, row);
  product.b_column = product.columns == 1 ? 1 : along(b, attributes.b_order, column);
  product.y_row = along(y, attributes.y_order, row);
  product.alpha = attributes.alpha;
  product.clamp = attributes.clamp;
  return product;
}

}  // namespace

MatMulTiling::MatMulTiling(std::size_t inner, bool dense_rows) {
  panels = inner <= 1024 ? 4 : inner <= 4096 ? 2 : 1;
  packs_rows = !dense_rows;
  if (packs_rows) rows = 24;
  panel_elements = panels * kPanelWidth * (inner + 1) + kPackPadding;
}

Status check_matmul(const Step& step) {
  if (const Status status = check_operands(step); status != Status::kOk) return status;
  MatMulAttributes attributes;
  if (!read_attributes(step.attributes, &attributes) || !valid_clamp(attributes.clamp) ||
      !finite(attributes.alpha)) {
    return Status::kBadAttribute;
  }
  const std::uint32_t rank = step.outputs[0]->rank;
  if (rank < 2 || step.inputs[0]->rank != rank || step.inputs[1]->rank != rank) {
    return Status::kShapeMismatch;
  }
  if (!is_permutation(attributes.a_order, rank) || !is_permutation(attributes.b_order, rank) ||
      !is_permutation(attributes.y_order, rank) || attributes.y_order[rank - 1u] != rank - 1u) {
    return Status::kBadAttribute;
  }
  return check_shapes(step, attributes);
}

std::uint64_t matmul_scratch(const Step& step) {
  const MatMul product = unpack(step);
  const MatMulTiling tiling(product.inner, product.a_inner == 1);
  const std::uint64_t rows = tiling.packs_rows ? tiling.rows * product.inner : 0;
  return (tiling.panel_elements + rows) * sizeof(float);
}

std::uint64_t matmul_cost(const Step& step) {
  const MatMul product = unpack(step);
  const std::uint64_t of_b = std::uint64_t{product.inner} * product.columns;
  return product.batches() * of_b * (product.rows + sizeof(float));
}

Status run_matmul(const Step& step, const RunContext& context) noexcept {
  const MatMul product = unpack(step);
  if (step.kernel == Kernel::kReference) {
    matmul_reference(product);
  } else {
    matmul_vector(product, context);
  }
  return Status::kOk;
}

}  // namespace sz::ops
