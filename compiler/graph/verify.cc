#include "compiler/graph/graph.h"

namespace sz::compiler {
namespace {

class Verifier {
 public:
  Verifier(const Graph& graph, std::string_view stage, bool shapes_known)
      : graph_(graph), stage_(stage), shapes_known_(shapes_known) {}

  void run() {
    defined_.resize(graph_.values.size(), false);
    for (ValueId id = 0; id < graph_.values.size(); ++id) {
      if (graph_.values[id].constant) check_constant(id);
    }
    for (const ValueId id : graph_.inputs) define(id, "an input of the graph");
    for (const Node& node : graph_.nodes) check_node(node);
    for (const ValueId id : graph_.outputs) check_read(id, "the outputs of the graph");
  }

 private:
  [[noreturn]] void complain(const std::string& what) const {
    throw InternalError(graph_.source + ": internal error after '" + stage_ + "': " + what +
                        "; this is a defect of the compiler");
  }

  void check_constant(ValueId id) {
    const Value& value = graph_.values[id];
    const Constant& constant = *value.constant;
    const auto bytes =
        static_cast<std::uint64_t>(element_count(constant.shape)) * dtype_bytes(constant.dtype);
    if (constant.bytes.size() != bytes || value.shape != constant.shape ||
        value.dtype != constant.dtype) {
      complain("constant '" + value.name + "' is inconsistent");
    }
    defined_[id] = true;
  }

  void define(ValueId id, const std::string& by) {
    if (id >= graph_.values.size()) complain(by + " names no value");
    if (defined_[id]) complain("'" + graph_.values[id].name + "' is made twice, by " + by);
    defined_[id] = true;
    if (shapes_known_ && !graph_.values[id].shape) {
      complain("the shape of '" + graph_.values[id].name + "' is not known");
    }
  }

  void check_read(ValueId id, const std::string& by) const {
    if (id >= graph_.values.size() || !defined_[id]) {
      complain(by + " reads what nothing before it makes");
    }
  }

  void check_node(const Node& node) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) check_read(id, "node '" + node.name + "'");
    }
    define(node.output, "node '" + node.name + "'");
  }

  const Graph& graph_;
  const std::string stage_;
  const bool shapes_known_;
  std::vector<bool> defined_;
};

}  // namespace

void verify(const Graph& graph, std::string_view stage, bool shapes_known) {
  Verifier(graph, stage, shapes_known).run();
}

}  // namespace sz::compiler
