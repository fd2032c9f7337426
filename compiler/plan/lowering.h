// What the lowering of one node works with. Operators that belong together have a file each
// (lower_<family>.cc), whose function is a row of the table in lower.cc.
#pragma once

#include "compiler/graph/graph.h"
#include "compiler/plan/layout.h"
#include "compiler/plan/program_builder.h"

namespace sz::compiler {

struct Lowering {
  const Graph& graph;
  ProgramBuilder& builder;
  Layout& layout;
};

}  // namespace sz::compiler
