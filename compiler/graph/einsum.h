// The equation of an Einsum node.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"

namespace sz::compiler {

// One letter for each dimension. "..." has become letters of its own, shared by the operands: '0'
// is the last dimension that it stands for, '1' the one before, and so on.
struct Einsum {
  std::vector<std::string> operands;
  std::string output;
  std::map<char, std::int64_t> sizes;
};

// Throws CompileError for what is wrong, for diagonals (a letter twice in one operand), and for
// operands that are not the size of each other.
Einsum parse_einsum(const Graph& graph, const Node& node);

}  // namespace sz::compiler
