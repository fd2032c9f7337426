#include "compiler/graph/shape_inference.h"
#include "compiler/passes/evaluate.h"
#include "compiler/passes/passes.h"

namespace sz::compiler {
namespace {

void check_outputs(const Graph& graph) {
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const Value& value = graph.value(graph.outputs[i]);
    const DeclaredOutput& declared = graph.declared_outputs[i];
    if (!declared.has_shape) continue;
    bool fits = declared.dims.size() == value.shape->size();
    for (std::size_t k = 0; fits && k < declared.dims.size(); ++k) {
      fits = declared.dims[k] == -1 || declared.dims[k] == (*value.shape)[k];
    }
    if (!fits) {
      fail(graph, "output '" + declared.name + "' is declared as " + to_string(declared.dims) +
                      " but the graph makes " + to_string(*value.shape));
    }
  }
}

// The branch that an If with a constant condition takes.
const std::vector<Node>& chosen(const Graph& graph, const Node& node, ValueId* result) {
  const Constant* condition = graph.constant(node.inputs[0]);
  if (condition == nullptr) {
    fail(graph, node,
         "its condition must be known when the model is compiled: the device has no branches");
  }
  if (condition->dtype != DType::kBool || condition->bytes.size() != 1) {
    fail(graph, node, "its condition must be a single bool");
  }
  const Branches& branches = *node.get<IfAttributes>().branches;
  const bool holds = condition->bytes[0] != std::byte{0};
  *result = holds ? branches.then_result : branches.else_result;
  return holds ? branches.then_nodes : branches.else_nodes;
}

class Folder {
 public:
  Folder(Graph& graph, const Evaluator& evaluator) : graph_(graph), evaluator_(evaluator) {}

  void run() {
    const std::vector<Node> nodes = std::move(graph_.nodes);
    for (const Node& node : nodes) visit(node);
    graph_.nodes = std::move(kept_);
  }

 private:
  void visit(const Node& node) {
    if (node.op != Op::kIf) return fold(node);
    ValueId result = kNoValue;
    for (const Node& inner : chosen(graph_, node, &result)) visit(inner);
    fold({Op::kIdentity, node.name, {result}, node.output, {}, {}});
  }

  void fold(const Node& node) {
    TypedShape result = infer(graph_, node);
    if (node.op == Op::kCastLike) {
      return fold({Op::kCast, node.name, {node.inputs[0]}, node.output,
                   CastAttributes{result.dtype}, {}});
    }
    const auto bytes =
        static_cast<std::uint64_t>(element_count(result.shape)) * dtype_bytes(result.dtype);
    // Computing it takes as much memory as keeping it: look at the budget first.
    ConstantPtr constant;
    if (bytes <= graph_.constant_budget) constant = compute(node, result);
    Value& value = graph_.value(node.output);
    value.dtype = result.dtype;
    value.shape = std::move(result.shape);
    if (constant) {
      graph_.constant_budget -= bytes;
      value.constant = std::move(constant);
    } else {
      kept_.push_back(node);
    }
  }

  ConstantPtr compute(const Node& node, const TypedShape& result) {
    // Stays for fuse_quantization, which wants the integers.
    if (node.op == Op::kDequantizeLinear) return nullptr;
    if (auto constant = evaluate(graph_, node, result.dtype, result.shape)) return constant;
    if (!evaluator_ || node.inputs.empty()) return nullptr;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && graph_.constant(id) == nullptr) return nullptr;
    }
    return evaluator_(graph_, node, result);
  }

  Graph& graph_;
  const Evaluator& evaluator_;
  std::vector<Node> kept_;
};

}  // namespace

void fold_constants(Graph& graph, const Evaluator& evaluator) {
  Folder(graph, evaluator).run();
  check_outputs(graph);
}

}  // namespace sz::compiler
