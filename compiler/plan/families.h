// The lowering of one family of operators each (lower_<family>.cc).
#pragma once

#include "compiler/plan/lowering.h"

namespace sz::compiler {

// False where the operator is not of the family. Throws CompileError.
bool lower_matrix(Lowering& lowering, const Node& node);
bool lower_recurrent(Lowering& lowering, const Node& node);

}  // namespace sz::compiler
