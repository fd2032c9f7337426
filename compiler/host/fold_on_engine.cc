#include "compiler/host/fold_on_engine.h"

#include "compiler/host/plan_runner.h"
#include "compiler/plan/encode.h"
#include "compiler/plan/lower.h"

namespace sz::compiler {
namespace {

// The node alone, between its constants and the output.
Graph graph_of(const Graph& graph, const Node& node, const TypedShape& result) {
  Graph alone;
  alone.source = graph.source;
  alone.format = graph.format;
  alone.opset = graph.opset;
  alone.constant_budget = graph.constant_budget;
  Node copy = node;
  for (ValueId& id : copy.inputs) {
    if (id == kNoValue) continue;
    id = alone.add_constant(graph.value(id).name, graph.value(id).constant);
  }
  copy.output = alone.add_value({graph.value(node.output).name, result.dtype, result.shape, {}});
  alone.outputs = {copy.output};
  alone.declared_outputs = {{graph.value(node.output).name, false, {}}};
  alone.nodes.push_back(std::move(copy));
  return alone;
}

bool has_empty_operand(const Graph& graph, const Node& node, const TypedShape& result) {
  if (element_count(result.shape) == 0) return true;
  for (const ValueId id : node.inputs) {
    if (id != kNoValue && element_count(graph.shape(id)) == 0) return true;
  }
  return false;
}

EncodedPlan plan_of(const Graph& graph) {
  const Program program = lower(graph, ops::Kernel::kVector);
  const Schedule order = schedule(program);
  const Liveness liveness = analyse(program, order.order);
  return encode(program, order, liveness, place(liveness.blocks), graph.source);
}

}  // namespace

ConstantPtr fold_on_engine(const Graph& graph, const Node& node, const TypedShape& result) {
  if (has_empty_operand(graph, node, result)) return nullptr;
  EncodedPlan plan;
  try {
    Graph alone = graph_of(graph, node, result);
    run_passes(alone, {}, {});
    plan = plan_of(alone);
  } catch (const InternalError&) {
    throw;
  } catch (const CompileError&) {
    return nullptr;  // refused where it matters: if the node is still there in the end
  }
  auto outputs = PlanRunner(plan.plan, plan.weights, graph.source).run({});
  auto constant = std::make_shared<Constant>();
  constant->dtype = result.dtype;
  constant->shape = result.shape;
  constant->bytes = std::move(outputs.at(0));
  return constant;
}

}  // namespace sz::compiler
