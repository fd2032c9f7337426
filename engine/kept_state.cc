#include "engine/kept_state.h"

#include "ops/attributes.h"
#include "ops/operator.h"
#include "ops/transformer/transformer.h"

namespace sz::engine {
namespace {

using package::PlanView;
using package::RegionKind;
using package::StepRecord;
using package::TensorRecord;

bool is_state(const TensorRecord& record) {
  return record.region == static_cast<std::uint8_t>(RegionKind::kState);
}

std::uint64_t groups_of(std::uint64_t positions) {
  return (positions + ops::kCachePositions - 1) / ops::kCachePositions;
}

std::uint64_t rows_of(const TensorRecord& cache) { return cache.dims[0]; }

// Whether all that a step writes to the state region are caches of so many groups of positions.
bool writes_caches(const PlanView& plan, const StepRecord& step, std::uint64_t groups) {
  bool writes_state = false;
  for (std::uint32_t i = 0; i < step.output_count; ++i) {
    const std::uint32_t tensor = plan.operands()[step.operand_begin + step.input_count + i];
    writes_state = writes_state || is_state(plan.tensors()[tensor]);
  }
  if (!writes_state) return true;
  ops::RotaryAttributes rotary;
  return step.op == static_cast<std::uint16_t>(ops::OpCode::kRotary) &&
         ops::read_attributes(plan.attributes().subspan(step.attribute_begin, step.attribute_count),
                              &rotary) &&
         groups_of(rotary.cache.context) == groups;
}

// Whether the states are matrices of one row for each head, each of whole groups, clear of each
// other and in rising order; so that each byte is kept once.
bool laid_out_as_caches(const PlanView& plan, std::uint64_t groups) {
  std::uint64_t end = 0;
  for (const TensorRecord& record : plan.tensors()) {
    if (!is_state(record)) continue;
    if (static_cast<DType>(record.dtype) != DType::kU8 || record.rank != 2 ||
        record.dims[1] % groups != 0 || record.offset < end) {
      return false;
    }
    end = record.offset + rows_of(record) * record.dims[1];
  }
  return true;
}

bool only_caches(const PlanView& plan, std::uint64_t groups) {
  if (!laid_out_as_caches(plan, groups)) return false;
  for (const StepRecord& step : plan.steps()) {
    if (!writes_caches(plan, step, groups)) return false;
  }
  return true;
}

}  // namespace

KeptState::KeptState(const Model& model, std::uint32_t positions)
    : plan_(model.plan()), state_(model.state()) {
  const package::LanguageRecord* language = model.language();
  groups_ = groups_of(positions);
  all_groups_ = language == nullptr ? 1 : groups_of(language->context);
  caches_only_ = language != nullptr && only_caches(plan_, all_groups_);
  if (!caches_only_) {
    bytes_ = state_.size();
    return;
  }
  for (const TensorRecord& record : plan_.tensors()) {
    if (is_state(record)) bytes_ += rows_of(record) * row_bytes(record);
  }
}

// Kept of a row.
std::uint64_t KeptState::row_bytes(const TensorRecord& cache) const {
  return cache.dims[1] / all_groups_ * groups_;
}

// Calls copy(bytes of the region, how many came before, how many) for each piece.
template <typename Copy>
void KeptState::walk(std::uint64_t offset, std::uint64_t count, Copy copy) const {
  if (count > bytes_ || offset > bytes_ - count) return;
  if (!caches_only_) return copy(state_.data() + offset, 0, count);
  std::uint64_t done = 0;
  for (const TensorRecord& record : plan_.tensors()) {
    if (done == count) return;
    if (!is_state(record)) continue;
    const std::uint64_t row = row_bytes(record);
    const std::uint64_t all = rows_of(record) * row;
    for (; offset < all && done < count;) {
      const std::uint64_t column = offset % row;
      const std::uint64_t left = row - column < count - done ? row - column : count - done;
      copy(state_.data() + record.offset + offset / row * record.dims[1] + column, done, left);
      offset += left;
      done += left;
    }
    offset -= all;
  }
}

void KeptState::read(std::uint64_t offset, MutableByteSpan to) const {
  walk(offset, to.size(), [&](const std::byte* from, std::uint64_t done, std::uint64_t bytes) {
    copy_bytes(to.data() + done, from, bytes);
  });
}

void KeptState::write(std::uint64_t offset, ByteSpan from) const {
  walk(offset, from.size(), [&](std::byte* to, std::uint64_t done, std::uint64_t bytes) {
    copy_bytes(to, from.data() + done, bytes);
  });
}

}  // namespace sz::engine
