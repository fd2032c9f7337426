#include "engine/checker.h"

#include "base/checked.h"
#include "engine/extent.h"
#include "engine/step.h"
#include "ops/operator.h"

namespace sz::engine {
namespace {

using package::EntryRecord;
using package::kMaxOperandsPerStep;
using package::kNoTensor;
using package::PlanHeader;
using package::PlanView;
using package::RegionKind;
using package::StepRecord;
using package::TensorRecord;

constexpr std::uint8_t kWeights = static_cast<std::uint8_t>(RegionKind::kWeights);
constexpr std::uint8_t kArena = static_cast<std::uint8_t>(RegionKind::kArena);
constexpr std::uint8_t kState = static_cast<std::uint8_t>(RegionKind::kState);

std::uint64_t bytes_of_region(const PlanHeader& header, std::uint8_t region) {
  switch (RegionKind{region}) {
    case RegionKind::kWeights: return header.weights_bytes;
    case RegionKind::kArena: return header.arena_bytes;
    case RegionKind::kState: return header.state_bytes;
  }
  return 0;
}

// Whether [begin, begin + count) lies within a table of `size` entries.
bool in_table(std::uint64_t begin, std::uint64_t count, std::uint64_t size) {
  return begin + count <= size;  // both come from 32-bit fields
}

// Proves one tensor well-formed and within its region, and resolves it.
Status check_tensor(const TensorRecord& record, const PlanHeader& header, TensorView* view) {
  const std::uint64_t element = dtype_bytes(DType{record.dtype});
  if (element == 0) return Status::kTensorDtype;
  if (record.rank > kMaxRank) return Status::kTensorRank;
  for (std::uint32_t i = record.rank; i < kMaxRank; ++i) {
    if (record.dims[i] != 1) return Status::kTensorRank;
  }

  const std::uint64_t inner = record.rank == 0 ? 1 : record.dims[record.rank - 1u];
  std::uint64_t rows = 1;
  std::uint64_t bytes = 0;
  bool fits = inner != 0;
  for (std::uint32_t i = 0; i + 1 < record.rank; ++i) {
    fits = fits && record.dims[i] != 0 && checked_mul(rows, record.dims[i], &rows);
  }
  fits = fits && checked_mul(rows, inner * element, &bytes);
  if (!fits) return Status::kTensorShape;

  if (record.region >= package::kRegionKinds) return Status::kTensorRegion;
  const bool whole = record.region != kArena;
  const std::uint64_t region_bytes = bytes_of_region(header, record.region);

  // Only activations are ever parts of something larger (columns, or bands of rows); constants and
  // states are dense and aligned.
  const bool slice = record.pitch != inner;
  const std::uint64_t pitch_bytes = record.pitch * element;
  if (record.pitch < inner || (slice && whole) || pitch_bytes > region_bytes) {
    return Status::kTensorPitch;
  }
  std::uint64_t end = 0;
  fits = checked_mul(rows - 1, pitch_bytes, &end) && checked_add(end, inner * element, &end) &&
         checked_add(end, record.offset, &end);
  if (!fits || end > region_bytes) return Status::kTensorBounds;
  if (record.offset % (whole ? package::kTensorAlignment : element) != 0) {
    return Status::kTensorAlignment;
  }

  *view = {.data = nullptr,
           .dims = record.dims,
           .pitch = record.pitch,
           .dtype = DType{record.dtype},
           .rank = record.rank};
  return Status::kOk;
}

// Follows the steps and keeps account of which tensors hold what was written to them.
//
// Constants and states can always be read. Invariant: no two arena tensors that are kValid overlap. So the bytes that a tensor shares with
// each of them may be added up, and if the sum is all of its bytes, all have been written.
class Checker {
 public:
  Checker(const PlanView& plan, std::span<const TensorView> views, std::span<TensorState> states)
      : plan_(plan), views_(views), states_(states) {}

  // Proves an entry point from its inputs to its outputs, on a fresh arena.
  Failure check_entry(std::uint32_t index);

 private:
  Extent extent(std::uint32_t tensor) const {
    return extent_of(plan_.tensors()[tensor], views_[tensor]);
  }
  bool in_arena(std::uint32_t tensor) const {
    return tensor < states_.size() && plan_.tensors()[tensor].region == kArena;
  }
  bool is_state(std::uint32_t tensor) const { return plan_.tensors()[tensor].region == kState; }

  bool readable(std::uint32_t tensor) const;
  void write(std::uint32_t tensor);
  bool same_place(std::uint32_t a, std::uint32_t b) const;
  bool enter(const EntryRecord& entry);
  Status check_operands(const StepRecord& step, const ops::Operator& op) const;
  Status check_aliases(const StepRecord& step, const ops::Operator& op) const;
  Status check_step(const StepRecord& step);

