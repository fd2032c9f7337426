#include "engine/testing/model_runner.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "package/package_file.h"

#if defined(__SANITIZE_ADDRESS__)
#define SMARTZONE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SMARTZONE_ASAN 1
#endif
#endif
#ifdef SMARTZONE_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace sz::engine::testing {
namespace {

constexpr std::uint8_t kGuard = 0xc5;

std::uint64_t control_bytes(ByteSpan plan) {
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) return plan.size();
  std::memcpy(&header, plan.data(), sizeof(header));
  MemoryNeed need;
  if (!memory_need(header, 1, &need).ok()) return plan.size();
  return std::max<std::uint64_t>(need.control, plan.size());
}

}  // namespace

GuardedRegion::GuardedRegion(std::uint64_t bytes, std::uint8_t fill) : size_(bytes) {
  const std::size_t all =
      kPageBytes + (bytes + kPageBytes - 1) / kPageBytes * kPageBytes + kPageBytes;
  begin_ = static_cast<std::byte*>(std::aligned_alloc(kPageBytes, all));
  if (begin_ == nullptr) throw std::bad_alloc();
  std::memset(begin_, kGuard, all);
  refill(fill);
  ASAN_POISON_MEMORY_REGION(begin_, kPageBytes);
  ASAN_POISON_MEMORY_REGION(begin_ + kPageBytes + size_, all - kPageBytes - size_);
}

GuardedRegion::~GuardedRegion() { std::free(begin_); }

void GuardedRegion::refill(std::uint8_t fill) {
  if (size_ > 0) std::memset(begin_ + kPageBytes, fill, size_);
}

bool GuardedRegion::guards_intact() {
  const std::span<const std::byte> before(begin_, kPageBytes);
  const std::span<const std::byte> after(begin_ + kPageBytes + size_, kPageBytes);
  ASAN_UNPOISON_MEMORY_REGION(before.data(), before.size());
  ASAN_UNPOISON_MEMORY_REGION(after.data(), after.size());
  const auto untouched = [](std::byte b) { return b == std::byte{kGuard}; };
  return std::all_of(before.begin(), before.end(), untouched) &&
         std::all_of(after.begin(), after.end(), untouched);
}

ModelRunner::ModelRunner(ByteSpan plan) : control_(control_bytes(plan), 0) {
  if (!plan.empty()) std::memcpy(control_.bytes().data(), plan.data(), plan.size());
  failure_ = model_.prepare(control_.bytes(), plan.size(), package::sha256_host);
}

Failure ModelRunner::attach(ByteSpan weights, std::uint32_t cores, std::uint8_t fill) {
  MemoryNeed need;
  Failure failure = memory_need(model_.plan().header(), cores, &need);
  if (!failure.ok()) return failure;
  weights_.emplace(need.weights, 0);
  arena_.emplace(need.arena, fill);
  scratch_.emplace(need.scratch, fill);
  state_.emplace(need.state, 0);
  const std::size_t known = std::min<std::size_t>(weights.size(), need.weights);
  if (known > 0) std::memcpy(weights_->bytes().data(), weights.data(), known);
  return model_.attach({weights_->bytes(), arena_->bytes(), scratch_->bytes(), state_->bytes()}, cores);
}

std::size_t ModelRunner::input_bytes(std::uint32_t entry) const {
  IoSize size;
  return model_.io_size(entry, &size).ok() ? size.inputs : 0;
}

Failure ModelRunner::run(std::uint32_t entry, ByteSpan inputs, Workers& workers) {
  IoSize size;
  if (Failure failure = model_.io_size(entry, &size); !failure.ok()) return failure;
  outputs_.assign(size.outputs, std::byte{0});
  return model_.run(entry, inputs, outputs_, workers);
}

Failure ModelRunner::run(std::uint32_t entry, ByteSpan inputs) {
  SingleWorker worker;
  return run(entry, inputs, worker);
}

std::span<const float> ModelRunner::f32_outputs() const {
  return {reinterpret_cast<const float*>(outputs_.data()), outputs_.size() / sizeof(float)};
}

bool ModelRunner::guards_intact() {
  bool intact = control_.guards_intact();
  for (auto* region : {&weights_, &arena_, &scratch_}) {
    if (region->has_value()) intact = (*region)->guards_intact() && intact;
  }
  return intact;
}

}  // namespace sz::engine::testing
