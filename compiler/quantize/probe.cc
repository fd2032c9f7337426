#include "compiler/quantize/probe.h"

#include <algorithm>
#include <cstring>

#include "compiler/host/fold_on_engine.h"
#include "compiler/passes/passes.h"
#include "compiler/plan/encode.h"
#include "compiler/plan/lower.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

std::vector<float> as_floats(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

PlanRunner runner_of(Graph graph, bool passes) {
  if (passes) {
    run_passes(graph, {}, fold_on_engine);
  } else {
    remove_dead_code(graph);
  }
  const Program program = lower(graph, ops::Kernel::kVector);
  const Schedule order = schedule(program);
  const Liveness liveness = analyse(program, order.order);
  const EncodedPlan plan = encode(program, order, liveness, place(liveness.blocks), graph.source);
  return PlanRunner(plan.plan, plan.weights, graph.source);
}

}  // namespace

Probe::Probe(const Graph& graph, const std::vector<ValueId>& values, bool passes) {
  // A plan has so many inputs and outputs; a large network is run several times.
  const std::size_t most = package::kMaxOperandsPerStep - graph.inputs.size();
  std::vector<std::size_t> computed;
  inputs_.assign(graph.inputs.size(), kNone);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto input = std::find(graph.inputs.begin(), graph.inputs.end(), values[i]);
    if (input == graph.inputs.end()) {
      computed.push_back(i);
    } else {
      inputs_[static_cast<std::size_t>(input - graph.inputs.begin())] = i;
    }
  }
  for (std::size_t begin = 0; begin < computed.size(); begin += most) {
    const std::size_t end = std::min(begin + most, computed.size());
    Graph part = graph;
    part.outputs.clear();
    part.declared_outputs.clear();
    std::vector<std::size_t> indices(computed.begin() + static_cast<std::ptrdiff_t>(begin),
                                     computed.begin() + static_cast<std::ptrdiff_t>(end));
    for (const std::size_t index : indices) {
      part.outputs.push_back(values[index]);
      part.declared_outputs.push_back({graph.value(values[index]).name, false, {}});
    }
    parts_.push_back({runner_of(std::move(part), passes), std::move(indices)});
  }
}

void Probe::run(const std::vector<std::vector<std::byte>>& inputs, const Show& show) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs_.at(i) != kNone) show(inputs_[i], as_floats(inputs[i]));
  }
  for (Part& part : parts_) {
    const auto outputs = part.runner.run(inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) show(part.indices[i], as_floats(outputs[i]));
  }
}

}  // namespace sz::compiler
