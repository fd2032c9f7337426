#include "compiler/plan/encode.h"

#include <algorithm>
#include <span>

#include "base/checked.h"
#include "compiler/error.h"
#include "compiler/plan/plan_bytes.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

using package::EntryRecord;
using package::StepRecord;
using package::TensorRecord;

constexpr std::uint32_t kUnset = 0xffffffffu;

class Encoder {
 public:
  Encoder(const Program& program, const Schedule& schedule, const Liveness& liveness,
          const Placement& placement, const std::string& source)
      : source_(source),
        program_(program),
        schedule_(schedule),
        liveness_(liveness),
        placement_(placement),
        tensor_number_(program.tensors.size(), kUnset),
        weight_offset_(program.storages.size(), kUnset) {}

  EncodedPlan run() {
    EntryRecord entry{};
    entry.kind = static_cast<std::uint32_t>(package::EntryKind::kRun);
    entry.operand_begin = 0;
    entry.input_count = static_cast<std::uint32_t>(program_.inputs.size());
    entry.output_count = static_cast<std::uint32_t>(program_.outputs.size());
    if (entry.input_count + entry.output_count > package::kMaxOperandsPerStep) {
      throw CompileError(source_ + ": the network has more than " +
                         std::to_string(package::kMaxOperandsPerStep) +
                         " inputs and outputs, the limit of a plan");
    }
    for (const std::uint32_t tensor : program_.inputs) parts_.operands.push_back(number(tensor));
    for (const std::uint32_t tensor : program_.outputs) parts_.operands.push_back(number(tensor));
    for (const std::uint32_t step : schedule_.order) add_step(step);
    entry.step_count = static_cast<std::uint32_t>(parts_.steps.size());
    return assemble(entry);
  }

 private:
  // The tensor's place in the table; it gets one when it is first used.
  std::uint32_t number(std::uint32_t tensor) {
    if (tensor_number_[tensor] == kUnset) {
      tensor_number_[tensor] = static_cast<std::uint32_t>(parts_.tensors.size());
      parts_.tensors.push_back(record(program_.tensors[tensor]));
    }
    return tensor_number_[tensor];
  }

  TensorRecord record(const ProgramTensor& tensor) {
    const bool constant = program_.storages[tensor.storage].constant();
    TensorRecord record{};
    record.offset = (constant ? weight_offset(tensor.storage)
                              : placement_.offsets[liveness_.block_of[tensor.storage]]) +
                    tensor.offset;
    record.dims = tensor.view().dims;
    record.pitch = tensor.pitch;
    record.dtype = static_cast<std::uint8_t>(tensor.dtype);
    record.rank = static_cast<std::uint8_t>(tensor.dims.size());
    record.region = static_cast<std::uint8_t>(constant ? package::RegionKind::kWeights
                                                       : package::RegionKind::kArena);
    return record;
  }

  std::uint64_t weight_offset(std::uint32_t storage) {
    if (weight_offset_[storage] == kUnset) {
      const std::vector<std::byte>& bytes = *program_.storages[storage].data;
      weights_.resize(align_up(weights_.size(), package::kTensorAlignment));
      weight_offset_[storage] = static_cast<std::uint32_t>(weights_.size());
      weights_.insert(weights_.end(), bytes.begin(), bytes.end());
    }
    return weight_offset_[storage];
  }

  void add_step(std::uint32_t index) {
    const ProgramStep& step = program_.steps[index];
    StepRecord record{};
    record.op = static_cast<std::uint16_t>(step.op);
    record.kernel = static_cast<std::uint16_t>(program_.kernel);
    record.input_count = static_cast<std::uint16_t>(step.inputs.size());
    record.output_count = 1;
    record.operand_begin = static_cast<std::uint32_t>(parts_.operands.size());
    record.attribute_begin = static_cast<std::uint32_t>(parts_.attributes.size());
    record.attribute_count = static_cast<std::uint32_t>(step.attributes.size());
    std::vector<std::uint32_t> inputs = step.inputs;
    if (liveness_.swapped[index]) std::swap(inputs[0], inputs[1]);
    for (const std::uint32_t tensor : inputs) parts_.operands.push_back(number(tensor));
    parts_.operands.push_back(number(step.output));
    parts_.attributes.insert(parts_.attributes.end(), step.attributes.begin(), step.attributes.end());
    parts_.steps.push_back(record);
    scratch_ = std::max(scratch_, scratch_of(step, inputs));
  }

  std::uint64_t scratch_of(const ProgramStep& step, const std::vector<std::uint32_t>& ids) const {
    std::vector<TensorView> views;
    for (const std::uint32_t id : ids) views.push_back(program_.tensors[id].view());
    const TensorView result = program_.tensors[step.output].view();
    std::vector<const TensorView*> inputs;
    for (const TensorView& view : views) inputs.push_back(&view);
    const TensorView* output = &result;
    return ops::find_operator(static_cast<std::uint16_t>(step.op))
        ->scratch_bytes({program_.kernel, inputs, std::span(&output, 1), step.attributes});
  }

  EncodedPlan assemble(const EntryRecord& entry) {
    parts_.entries.push_back(entry);
    parts_.header.arena_bytes = placement_.arena_bytes;
    parts_.header.scratch_bytes = scratch_;
    std::vector<std::byte> plan = plan_bytes(std::move(parts_), weights_, source_);
    return {std::move(plan), std::move(weights_)};
  }

  const std::string& source_;
  const Program& program_;
  const Schedule& schedule_;
  const Liveness& liveness_;
  const Placement& placement_;
  std::vector<std::uint32_t> tensor_number_;
  std::vector<std::uint32_t> weight_offset_;  // by storage; the region is at most 1 GiB
  PlanParts parts_;
  std::vector<std::byte> weights_;
  std::uint64_t scratch_ = 0;
};

}  // namespace

EncodedPlan encode(const Program& program, const Schedule& schedule, const Liveness& liveness,
                   const Placement& placement, const std::string& source) {
  return Encoder(program, schedule, liveness, placement, source).run();
}

}  // namespace sz::compiler
