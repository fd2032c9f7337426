// Lowering of one family of operators each (lower_<family>.cc).
#pragma once

#include "compiler/graph/shape_inference.h"
#include "compiler/plan/lowering.h"

namespace sz::compiler {

// False, with nothing done, where the operator is not of the family. Throws CompileError.
bool lower_movement(Lowering& lowering, const Node& node);
bool lower_indexed(Lowering& lowering, const Node& node);
bool lower_elementwise(Lowering& lowering, const Node& node);
bool lower_reduction(Lowering& lowering, const Node& node);
bool lower_matrix(Lowering& lowering, const Node& node);
bool lower_recurrent(Lowering& lowering, const Node& node);
bool lower_quantized(Lowering& lowering, const Node& node);

}  // namespace sz::compiler
