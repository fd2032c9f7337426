#include "engine/model.h"

#include "base/checked.h"
#include "cores/footprint.h"
#include "engine/checker.h"
#include "engine/step.h"
#include "ops/operator.h"

namespace sz::engine {
namespace {

// The compiler's analysis counts with the TA's sizes.
static_assert(sizeof(TensorView) == 40 && alignof(TensorView) == 8);

// Control memory: the plan, the tensor views, the working states of the checker.
struct ControlLayout {
  std::uint64_t views = 0;   // offset of the TensorViews
  std::uint64_t states = 0;  // offset of the TensorStates
  std::uint64_t end = 0;
};

// The limits of a plan keep these sums small.
ControlLayout control_layout(std::uint64_t plan_bytes, std::uint64_t tensors) {
  ControlLayout layout;
  layout.views = align_up(plan_bytes, alignof(TensorView));
  layout.states = layout.views + tensors * sizeof(TensorView);
  layout.end = layout.states + tensors * sizeof(TensorState);
  return layout;
}

bool fits(MutableByteSpan memory, std::uint64_t bytes) {
  return memory.size() >= bytes &&
         reinterpret_cast<std::uintptr_t>(memory.data()) % kPageBytes == 0;
}

std::uint64_t dense_bytes(const TensorView& view) {
  return view.elements() * dtype_bytes(view.dtype);
}

// The place of the next tensor of a request (reply); moves *end behind it. An entry has at most
// kMaxOperandsPerStep tensors of at most kMaxRegionBytes: no overflow.
std::uint64_t next_place(const TensorView& view, std::uint64_t* end) {
  const std::uint64_t place = align_up(*end, package::kIoAlignment);
  *end = place + dense_bytes(view);
  return place;
}

// Copies the elements of a tensor; pitches in elements.
void copy_rows(const TensorView& shape, std::byte* to, std::uint64_t to_pitch,
               const std::byte* from, std::uint64_t from_pitch) {
  if (shape.dense()) return copy_bytes(to, from, dense_bytes(shape));
  const std::uint64_t element = dtype_bytes(shape.dtype);
  for (std::uint64_t row = 0; row < shape.rows(); ++row) {
    copy_bytes(to + row * to_pitch * element, from + row * from_pitch * element,
               shape.inner() * element);
  }
}

}  // namespace

std::uint64_t MemoryNeed::in_pages() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t bytes : {control, weights, arena, state, language, scratch, board, stacks}) {
    sum += align_up(bytes, kPageBytes);
  }
  return sum;
}

Failure memory_need(const package::PlanHeader& header, std::uint32_t cores, MemoryNeed* need) {
  std::uint64_t plan_bytes = 0;
  if (Failure failure = package::plan_size(header, &plan_bytes); !failure.ok()) return failure;
  const std::uint64_t scratch = header.scratch_bytes * cores;  // at most 2^30 x 2^32
  if (scratch > package::kMaxRegionBytes) return {Status::kPlanLimit, detail_of(scratch)};
  *need = {.control = control_layout(plan_bytes, header.tensor_count).end,
           .weights = header.weights_bytes,
           .arena = header.arena_bytes,
           .state = header.state_bytes,
           .language = header.language_bytes,
           .scratch = scratch,
         .board = cores::board_bytes(cores),
         .stacks = cores::stacks_bytes(cores)};
  return kSuccess;
}

Failure Model::prepare(MutableByteSpan control, std::uint64_t plan_bytes,
                       package::Sha256Fn sha256) {
  *this = Model();  // whatever it held before may lie in `control`
  if (!fits(control, plan_bytes)) return {Status::kPlanSize, detail_of(plan_bytes)};
  package::PlanView plan;
  Failure failure = package::PlanView::parse(control.first(plan_bytes), sha256, &plan);
  if (!failure.ok()) return failure;

  const std::size_t tensors = plan.tensors().size();
  const ControlLayout layout = control_layout(plan_bytes, tensors);
  if (control.size() < layout.end) return {Status::kPlanSize, detail_of(layout.end)};
  const std::span views(reinterpret_cast<TensorView*>(control.data() + layout.views), tensors);
  const std::span states(reinterpret_cast<TensorState*>(control.data() + layout.states), tensors);
  failure = check_plan(plan, views, states);
  if (!failure.ok()) return failure;

  plan_ = plan;
  views_ = views;
  return kSuccess;
}

Failure Model::attach(const ModelMemory& memory, std::uint32_t cores) {
  if (views_.empty() || cores == 0) return {Status::kInternal, 0};
  MemoryNeed need;
  if (Failure failure = memory_need(plan_.header(), cores, &need); !failure.ok()) return failure;
  if (!fits(memory.weights, need.weights) || !fits(memory.arena, need.arena) ||
      !fits(memory.scratch, need.scratch) || !fits(memory.state, need.state)) {
    return {Status::kInternal, 0};
  }
  memory_ = {.weights = memory.weights.first(need.weights),
             .arena = memory.arena.first(need.arena),
             .scratch = memory.scratch.first(need.scratch),
             .state = memory.state.first(need.state)};
  scratch_stride_ = plan_.header().scratch_bytes;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const package::TensorRecord& record = plan_.tensors()[i];
    const MutableByteSpan regions[package::kRegionKinds] = {memory_.weights, memory_.arena,
                                                            memory_.state};
    views_[i].data = regions[record.region].data() + record.offset;
  }
  return kSuccess;
}

