// How Gather and Scatter find their places.
#pragma once

#include "base/memory.h"
#include "ops/movement/check.h"
#include "ops/movement/indexed.h"

namespace sz::ops {

struct IndexedAttributes {
  IndexedHead head;
  IndexedPosition position[kMaxLoops];
  IndexedCoordinate coordinate[kMaxCoordinates];
};

// `walked` is visited block by block, `indexed` at the places of the indices: proves that no place
// that indices in range lead to leaves a tensor.
Status check_walk(const Step& step, const TensorView& walked, const TensorView& indexed);

// A checked step, unpacked.
struct Indexed {
  IndexedAttributes a;
  std::uint64_t blocks = 1;
  const std::byte* indices = nullptr;
  std::uint64_t index_count = 0;
  bool wide = false;  // i64

  std::int64_t index(std::uint64_t at) const {
    if (wide) {
      std::int64_t value;
      copy_bytes(&value, indices + at * sizeof(value), sizeof(value));
      return value;
    }
    std::int32_t value;
    copy_bytes(&value, indices + at * sizeof(value), sizeof(value));
    return value;
  }
  bool in_range() const;  // all indices
};

// Of a checked step; the indices are its input 1.
Indexed unpack_indexed(const Step& step);

// Walks along the positions; place() is that of the current block in the indexed tensor.
class IndexedWalk {
 public:
  IndexedWalk(const Indexed& indexed, std::uint64_t block) : indexed_(indexed) {
    const IndexedAttributes& a = indexed.a;
    for (std::uint32_t back = 0; back < a.head.positions; ++back) {
      const std::uint32_t i = a.head.positions - 1 - back;
      index_[i] = static_cast<std::uint32_t>(block % a.position[i].size);
      block /= a.position[i].size;
      base_ += std::uint64_t{index_[i]} * a.position[i].step;
      at_ += std::uint64_t{index_[i]} * a.position[i].index_step;
    }
  }
  void next() {
    const IndexedAttributes& a = indexed_.a;
    for (std::uint32_t back = 0; back < a.head.positions; ++back) {
      const std::uint32_t i = a.head.positions - 1 - back;
      const IndexedPosition& position = a.position[i];
      base_ += position.step;
      at_ += position.index_step;
      if (++index_[i] < position.size) return;
      base_ -= std::uint64_t{position.size} * position.step;
      at_ -= std::uint64_t{position.size} * position.index_step;
      index_[i] = 0;
    }
  }
  std::uint64_t place() const {
    std::uint64_t sum = base_;
    for (std::uint32_t k = 0; k < indexed_.a.head.coordinates; ++k) {
      const IndexedCoordinate& coordinate = indexed_.a.coordinate[k];
      std::int64_t index = indexed_.index(at_ + k);
      if (index < 0) index += coordinate.limit;
      sum += static_cast<std::uint64_t>(index) * coordinate.step;
    }
    return sum;
  }

 private:
  const Indexed& indexed_;
  std::uint32_t index_[kMaxLoops] = {};
  std::uint64_t base_ = 0, at_ = 0;
};

}  // namespace sz::ops
