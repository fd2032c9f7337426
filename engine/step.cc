#include "engine/step.h"

namespace sz::engine {

ResolvedStep::ResolvedStep(const package::PlanView& plan, const package::StepRecord& record,
                           std::span<const TensorView> views) {
  const std::uint32_t count = std::uint32_t{record.input_count} + record.output_count;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t tensor = plan.operands()[record.operand_begin + i];
    operands_[i] = tensor == package::kNoTensor ? nullptr : &views[tensor];
  }
  step_.kernel = static_cast<ops::Kernel>(record.kernel);
  step_.inputs = {operands_.data(), record.input_count};
  step_.outputs = {operands_.data() + record.input_count, record.output_count};
  step_.attributes = plan.attributes().subspan(record.attribute_begin, record.attribute_count);
}

}  // namespace sz::engine
