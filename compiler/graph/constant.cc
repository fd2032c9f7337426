#include "compiler/graph/constant.h"

#include <cstring>

#include "base/checked.h"

namespace sz::compiler {

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) count *= dim;
  return count;
}

bool is_sane(const Shape& shape, DType dtype, bool allow_empty) {
  if (shape.size() > kMaxRank) return false;
  std::uint64_t bytes = dtype_bytes(dtype);
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0 || (dim == 0 && !allow_empty)) return false;
    if (dim == 0) {
      empty = true;
    } else if (!checked_mul(bytes, static_cast<std::uint64_t>(dim), &bytes) ||
               bytes > kMaxTensorBytes) {
      return false;
    }
  }
  return empty || bytes <= kMaxTensorBytes;
}

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t dim : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(dim);
  }
  return text;
}

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

std::span<const float> Constant::f32() const {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::span<const std::int64_t> Constant::i64() const {
  return {reinterpret_cast<const std::int64_t*>(bytes.data()), bytes.size() / sizeof(std::int64_t)};
}

ConstantPtr make_f32(Shape shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return std::make_shared<Constant>(
      Constant{DType::kF32, std::move(shape), {bytes.begin(), bytes.end()}});
}

ConstantPtr make_i64(Shape shape, std::span<const std::int64_t> values) {
  const auto bytes = std::as_bytes(values);
  return std::make_shared<Constant>(
      Constant{DType::kI64, std::move(shape), {bytes.begin(), bytes.end()}});
}

ConstantPtr reshaped(const Constant& constant, Shape shape) {
  return std::make_shared<Constant>(Constant{constant.dtype, std::move(shape), constant.bytes});
}

ConstantPtr transposed(const Constant& constant, std::span<const std::int64_t> perm) {
  const std::size_t rank = perm.size();
  const std::size_t size = dtype_bytes(constant.dtype);
  std::vector<std::int64_t> stride(rank, 1);  // of the source, in elements
  for (std::size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * constant.shape[i];
  auto result = std::make_shared<Constant>();
  result->dtype = constant.dtype;
  for (const std::int64_t axis : perm) {
    result->shape.push_back(constant.shape[static_cast<std::size_t>(axis)]);
  }
  result->bytes.resize(constant.bytes.size());
  const std::int64_t count = element_count(result->shape);
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t source = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(result->bytes.data() + static_cast<std::size_t>(i) * size,
                constant.bytes.data() + static_cast<std::size_t>(source) * size, size);
    for (std::size_t axis = rank; axis-- > 0;) {
      const std::int64_t step = stride[static_cast<std::size_t>(perm[axis])];
      source += step;
      if (++index[axis] < result->shape[axis]) break;
      source -= step * result->shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace sz::compiler
