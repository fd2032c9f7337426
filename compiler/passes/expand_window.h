// The parts of the family of windows that have files of their own.
#pragma once

#include "compiler/passes/rewriter.h"

namespace sz::compiler {

// Throws CompileError unless the weights and the bias of a convolution are constants.
void require_constants(const Graph& graph, const Node& node);

// Convolutions and pools of three axes, in those of two (expand_volume.cc).
void expand_volume(Rewriter& rewriter, Node& node);

// ConvTranspose, in a convolution (expand_conv_transpose.cc).
void expand_conv_transpose(Rewriter& rewriter, Node& node);

}  // namespace sz::compiler
