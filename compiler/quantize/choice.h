// Which nodes compute on integers, which values are 8 bits, and which of them share a range.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/quantize/quantize.h"

namespace sz::compiler {

struct QuantizationChoice {
  std::vector<bool> integer;    // by position of the node
  std::vector<bool> quantised;  // by value
  std::vector<ValueId> group;   // by value: the one that stands for all that share its range
  std::vector<std::string> kept_float;  // layers and others that could be integer, but are not
};
QuantizationChoice choose_integers(const Graph& graph, const QuantizeOptions& options);

// Conv and FullyConnected.
bool is_layer(const Node& node);

}  // namespace sz::compiler
