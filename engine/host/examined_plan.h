// A plan prepared as the TA does it, in ordinary memory, to ask it things before it is sent.
#pragma once

#include <vector>

#include "base/memory.h"
#include "base/status.h"
#include "engine/model.h"

namespace sz::engine {

class ExaminedPlan {
 public:
  // Copies the plan. Afterwards see failure().
  explicit ExaminedPlan(ByteSpan plan);
  ExaminedPlan(const ExaminedPlan&) = delete;
  ExaminedPlan& operator=(const ExaminedPlan&) = delete;

  // What the TA would say to the plan; only if this is kSuccess, model() may be asked.
  Failure failure() const { return failure_; }
  const Model& model() const { return model_; }

 private:
  Failure prepare(ByteSpan plan);

  std::vector<std::byte> memory_;
  Model model_;
  Failure failure_;
};

}  // namespace sz::engine