Failure Model::io_size(std::uint32_t entry, IoSize* size) const {
  if (entry >= plan_.entries().size()) return {Status::kBadEntryPoint, entry};
  const package::EntryRecord& record = plan_.entries()[entry];
  const auto operands = plan_.operands().subspan(record.operand_begin);
  *size = {};
  for (std::uint32_t i = 0; i < record.input_count + record.output_count; ++i) {
    next_place(views_[operands[i]], i < record.input_count ? &size->inputs : &size->outputs);
  }
  return kSuccess;
}

std::uint32_t Model::useful_cores(std::uint32_t most) const {
  // To bring a core in and to send it home costs about as much as this.
  constexpr std::uint64_t kCostToLend = 16 * kCostToShare;
  std::uint64_t all = 0;
  std::uint64_t shared = 0;
  for (const package::StepRecord& record : plan_.steps()) {
    const ResolvedStep step(plan_, record, views_);
    const std::uint64_t cost = ops::find_operator(record.op)->cost(step.step());
    all += cost;
    const bool vector = static_cast<ops::Kernel>(record.kernel) == ops::Kernel::kVector;
    if (vector && worth_sharing(cost)) shared += cost;  // reference kernels run alone
  }
  if (shared < all / 4) return 1;
  const std::uint64_t useful = shared / kCostToLend;
  if (useful < 2) return 1;
  return useful < most ? static_cast<std::uint32_t>(useful) : most;
}

Failure Model::run(std::uint32_t entry, ByteSpan inputs, MutableByteSpan outputs,
                   Workers& workers) const {
  IoSize size;
  if (Failure failure = io_size(entry, &size); !failure.ok()) return failure;
  if (inputs.size() != size.inputs) return {Status::kInputSize, detail_of(size.inputs)};
  if (outputs.size() < size.outputs) return {Status::kBufferTooSmall, detail_of(size.outputs)};
  if (memory_.arena.empty()) return {Status::kInternal, 0};  // not attached
  const package::EntryRecord& record = plan_.entries()[entry];
  if (package::EntryKind{record.kind} != package::EntryKind::kRun) {
    return {Status::kBadEntryPoint, entry};
  }
  const auto operands = plan_.operands().subspan(record.operand_begin);
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < record.input_count; ++i) {
    const TensorView& view = views_[operands[i]];
    copy_rows(view, view.data, view.pitch, inputs.data() + next_place(view, &end), view.inner());
  }

  if (Failure failure = run_steps(record, {}, workers); !failure.ok()) return failure;

  end = 0;
  for (std::uint32_t i = 0; i < record.output_count; ++i) {
    const TensorView& view = views_[operands[record.input_count + i]];
    copy_rows(view, outputs.data() + next_place(view, &end), view.inner(), view.data, view.pitch);
  }
  return kSuccess;
}

ByteSpan Model::tokenizer() const {
  const package::LanguageRecord* record = language();
  if (record == nullptr || memory_.weights.empty()) return {};
  return memory_.weights.subspan(record->tokenizer_offset, record->tokenizer_bytes);
}

Failure Model::run_tokens(std::uint32_t entry, std::span<const std::uint32_t> tokens,
                          std::uint32_t position, Workers& workers,
                          std::span<float>* logits) const {
  const package::LanguageRecord* language = this->language();
  if (language == nullptr || (entry != language->prefill_entry && entry != language->decode_entry)) {
    return {Status::kBadEntryPoint, entry};
  }
  const package::EntryRecord& record = plan_.entries()[entry];
  const TensorView& input = views_[plan_.operands()[record.operand_begin]];
  const TensorView& output = views_[plan_.operands()[record.operand_begin + 1]];
  if (tokens.empty() || tokens.size() > input.dims[0]) {
    return {Status::kInputSize, input.dims[0]};
  }
  const auto rows = static_cast<std::uint32_t>(tokens.size());
  if (position > language->context || rows > language->context - position) {
    return {Status::kContextFull, language->context};
  }
  if (memory_.arena.empty()) return {Status::kInternal, 0};  // not attached
  copy_bytes(input.data, tokens.data(), tokens.size_bytes());
  const Window window = {.rows = rows, .position = position, .batch = input.dims[0]};
  if (Failure failure = run_steps(record, window, workers); !failure.ok()) return failure;
  *logits = {output.mutable_f32(), language->vocabulary};
  return kSuccess;
}

Failure Model::run_steps(const package::EntryRecord& entry, const Window& window,
                         Workers& workers) const {
  if (workers.count() * scratch_stride_ > memory_.scratch.size()) return {Status::kInternal, 1};
  for (std::uint32_t i = 0; i < entry.step_count; ++i) {
    const std::uint32_t index = entry.step_begin + i;
    const package::StepRecord& record = plan_.steps()[index];
    const ops::Operator& op = *ops::find_operator(record.op);
    const ResolvedStep resolved(plan_, record, views_);
    std::uint64_t cost = op.cost(resolved.step());
    if (window.batch != 0) cost = cost / window.batch * window.rows;
    const Status status = op.run(resolved.step(), {.workers = workers,
                                                   .scratch = memory_.scratch.data(),
                                                   .scratch_stride = scratch_stride_,
                                                   .cost = cost,
                                                   .rows = window.rows,
                                                   .position = window.position});
    if (status != Status::kOk) return {status, index};
  }
  return kSuccess;
}

}  // namespace sz::engine
