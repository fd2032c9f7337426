// Fuzzes plan reader, checker, executor and operators. The bytes are a plan; its digest is set
// right, so that what is behind it is reached. A plan that the checker accepts is run in memory
// of exactly its size between poisoned guards, and must give the same bits whatever was in the
// memory before, for every number of workers, and for the reference kernels.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "base/checked.h"
#include "engine/testing/model_runner.h"
#include "engine/testing/plan_builder.h"
#include "engine/testing/plan_mutator.h"

namespace sz::engine::testing {
namespace {

// What is still run: multiply-adds (or elements touched), and bytes of all regions together.
constexpr std::uint64_t kMaxWork = 2'000'000;
constexpr std::uint64_t kMaxBytes = 4 << 20;

void demand(bool condition) {
  if (!condition) std::abort();
}

// Every chunk, from the last to the first, with the workers taking turns.
class ReversedWorkers final : public Workers {
 public:
  std::uint32_t count() const override { return 3; }
  void run(const Work& work) override {
    for (std::uint32_t chunk = work.chunks; chunk-- > 0;) {
      work.run(work.context, chunk, chunk % count());
    }
  }
};

std::uint64_t elements(const package::TensorRecord& tensor) {
  std::uint64_t product = 1;
  for (const std::uint32_t dim : tensor.dims) product *= dim;
  return product;
}

// An upper bound of the work of a plan that has passed the checker.
std::uint64_t work_of(const package::PlanView& plan) {
  std::uint64_t work = 0;
  for (const auto& step : plan.steps()) {
    const auto operands = plan.operands().subspan(step.operand_begin);
    const auto attributes = plan.attributes().subspan(step.attribute_begin, step.attribute_count);
    std::uint64_t most = 0;
    for (std::uint32_t i = 0; i < step.input_count + step.output_count; ++i) {
      if (operands[i] == package::kNoTensor) continue;
      most = std::max(most, elements(plan.tensors()[operands[i]]));
    }
    const std::uint64_t output = elements(plan.tensors()[operands[step.input_count]]);
    const auto op = static_cast<ops::OpCode>(step.op);
    if (op == ops::OpCode::kConv2d || op == ops::OpCode::kFullyConnected ||
        op == ops::OpCode::kConvWinograd || op == ops::OpCode::kLinear ||
        op == ops::OpCode::kAttention) {
      most *= output;  // weights x output, more than there is
    } else if (op == ops::OpCode::kPool2d) {
      most += output * attributes[0] * attributes[1];
    }
    work += most;
  }
  return work;
}

std::vector<std::byte> random_floats(std::size_t bytes, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::vector<std::byte> data(bytes);
  for (std::size_t at = 0; at + 4 <= bytes; at += 4) {
    const auto value = static_cast<float>(random() % 4096) / 1024.0f - 2.0f;
    std::memcpy(data.data() + at, &value, 4);
    if (random() % 512 == 0) data[at + 3] = std::byte{0x7f};  // huge, infinite, or no number
  }
  return data;
}

// The outputs of all entry points, one behind the other.
std::vector<std::byte> run_all(ModelRunner& runner, std::uint8_t fill, Workers& workers) {
  const auto& header = runner.model().plan().header();
  const auto weights = random_floats(header.weights_bytes, 1);
  demand(runner.attach(weights, workers.count(), fill).ok());
  std::vector<std::byte> all;
  for (std::uint32_t entry = 0; entry < header.entry_count; ++entry) {
    const auto inputs = random_floats(runner.input_bytes(entry), 2 + entry);
    const Failure failure = runner.run(entry, inputs, workers);
    demand(failure.ok() || failure.status == Status::kIndexOutOfRange ||
           failure.status == Status::kContextFull);
    const auto outputs = runner.outputs();
    all.insert(all.end(), outputs.begin(), outputs.end());
  }
  demand(runner.guards_intact());
  return all;
}

std::vector<std::byte> with_reference_kernels(const std::vector<std::byte>& plan) {
  PlanTables tables = *PlanTables::decode(plan);
  for (auto& step : tables.steps) step.kernel = static_cast<std::uint16_t>(ops::Kernel::kReference);
  return tables.encode();
}

void run_one(std::vector<std::byte> plan) {
  reseal(plan);
  ModelRunner runner(plan);
  demand(runner.guards_intact());
  if (!runner.failure().ok()) return;

  // Scratch may be too large for three cores even though the plan is right.
  MemoryNeed need;
  if (!memory_need(runner.model().plan().header(), 3, &need).ok() ||
      need.weights + need.arena + need.state + need.scratch > kMaxBytes ||
      work_of(runner.model().plan()) > kMaxWork) {
    return;
  }
  SingleWorker single;
  ReversedWorkers reversed;
  const auto expected = run_all(runner, 0x00, single);
  demand(run_all(runner, 0xff, reversed) == expected);
  ModelRunner reference(with_reference_kernels(plan));
  if (reference.failure().ok()) demand(run_all(reference, 0xff, single) == expected);
}

}  // namespace
}  // namespace sz::engine::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  sz::engine::testing::run_one({bytes, bytes + size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto plan = sz::engine::testing::mutate_plan({bytes, size}, seed);
  if (plan.empty() || plan.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, plan.data(), plan.size());
  return plan.size();
}
