#include "ops/broadcast.h"

namespace sz::ops {
namespace {

// Size of dimension `back`, counted from the innermost; 1 beyond the outermost.
std::uint32_t size_from_back(const TensorView& view, std::uint32_t back) {
  return back < view.rank ? view.dims[view.rank - 1u - back] : 1;
}

// Strides of `view` within a computation of rank `rank` (1 or more).
void fill_strides(const TensorView& view, std::uint32_t rank, std::size_t* strides) {
  std::size_t stride = view.pitch;
  for (std::uint32_t back = 0; back < rank; ++back) {
    const std::uint32_t size = size_from_back(view, back);
    strides[rank - 1 - back] = size == 1 ? 0 : (back == 0 ? 1 : stride);
    if (back > 0) stride *= size;
  }
}

// Appends a dimension to `to`, or lengthens the last one if it continues that for all operands.
void append(Broadcast& to, std::size_t size, const Broadcast& from, std::uint32_t dimension) {
  const std::uint32_t operands = to.inputs + 1;
  bool continues = to.rank > 0;
  for (std::uint32_t k = 0; continues && k < operands; ++k) {
    continues = to.strides[k][to.rank - 1] == from.strides[k][dimension] * size;
  }
  if (continues) {
    to.dims[to.rank - 1] *= size;
  } else {
    to.dims[to.rank++] = size;
  }
  for (std::uint32_t k = 0; k < operands; ++k) {
    to.strides[k][to.rank - 1] = from.strides[k][dimension];
  }
}

Broadcast merged(const Broadcast& from) {
  Broadcast to;
  to.inputs = from.inputs;
  for (std::uint32_t i = 0; i < from.rank; ++i) {
    if (from.dims[i] != 1) append(to, from.dims[i], from, i);
  }
  // Where what remains is not as promised along the innermost dimension, because dimensions of size
  // 1 were dropped, one of those comes back.
  bool fits = to.rank > 0 && to.strides[to.inputs][to.rank - 1] == 1;
  for (std::uint32_t k = 0; fits && k < to.inputs; ++k) fits = to.strides[k][to.rank - 1] <= 1;
  if (!fits) {
    to.dims[to.rank] = 1;
    for (std::uint32_t k = 0; k < to.inputs; ++k) to.strides[k][to.rank] = 0;
    to.strides[to.inputs][to.rank++] = 1;
  }
  return to;
}

}  // namespace

bool is_broadcast(const Step& step) {
  const TensorView& y = *step.outputs[0];
  for (const TensorView* x : step.inputs) {
    if (x->rank > y.rank) return false;
  }
  for (std::uint32_t back = 0; back < y.rank; ++back) {
    const std::uint32_t size = size_from_back(y, back);
    bool found = size == 1;
    for (const TensorView* x : step.inputs) {
      const std::uint32_t own = size_from_back(*x, back);
      if (own != size && own != 1) return false;
      found = found || own == size;
    }
    if (!found) return false;
  }
  return true;
}

Broadcast broadcast_of(const Step& step) {
  const TensorView& y = *step.outputs[0];
  Broadcast shape;
  shape.inputs = static_cast<std::uint32_t>(step.inputs.size());
  shape.rank = y.rank == 0 ? 1 : y.rank;
  for (std::uint32_t i = 0; i < shape.rank; ++i) shape.dims[i] = y.rank == 0 ? 1 : y.dims[i];
  for (std::uint32_t k = 0; k < shape.inputs; ++k) {
    fill_strides(*step.inputs[k], shape.rank, shape.strides[k]);
  }
  fill_strides(y, shape.rank, shape.strides[shape.inputs]);
  return merged(shape);
}

RowWalk::RowWalk(const Broadcast& shape, std::size_t row) : shape_(shape) {
  for (std::uint32_t i = shape.rank - 1; i-- > 0;) {
    index_[i] = row % shape.dims[i];
    row /= shape.dims[i];
    for (std::uint32_t k = 0; k <= shape.inputs; ++k) {
      offsets_[k] += index_[i] * shape.strides[k][i];
    }
  }
}

void RowWalk::next() {
  for (std::uint32_t i = shape_.rank - 1; i-- > 0;) {
    for (std::uint32_t k = 0; k <= shape_.inputs; ++k) offsets_[k] += shape_.strides[k][i];
    if (++index_[i] < shape_.dims[i]) return;
    for (std::uint32_t k = 0; k <= shape_.inputs; ++k) {
      offsets_[k] -= shape_.strides[k][i] * shape_.dims[i];
    }
    index_[i] = 0;
  }
}

}  // namespace sz::ops
