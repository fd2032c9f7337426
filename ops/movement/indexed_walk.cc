#include "ops/movement/indexed_walk.h"

namespace sz::ops {
namespace {

bool read(std::span<const std::uint32_t> words, IndexedAttributes* to) {
  constexpr std::size_t kHead = kAttributeWords<IndexedHead>;
  constexpr std::size_t kPosition = kAttributeWords<IndexedPosition>;
  constexpr std::size_t kCoordinate = kAttributeWords<IndexedCoordinate>;
  if (words.size() < kHead) return false;
  read_structs(words, 0, &to->head, 1);
  const IndexedHead& head = to->head;
  if (head.positions > kMaxLoops || head.coordinates < 1 || head.coordinates > kMaxCoordinates ||
      head.block < 1) {
    return false;
  }
  const std::size_t coordinates = kHead + head.positions * kPosition;
  if (words.size() != coordinates + head.coordinates * kCoordinate) return false;
  read_structs(words, kHead, to->position, head.positions);
  read_structs(words, coordinates, to->coordinate, head.coordinates);
  return true;
}

// Adds (rounds - 1) * step; false once the sum is beyond every tensor.
bool extend(std::uint64_t rounds, std::uint64_t step, std::uint64_t* last) {
  *last += (rounds - 1) * step;  // rounds and step are below 2^32
  return *last < (std::uint64_t{1} << 40);
}

}  // namespace

Status check_walk(const Step& step, const TensorView& walked, const TensorView& indexed) {
  IndexedAttributes a;
  if (!read(step.attributes, &a)) return Status::kBadAttribute;
  const TensorView& indices = *step.inputs[1];
  if (!walked.dense() || !indexed.dense() || !indices.dense()) return Status::kShapeMismatch;
  std::uint64_t blocks = 1;
  std::uint64_t last = a.head.block - 1;
  std::uint64_t last_index = a.head.coordinates - 1;
  for (std::uint32_t i = 0; i < a.head.positions; ++i) {
    const IndexedPosition& position = a.position[i];
    if (position.size < 1 || position.index_step % a.head.coordinates != 0 ||
        !extend(position.size, position.step, &last) ||
        !extend(position.size, position.index_step, &last_index)) {
      return Status::kBadAttribute;
    }
    if (!checked_mul(blocks, position.size, &blocks)) return Status::kShapeMismatch;
  }
  for (std::uint32_t i = 0; i < a.head.coordinates; ++i) {
    const IndexedCoordinate& coordinate = a.coordinate[i];
    if (coordinate.limit < 1 || coordinate.limit > 0x7fffffffu ||
        !extend(coordinate.limit, coordinate.step, &last)) {
      return Status::kBadAttribute;
    }
  }
  std::uint64_t elements = 0;
  if (!checked_mul(blocks, a.head.block, &elements) || elements != walked.elements()) {
    return Status::kShapeMismatch;
  }
  if (indices.elements() % a.head.coordinates != 0) return Status::kShapeMismatch;
  return last < indexed.elements() && last_index < indices.elements() ? Status::kOk
                                                                      : Status::kBadAttribute;
}

bool Indexed::in_range() const {
  std::uint32_t k = 0;
  for (std::uint64_t i = 0; i < index_count; ++i) {
    const std::int64_t limit = a.coordinate[k].limit;
    const std::int64_t value = index(i);
    if (value < -limit || value >= limit) return false;
    if (++k == a.head.coordinates) k = 0;
  }
  return true;
}

Indexed unpack_indexed(const Step& step) {
  Indexed indexed;
  (void)read(step.attributes, &indexed.a);  // checked before
  for (std::uint32_t i = 0; i < indexed.a.head.positions; ++i) {
    indexed.blocks *= indexed.a.position[i].size;
  }
  const TensorView& indices = *step.inputs[1];
  indexed.indices = indices.data;
  indexed.index_count = indices.elements();
  indexed.wide = indices.dtype == DType::kI64;
  return indexed;
}

}  // namespace sz::ops
