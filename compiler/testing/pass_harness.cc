#include "compiler/testing/pass_harness.h"

#include "compiler/compile.h"
#include "compiler/host/fold_on_engine.h"
#include "compiler/import/onnx/importer.h"
#include "compiler/passes/passes.h"
#include "compiler/testing/runner.h"

namespace sz::compiler::testing {

Graph folded(const OnnxBuilder& builder) {
  Graph graph = import_onnx(builder.bytes(), {});
  fold_constants(graph);
  remove_dead_code(graph);
  verify(graph, "fold_constants", true);
  return graph;
}

Graph optimised(const OnnxBuilder& builder) {
  Graph graph = import_onnx(builder.bytes(), {});
  run_passes(graph, {}, fold_on_engine);
  return graph;
}

std::string operators(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes)
    text += (text.empty() ? "" : " ") + std::string(to_string(node.op));
  return text;
}

std::vector<std::vector<float>> run(const OnnxBuilder& builder, std::uint32_t seed) {
  const Graph graph = import_onnx(builder.bytes(), {});
  std::vector<std::vector<float>> inputs;
  for (const ValueId id : graph.inputs) {
    inputs.push_back(
        random_floats(static_cast<std::size_t>(element_count(graph.shape(id))), seed++));
  }
  return run_package(compile_onnx(builder.bytes(), "test", {}).package, inputs);
}

double change_by_fusing(const OnnxBuilder& builder, std::uint32_t seed) {
  OnnxBuilder exposed = builder;
  const Graph graph = folded(builder);
  for (const auto& node : builder.model().graph().node()) {
    const std::string& name = node.output(0);
    bool constant = false;
    bool output = false;
    for (const Value& value : graph.values) constant |= value.name == name && value.constant;
    for (const auto& other : builder.model().graph().output()) output |= other.name() == name;
    if (!constant && !output && exposed.graph().output_size() < 24) exposed.output(name);
  }
  return relative_distance(run(builder, seed).at(0), run(exposed, seed).at(0));
}

}  // namespace sz::compiler::testing
