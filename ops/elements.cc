#include "ops/elements.h"

namespace sz::ops {
namespace {

template <typename T>
void load_as(const std::byte* data, std::size_t index, std::size_t step, std::size_t count,
             std::int64_t* block) {
  const T* from = reinterpret_cast<const T*>(data) + index;
  for (std::size_t i = 0; i < count; ++i) block[i] = from[i * step];
}

template <typename T>
void store_as(std::byte* data, std::size_t index, std::size_t count, const std::int64_t* block) {
  T* to = reinterpret_cast<T*>(data) + index;
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<T>(block[i]);
}

}  // namespace

void load_block(DType type, const std::byte* data, std::size_t index, std::size_t step,
                std::size_t count, std::int64_t* block) {
  switch (type) {
    case DType::kI8:
      return load_as<std::int8_t>(data, index, step, count, block);
    case DType::kI32:
      return load_as<std::int32_t>(data, index, step, count, block);
    case DType::kI64:
      return load_as<std::int64_t>(data, index, step, count, block);
    default:
      load_as<std::uint8_t>(data, index, step, count, block);
  }
  if (type != DType::kBool) return;
  for (std::size_t i = 0; i < count; ++i) block[i] = block[i] != 0;
}

void store_block(DType type, std::byte* data, std::size_t index, std::size_t count,
                 const std::int64_t* block) {
  switch (type) {
    case DType::kI8:
    case DType::kU8:
      return store_as<std::uint8_t>(data, index, count, block);
    case DType::kI32:
      return store_as<std::int32_t>(data, index, count, block);
    case DType::kI64:
      return store_as<std::int64_t>(data, index, count, block);
    default:
      break;
  }
  auto* to = reinterpret_cast<std::uint8_t*>(data) + index;
  for (std::size_t i = 0; i < count; ++i) to[i] = block[i] != 0;
}

}  // namespace sz::ops
