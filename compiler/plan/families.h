// The lowering of one family of operators each: false, with nothing done, where the node is not
// theirs.
#pragma once

#include "compiler/graph/shape_inference.h"
#include "compiler/plan/lowering.h"

namespace sz::compiler {

bool lower_movement(Lowering& lowering, const Node& node);
bool lower_indexed(Lowering& lowering, const Node& node);
bool lower_matrix(Lowering& lowering, const Node& node);
bool lower_recurrent(Lowering& lowering, const Node& node);
// False, with nothing done, where the operator is not of the family. Throws CompileError.
bool lower_elementwise(Lowering& lowering, const Node& node);
bool lower_reduction(Lowering& lowering, const Node& node);

}  // namespace sz::compiler
