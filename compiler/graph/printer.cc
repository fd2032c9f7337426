#include <cmath>
#include <iomanip>
#include <sstream>

#include "compiler/graph/graph.h"

namespace sz::compiler {
namespace {

std::string describe(const Graph& graph, ValueId id) {
  if (id == kNoValue) return "-";
  const Value& value = graph.value(id);
  std::string text = value.constant ? "#" + value.name : value.name;
  if (value.constant && value.shape) text += '[' + to_string(*value.shape) + ']';
  return text;
}

std::string describe_slope(float slope) {
  return slope == 1.0f ? "" : " leaky " + std::to_string(slope);
}

std::string describe_activation(const ops::Clamp& clamp) {
  if (std::isinf(clamp.low) && std::isinf(clamp.high)) return "";
  std::ostringstream text;
  text << " clamp[" << clamp.low << ", " << clamp.high << ']';
  return text.str();
}

std::string describe_window(const Node& node) {
  const auto* window = std::get_if<WindowAttributes>(&node.attributes);
  if (window == nullptr || window->kernel.size() != 2) return "";
  std::string text = " k" + to_string(window->kernel);
  if (window->strides.size() == 2) text += " s" + to_string(window->strides);
  if (window->pads.size() == 4) text += " p" + to_string(window->pads);
  if (window->groups != 1) text += " g" + std::to_string(window->groups);
  return text;
}

}  // namespace

std::string print(const Graph& graph) {
  std::ostringstream out;
  const auto signature = [&](const char* title, const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      const Value& value = graph.value(id);
      out << title << value.name << ' ' << to_string(value.dtype) << ' '
          << (value.shape ? to_string(*value.shape) : "?") << '\n';
    }
  };
  out << graph.source << " (" << graph.format;
  if (graph.opset != 0) out << ", opset " << graph.opset;
  out << "), " << graph.nodes.size() << " nodes\n";
  signature("input   ", graph.inputs);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const Value& result = graph.value(node.output);
    out << std::setw(4) << i << "  " << std::left << std::setw(18) << operator_name(node)
        << std::setw(14) << (result.shape ? to_string(*result.shape) : "?") << std::right << "  "
        << result.name << " = (";
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      out << (k ? ", " : "") << describe(graph, node.inputs[k]);
    }
    out << ')' << describe_window(node) << describe_slope(node.slope)
        << describe_activation(node.activation) << '\n';
  }
  signature("output  ", graph.outputs);
  return out.str();
}

}  // namespace sz::compiler
