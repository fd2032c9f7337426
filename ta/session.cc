#include "ta/session.h"

#include "package/plan_format.h"
#include "package/plan_reader.h"

// Last: see ta/gp.h.
#include "ta/gp.h"

namespace sz::ta {
namespace {

// Details of kBadParameters: the number of the parameter.
constexpr std::uint32_t kParameter0 = 0;
constexpr std::uint32_t kParameter1 = 1;
constexpr std::uint32_t kParameter2 = 2;

constexpr std::uint32_t low_word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

Failure out_of(MemoryRegion region) {
  return {Status::kOutOfSecureMemory, static_cast<std::uint32_t>(region)};
}

// Reads shared memory, once. A call into another library: the compiler can neither repeat nor
// split the reading.
void copy_from_shared(void* to, ByteSpan from) { TEE_MemMove(to, from.data(), from.size()); }

}  // namespace

Failure Session::load_begin(ByteSpan plan, std::uint32_t cores, std::uint32_t flags) {
  const Failure dropped = unload();
  if (!dropped.ok()) return dropped;
  if ((flags & ~SMARTZONE_LOAD_ASKS) != 0) return {Status::kBadParameters, kParameter1};
  asks_for_cores_ = flags != 0;
  return drop_on_error(take_plan(plan, cores));
}

Failure Session::take_plan(ByteSpan plan, std::uint32_t cores) {
  if (cores < 1 || cores > SMARTZONE_MAX_CORES) return {Status::kBadParameters, kParameter1};
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) return {Status::kPlanTruncated, sizeof(header)};

  // A first look, only to learn how much to copy.
  copy_from_shared(&header, plan.first(sizeof(header)));
  std::uint64_t plan_bytes = 0;
  Failure failure = package::plan_size(header, &plan_bytes);
  if (!failure.ok()) return failure;
  if (plan.size() < plan_bytes) return {Status::kPlanTruncated, low_word(plan_bytes)};
  if (plan.size() > plan_bytes) return {Status::kPlanSize, low_word(plan_bytes)};
  engine::MemoryNeed granted;
  failure = engine::memory_need(header, cores, &granted);
  if (!failure.ok()) return failure;

  if (!take(&control_, granted.control)) return out_of(MemoryRegion::kControl);
  if (control_.bytes().size() < plan_bytes) return {Status::kInternal, __LINE__};
  copy_from_shared(control_.bytes().data(), plan);

  // From here on the copy alone counts, whatever the first look saw.
  failure = model_.prepare(control_.bytes(), plan_bytes, sha256);
  if (!failure.ok()) return failure;
  engine::MemoryNeed need;
  failure = engine::memory_need(model_.plan().header(), cores, &need);
  if (!failure.ok()) return failure;
  if (need.control > granted.control) return {Status::kPlanSize, low_word(need.control)};
  return take_memory(need, cores);
}

Failure Session::take_memory(const engine::MemoryNeed& need, std::uint32_t cores) {
  if (!take(&weights_, need.weights)) return out_of(MemoryRegion::kWeights);
  if (!take(&arena_, need.arena)) return out_of(MemoryRegion::kArena);
  if (!take(&scratch_, need.scratch)) return out_of(MemoryRegion::kScratch);
  if (!take(&state_memory_, need.state)) return out_of(MemoryRegion::kState);
  if (!take(&language_, need.language)) return out_of(MemoryRegion::kLanguage);
  if (!take(&board_, need.board)) return out_of(MemoryRegion::kBoard);
  if (!take(&stacks_, need.stacks)) return out_of(MemoryRegion::kStacks);
  const engine::ModelMemory memory = {.weights = weights_.bytes(),
                                      .arena = arena_.bytes(),
                                      .scratch = scratch_.bytes(),
                                      .state = state_memory_.bytes()};
  const Failure failure = model_.attach(memory, cores);
  if (!failure.ok()) return failure;
  if (!weights_digest_.start()) return out_of(MemoryRegion::kSystem);
  cores_ = cores;
  state_ = SMARTZONE_STATE_LOADING;
  return kSuccess;
}

Failure Session::load_weights(ByteSpan chunk, std::uint64_t offset) {
  return drop_on_error(take_weights(chunk, offset));
}

Failure Session::take_weights(ByteSpan chunk, std::uint64_t offset) {
  if (state_ != SMARTZONE_STATE_LOADING) return {Status::kBadState, state_};
  if (chunk.empty() || chunk.size() > SMARTZONE_MAX_CHUNK_BYTES) {
    return {Status::kBadParameters, kParameter0};
  }
  const MutableByteSpan weights = weights_.bytes();
  if (offset != weights_received_ || chunk.size() > weights.size() - weights_received_) {
    return {Status::kWeightsOffset, low_word(weights_received_)};
  }
  const MutableByteSpan copy =
      weights.subspan(static_cast<std::size_t>(weights_received_), chunk.size());
  copy_from_shared(copy.data(), chunk);
  weights_digest_.update(copy);
  weights_received_ += chunk.size();
  return kSuccess;
}

Failure Session::load_end() { return drop_on_error(check_weights()); }

Failure Session::check_weights() {
  if (state_ != SMARTZONE_STATE_LOADING) return {Status::kBadState, state_};
  const std::uint64_t missing = weights_.bytes().size() - weights_received_;
  if (missing != 0) return {Status::kWeightsIncomplete, low_word(missing)};
  package::Sha256Digest digest{};
  if (!weights_digest_.finish(&digest)) return {Status::kInternal, __LINE__};
  const auto& expected = model_.plan().header().weights_sha256;
  if (!equal_bytes(digest.data(), expected.data(), expected.size())) {
    return {Status::kWeightsDigest, 0};
  }
  if (model_.language() != nullptr) {
    const Failure failure = conversation_.open(model_, language_.bytes());
    if (!failure.ok()) return failure;
  }
  secure_cores_.start(board_.bytes(), stacks_.bytes(), cores_, asks_for_cores_);
  state_ = SMARTZONE_STATE_READY;
  return kSuccess;
}

