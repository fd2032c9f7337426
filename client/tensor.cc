// TensorInfo and Tensor of the public interface.
#include <cstring>

#include "include/smartzone/smartzone.hpp"

namespace sz {

const char* element_type_name(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return "f32";
    case ElementType::kI8:
      return "i8";
    case ElementType::kU8:
      return "u8";
    case ElementType::kI32:
      return "i32";
    case ElementType::kI64:
      return "i64";
    case ElementType::kBool:
      return "bool";
  }
  return "unknown";
}

std::size_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::kF32:
    case ElementType::kI32:
      return 4;
    case ElementType::kI64:
      return 8;
    case ElementType::kI8:
    case ElementType::kU8:
    case ElementType::kBool:
      return 1;
  }
  return 0;
}

std::size_t TensorInfo::elements() const {
  std::size_t n = 1;
  for (const std::int64_t dim : shape) n *= static_cast<std::size_t>(dim);
  return n;
}

std::size_t TensorInfo::bytes() const { return elements() * element_bytes(type); }

namespace {

void require_f32(const Tensor& tensor) {
  if (tensor.info.type != ElementType::kF32) {
    throw Error("tensor '" + tensor.info.name + "' holds " +
                std::string(element_type_name(tensor.info.type)) + ", not f32");
  }
}

}  // namespace

std::span<const float> Tensor::f32() const {
  require_f32(*this);
  return {reinterpret_cast<const float*>(data.data()), data.size() / sizeof(float)};
}

std::span<float> Tensor::f32() {
  require_f32(*this);
  return {reinterpret_cast<float*>(data.data()), data.size() / sizeof(float)};
}

}  // namespace sz
