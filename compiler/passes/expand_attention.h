// The parts of the family of attention that have files of their own.
#pragma once

#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// RotaryEmbedding in products, sums and slices (expand_rotary.cc).
void expand_rotary(Rewriter& rewriter, Node& node);

}  // namespace sz::compiler
