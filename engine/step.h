// A step of the plan with its operands looked up, as the operators take it.
#pragma once

#include <array>
#include <span>

#include "ops/operator.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::engine {

// `step` points into this object and into `views`: it stays where it was made.
class ResolvedStep {
 public:
  // The counts, ranges and indices of `record` must have been checked: the checker is the only
  // one that may make one from a plan that has not passed.
  ResolvedStep(const package::PlanView& plan, const package::StepRecord& record,
               std::span<const TensorView> views);
  ResolvedStep(const ResolvedStep&) = delete;
  ResolvedStep& operator=(const ResolvedStep&) = delete;

  const ops::Step& step() const { return step_; }

 private:
  std::array<const TensorView*, package::kMaxOperandsPerStep> operands_;
  ops::Step step_;
};

}  // namespace sz::engine
