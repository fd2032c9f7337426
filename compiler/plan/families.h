// The lowering of one family of operators each: false, with nothing done, where the node is not
// theirs.
#pragma once

#include "compiler/plan/lowering.h"

namespace sz::compiler {

bool lower_movement(Lowering& lowering, const Node& node);
bool lower_indexed(Lowering& lowering, const Node& node);
bool lower_matrix(Lowering& lowering, const Node& node);
bool lower_recurrent(Lowering& lowering, const Node& node);

}  // namespace sz::compiler