  const PlanView& plan_;
  std::span<const TensorView> views_;
  std::span<TensorState> states_;
};

// Whether all bytes of a tensor have been written and not been overwritten since.
bool Checker::readable(std::uint32_t tensor) const {
  if (states_[tensor] == TensorState::kValid) return true;
  const Extent wanted = extent(tensor);
  std::uint64_t written = 0;
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == TensorState::kValid) written += shared_bytes(wanted, extent(i));
  }
  return written == wanted.bytes();
}

// All bytes of a tensor are written: what lay there before is no more.
void Checker::write(std::uint32_t tensor) {
  if (is_state(tensor)) return;  // always readable: zero, or of an earlier run
  const Extent written = extent(tensor);
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == TensorState::kValid && overlap(written, extent(i))) {
      states_[i] = TensorState::kUnwritten;
    }
  }
  states_[tensor] = TensorState::kValid;
}

bool Checker::same_place(std::uint32_t a, std::uint32_t b) const {
  const TensorRecord& x = plan_.tensors()[a];
  const TensorRecord& y = plan_.tensors()[b];
  return x.region == y.region && x.offset == y.offset && x.pitch == y.pitch && x.dtype == y.dtype &&
         x.rank == y.rank && x.dims == y.dims;
}

// Counts and ranges, and that every operand is a tensor.
Status Checker::check_operands(const StepRecord& step, const ops::Operator& op) const {
  const std::uint32_t count = std::uint32_t{step.input_count} + step.output_count;
  if (step.input_count < op.min_inputs || step.input_count > op.max_inputs ||
      step.output_count != op.outputs || count > kMaxOperandsPerStep) {
    return Status::kOperandCount;
  }
  if (!in_table(step.operand_begin, count, plan_.operands().size())) return Status::kOperandIndex;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t tensor = plan_.operands()[step.operand_begin + i];
    const bool optional = i >= op.min_inputs && i < step.input_count;
    if (tensor >= states_.size() && !(optional && tensor == kNoTensor)) {
      return Status::kOperandIndex;
    }
    if (tensor != kNoTensor && plan_.tensors()[tensor].offset % op.alignment != 0) {
      return Status::kTensorAlignment;
    }
  }
  if (!in_table(step.attribute_begin, step.attribute_count, plan_.attributes().size())) {
    return Status::kBadAttribute;
  }
  return Status::kOk;
}

// What is read has been written, what is written is no constant, and no output overlaps another
// operand, but output 0 may be input 0 where the operator works in place.
Status Checker::check_aliases(const StepRecord& step, const ops::Operator& op) const {
  const auto operands = plan_.operands().subspan(step.operand_begin);
  const std::uint32_t inputs = step.input_count;
  for (std::uint32_t i = 0; i < inputs; ++i) {
    if (operands[i] != kNoTensor && !readable(operands[i])) return Status::kReadBeforeWrite;
  }
  for (std::uint32_t o = inputs; o < inputs + step.output_count; ++o) {
    if (!in_arena(operands[o]) && !is_state(operands[o])) return Status::kWriteToConstant;
    const Extent output = extent(operands[o]);
    for (std::uint32_t i = 0; i < o; ++i) {
      if (operands[i] == kNoTensor || !overlap(output, extent(operands[i]))) continue;
      const bool in_place = op.in_place && i == 0 && o == inputs;
      if (!in_place || !same_place(operands[i], operands[o])) return Status::kIllegalAlias;
    }
  }
  return Status::kOk;
}

Status Checker::check_step(const StepRecord& record) {
  const ops::Operator* op = ops::find_operator(record.op);
  if (op == nullptr) return Status::kUnknownOperator;
  if (Status status = check_operands(record, *op); status != Status::kOk) return status;
  if (Status status = check_aliases(record, *op); status != Status::kOk) return status;

  const ResolvedStep resolved(plan_, record, views_);
  if (Status status = op->check(resolved.step()); status != Status::kOk) return status;
  if (op->scratch_bytes(resolved.step()) > plan_.header().scratch_bytes) {
    return Status::kScratchTooSmall;
  }
  for (std::uint32_t i = 0; i < record.output_count; ++i) {
    write(plan_.operands()[record.operand_begin + record.input_count + i]);
  }
  return Status::kOk;
}

