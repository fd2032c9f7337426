// Runs a graph on the host and shows values from within.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/host/plan_runner.h"

namespace sz::compiler {

class Probe {
 public:
  // Shows `values` of the graph, f32 each. With `passes` the graph is one before run_passes.
  Probe(const Graph& graph, const std::vector<ValueId>& values, bool passes);

  // Calls `show` with the index of each value in `values` and its elements, in ONNX's order.
  using Show = std::function<void(std::size_t index, const std::vector<float>& elements)>;
  void run(const std::vector<std::vector<std::byte>>& inputs, const Show& show);

 private:
  struct Part {
    PlanRunner runner;
    std::vector<std::size_t> indices;  // into `values`, one for each output
  };
  std::vector<Part> parts_;
  std::vector<std::size_t> inputs_;  // values that are inputs: index in `values` of each, or none
};

}  // namespace sz::compiler
