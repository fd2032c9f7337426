#include "compiler/host/plan_runner.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/status_text.h"
#include "compiler/error.h"
#include "package/package_file.h"

namespace sz::compiler {
namespace {

// Page-aligned memory, filled with a pattern so that nothing relies on zeroes.
class Pages {
 public:
  explicit Pages(std::uint64_t bytes)
      : bytes_(align_up(bytes + 1, engine::kPageBytes)),
        data_(static_cast<std::byte*>(std::aligned_alloc(engine::kPageBytes, bytes_)), &std::free) {
    if (!data_) throw std::bad_alloc();
    std::memset(data_.get(), 0xa5, bytes_);
  }
  MutableByteSpan span() const { return {data_.get(), bytes_}; }

 private:
  std::uint64_t bytes_;
  std::unique_ptr<std::byte, decltype(&std::free)> data_;
};

package::PlanHeader header_of(std::span<const std::byte> plan) {
  package::PlanHeader header{};
  std::memcpy(&header, plan.data(), std::min(sizeof(header), plan.size()));
  return header;
}

}  // namespace

struct PlanRunner::State {
  State(std::string name, const engine::MemoryNeed& need)
      : source(std::move(name)),
        control(need.control),
        weights(need.weights),
        arena(need.arena),
        scratch(need.scratch) {}

  std::string source;
  Pages control, weights, arena, scratch;
  engine::Model model;

  void expect(const Failure& failure) const { PlanRunner::State::expect(failure, source); }
  static void expect(const Failure& failure, const std::string& source) {
    if (failure.ok()) return;
    throw InternalError(
        source + ": internal error: the engine refuses the plan: " +
        status_sentence(static_cast<std::uint32_t>(failure.status), failure.detail));
  }

  // Bytes of operand `index` of the entry point: its inputs, then its outputs.
  std::uint64_t operand_bytes(std::uint32_t index) const {
    const auto& plan = model.plan();
    const auto& tensor = plan.tensors()[plan.operands()[plan.entries()[0].operand_begin + index]];
    std::uint64_t bytes = dtype_bytes(DType{tensor.dtype});
    for (const std::uint32_t dim : tensor.dims) bytes *= dim;
    return bytes;
  }
};

PlanRunner::PlanRunner(std::span<const std::byte> plan, std::span<const std::byte> weights,
                       std::string source) {
  engine::MemoryNeed need;
  State::expect(engine::memory_need(header_of(plan), 1, &need), source);
  state_ = std::make_unique<State>(std::move(source), need);
  State& s = *state_;
  std::copy(plan.begin(), plan.end(), s.control.span().begin());
  std::copy(weights.begin(), weights.end(), s.weights.span().begin());
  s.expect(s.model.prepare(s.control.span(), plan.size(), package::sha256_host));
  s.expect(s.model.attach({s.weights.span(), s.arena.span(), s.scratch.span()}, 1));
}

PlanRunner::~PlanRunner() = default;
PlanRunner::PlanRunner(PlanRunner&&) noexcept = default;

std::vector<std::vector<std::byte>> PlanRunner::run(
    std::span<const std::vector<std::byte>> inputs) {
  State& s = *state_;
  engine::IoSize size;
  s.expect(s.model.io_size(0, &size));
  std::vector<std::byte> request(size.inputs), reply(size.outputs);
  const auto& entry = s.model.plan().entries()[0];
  if (inputs.size() != entry.input_count) {
    throw InternalError(s.source + ": the plan takes another number of inputs");
  }
  std::uint64_t at = 0;
  for (std::uint32_t i = 0; i < entry.input_count; ++i) {
    at = align_up(at, package::kIoAlignment);
    if (inputs[i].size() != s.operand_bytes(i)) {
      throw InternalError(s.source + ": input " + std::to_string(i) + " has another size");
    }
    std::copy(inputs[i].begin(), inputs[i].end(),
              request.begin() + static_cast<std::ptrdiff_t>(at));
    at += inputs[i].size();
  }
  SingleWorker worker;
  s.expect(s.model.run(0, request, reply, worker));
  std::vector<std::vector<std::byte>> outputs;
  at = 0;
  for (std::uint32_t i = 0; i < entry.output_count; ++i) {
    at = align_up(at, package::kIoAlignment);
    const auto begin = reply.begin() + static_cast<std::ptrdiff_t>(at);
    const std::uint64_t bytes = s.operand_bytes(entry.input_count + i);
    outputs.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(bytes));
    at += bytes;
  }
  return outputs;
}

}  // namespace sz::compiler
