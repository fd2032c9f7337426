// Canonical forms of one family of operators each (canonicalize_<family>.cc).
#pragma once

#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// False, with nothing done, where the operator is not of the family. Throws CompileError.
bool canonicalize_elementwise(Rewriter& rewriter, Node& node);
bool canonicalize_reduction(Rewriter& rewriter, Node& node);
bool canonicalize_quantized(Rewriter& rewriter, Node& node);

}  // namespace sz::compiler
