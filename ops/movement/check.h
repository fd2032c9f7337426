// What the checks of the movement operators share.
#pragma once

#include "ops/check.h"

namespace sz::ops {

// The operands are present and well formed, of any type, and the kernel exists.
inline Status check_views(const Step& step) {
  if (step.kernel != Kernel::kReference && step.kernel != Kernel::kVector) {
    return Status::kUnknownKernel;
  }
  for (const auto operands : {step.inputs, step.outputs}) {
    for (const TensorView* view : operands) {
      if (view == nullptr || !well_formed(*view)) return Status::kShapeMismatch;
    }
  }
  return Status::kOk;
}

// Reads `count` structs of whole words from words[begin...). The caller has counted the words.
template <typename T>
void read_structs(std::span<const std::uint32_t> words, std::size_t begin, T* to,
                  std::size_t count) {
  copy_bytes(to, words.data() + begin, count * sizeof(T));
}

inline bool is_index_type(DType type) { return type == DType::kI32 || type == DType::kI64; }

}  // namespace sz::ops
