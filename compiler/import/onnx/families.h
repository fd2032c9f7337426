// The ONNX operators of one family each (operators_<family>.cc).
#pragma once

#include "compiler/import/onnx/operators.h"

namespace sz::compiler {

const OnnxImporters& matrix_importers();
const OnnxImporters& normalization_importers();
const OnnxImporters& quantized_importers();

// Reads the attributes of a convolution or pool that stand for its window.
WindowAttributes read_window(NodeReader& reader);

}  // namespace sz::compiler