// Starts an entry point: nothing in the arena is written but its inputs, which lie clear of each
// other. Its tensors are all in the arena, and it has an output.
bool Checker::enter(const EntryRecord& entry) {
  const std::uint64_t count = std::uint64_t{entry.input_count} + entry.output_count;
  const bool runs = entry.kind == static_cast<std::uint32_t>(package::EntryKind::kRun);
  if (entry.kind > static_cast<std::uint32_t>(package::EntryKind::kDecode) ||
      runs != plan_.language().empty() ||  // a language model has the other kinds, and only it
      entry.output_count == 0 || count > kMaxOperandsPerStep ||
      !in_table(entry.operand_begin, count, plan_.operands().size())) {
    return false;
  }
  const auto operands = plan_.operands().subspan(entry.operand_begin, count);
  for (const std::uint32_t tensor : operands) {
    if (!in_arena(tensor)) return false;
  }
  for (std::uint32_t i = 0; i < states_.size(); ++i) {
    states_[i] = in_arena(i) ? TensorState::kUnwritten : TensorState::kValid;
  }
  for (std::uint32_t i = 0; i < entry.input_count; ++i) {
    for (std::uint32_t j = 0; j < i; ++j) {
      if (overlap(extent(operands[i]), extent(operands[j]))) return false;
    }
    write(operands[i]);
  }
  return true;
}

Failure Checker::check_entry(std::uint32_t index) {
  const EntryRecord& entry = plan_.entries()[index];
  if (!in_table(entry.step_begin, entry.step_count, plan_.steps().size()) || !enter(entry)) {
    return {Status::kEntryInvalid, index};
  }
  for (std::uint32_t i = entry.step_begin; i < entry.step_begin + entry.step_count; ++i) {
    const Status status = check_step(plan_.steps()[i]);
    if (status != Status::kOk) return {status, i};
  }
  for (std::uint32_t i = 0; i < entry.output_count; ++i) {
    if (!readable(plan_.operands()[entry.operand_begin + entry.input_count + i])) {
      return {Status::kEntryInvalid, index};
    }
  }
  return kSuccess;
}

// The language record fits the plan; its number, counted from 1, if a field does not.
std::uint32_t wrong_language_field(const PlanView& plan, std::span<const TensorView> views,
                                   const package::LanguageRecord& record) {
  if (record.vocabulary == 0) return 1;
  if (record.context == 0 || record.context > package::kMaxContext) return 2;
  if (record.batch == 0 || record.batch > record.context) return 3;
  if ((record.flags & ~package::kLogitsMayLeave) != 0) return 4;
  const auto fits = [&](std::uint32_t index, package::EntryKind kind, std::uint32_t tokens) {
    if (index >= plan.entries().size()) return false;
    const EntryRecord& entry = plan.entries()[index];
    if (entry.kind != static_cast<std::uint32_t>(kind) || entry.input_count != 1 ||
        entry.output_count != 1) {
      return false;
    }
    const TensorView& in = views[plan.operands()[entry.operand_begin]];
    const TensorView& out = views[plan.operands()[entry.operand_begin + 1]];
    return in.dtype == DType::kI32 && in.rank == 1 && in.dims[0] == tokens && in.dense() &&
           out.dtype == DType::kF32 && out.rank == 2 && out.dims[0] == 1 &&
           out.dims[1] == record.vocabulary && out.dense();
  };
  if (!fits(record.prefill_entry, package::EntryKind::kPrefill, record.batch)) return 5;
  if (!fits(record.decode_entry, package::EntryKind::kDecode, 1)) return 6;
  std::uint64_t end = 0;
  if (record.tokenizer_offset % package::kTensorAlignment != 0 ||
      !checked_add(record.tokenizer_offset, record.tokenizer_bytes, &end) ||
      end > plan.header().weights_bytes) {
    return 7;
  }
  if (record.most_text_bytes == 0 || record.most_text_bytes > package::kMaxTextBytes) return 9;
  return record.reserved != 0 ? 10 : 0;
}

}  // namespace

Failure check_plan(const PlanView& plan, std::span<TensorView> views,
                   std::span<TensorState> states) {
  for (std::uint32_t i = 0; i < views.size(); ++i) {
    const Status status = check_tensor(plan.tensors()[i], plan.header(), &views[i]);
    if (status != Status::kOk) return {status, i};
  }
  // The entry points share out the steps in order, without gaps, so that each is checked once.
  Checker checker(plan, views, states);
  std::uint32_t next_step = 0;
  const auto entries = plan.entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].step_begin != next_step) return {Status::kEntryInvalid, i};
    if (Failure failure = checker.check_entry(i); !failure.ok()) return failure;
    next_step += entries[i].step_count;
  }
  if (entries.empty() || next_step != plan.steps().size()) {
    return {Status::kEntryInvalid, plan.header().entry_count};
  }
  for (const package::LanguageRecord& record : plan.language()) {
    const std::uint32_t field = wrong_language_field(plan, views, record);
    if (field != 0) return {Status::kLanguageInvalid, field};
  }
  return kSuccess;
}

}  // namespace sz::engine