Failure Session::run(std::uint32_t entry, std::uint32_t cores, ByteSpan inputs,
                     MutableByteSpan outputs, std::uint64_t* written) {
  *written = 0;
  if (state_ != SMARTZONE_STATE_READY) return {Status::kBadState, state_};
  if (conversation_.is_open()) return {Status::kBadEntryPoint, entry};
  engine::IoSize size;
  const Failure failure = model_.io_size(entry, &size);
  if (!failure.ok()) return failure;
  if (inputs.size() != size.inputs) return {Status::kInputSize, low_word(size.inputs)};
  if (outputs.size() < size.outputs) return {Status::kBufferTooSmall, low_word(size.outputs)};

  const Failure result = on_cores(cores, [&] {
    return model_.run(entry, inputs, outputs.first(static_cast<std::size_t>(size.outputs)),
                      secure_cores_);
  });
  if (result.ok()) *written = size.outputs;
  return result;
}

// Does work that other cores may share.
template <typename Work>
Failure Session::on_cores(std::uint32_t cores, Work work) {
  if (cores < 1 || cores > cores_) return {Status::kBadParameters, kParameter2};
  secure_cores_.begin_run(cores);
  const Failure result = work();
  const Failure helpers = secure_cores_.end_run();
  return helpers.ok() ? result : drop_on_error(helpers);
}

Failure Session::check_talking() const {
  return conversation_.is_open() ? kSuccess : Failure{Status::kBadState, state_};
}

Failure Session::prompt(ByteSpan text, ByteSpan request, std::uint32_t* waiting,
                        std::uint32_t* position) {
  if (Failure failure = check_talking(); !failure.ok()) return failure;
  const Failure failure = conversation_.prompt(text, request);
  *waiting = conversation_.waiting();
  *position = conversation_.position();
  return failure;
}

Failure Session::next(std::uint32_t most, std::uint32_t cores, MutableByteSpan text,
                      smartzone_next* reply) {
  if (Failure failure = check_talking(); !failure.ok()) return failure;
  return on_cores(cores, [&] { return conversation_.next(most, secure_cores_, text, reply); });
}

Failure Session::score(std::uint32_t most, std::uint32_t cores, MutableByteSpan logits,
                       std::uint64_t* written, smartzone_score* reply) {
  if (Failure failure = check_talking(); !failure.ok()) return failure;
  return on_cores(cores,
                  [&] { return conversation_.score(most, secure_cores_, logits, written, reply); });
}

Failure Session::save(std::uint32_t piece, MutableByteSpan out, std::uint64_t* written,
                      std::uint32_t* pieces) {
  if (Failure failure = check_talking(); !failure.ok()) return failure;
  return conversation_.save(piece, out, written, pieces);
}

Failure Session::resume(std::uint32_t piece, ByteSpan in, std::uint32_t* left) {
  if (Failure failure = check_talking(); !failure.ok()) return failure;
  return conversation_.resume(piece, in, left);
}

Failure Session::unload() {
  secure_cores_.stop();
  state_ = SMARTZONE_STATE_EMPTY;
  cores_ = 0;
  asks_for_cores_ = false;
  weights_received_ = 0;
  conversation_.close();
  model_ = engine::Model();
  weights_digest_.stop();
  bool released = true;
  for (SecureRegion* region :
       {&stacks_, &board_, &language_, &state_memory_, &scratch_, &arena_, &weights_, &control_}) {
    released = region->release() && released;
  }
  return released ? kSuccess : Failure{Status::kInternal, __LINE__};
}

Failure Session::drop_on_error(Failure failure) {
  if (!failure.ok()) static_cast<void>(unload());
  return failure;
}

bool Session::take(SecureRegion* region, std::uint64_t bytes) {
  if (!region->map(bytes)) return false;
  const std::uint64_t now = mapped();
  if (now > mapped_peak_) mapped_peak_ = now;
  return true;
}

std::uint64_t Session::mapped() const {
  return control_.mapped() + weights_.mapped() + arena_.mapped() + scratch_.mapped() +
         board_.mapped() + stacks_.mapped() + state_memory_.mapped() + language_.mapped();
}

void Session::describe(smartzone_info* info) const {
  *info = {};
  info->protocol_version = SMARTZONE_PROTOCOL_VERSION;
  info->plan_version = package::kPlanVersion;
  info->state = state_;
  info->cores = cores_;
  info->control_mapped = control_.mapped();
  info->weights_mapped = weights_.mapped();
  info->arena_mapped = arena_.mapped();
  info->scratch_mapped = scratch_.mapped();
  info->board_mapped = board_.mapped();
  info->stacks_mapped = stacks_.mapped();
  info->state_mapped = state_memory_.mapped();
  info->language_mapped = language_.mapped();
  info->mapped_now = mapped();
  info->mapped_peak = mapped_peak_;
  engine::IoSize size;
  if (state_ != SMARTZONE_STATE_EMPTY && model_.language() == nullptr &&
      model_.io_size(0, &size).ok()) {
    info->inputs_bytes = size.inputs;
    info->outputs_bytes = size.outputs;
  }
}

}  // namespace sz::ta
