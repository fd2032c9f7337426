// The tables of ONNX operators of one family each (operators_<family>.cc).
#pragma once

#include "compiler/import/onnx/operators.h"

namespace sz::compiler {

const OnnxImporters& matrix_importers();
const OnnxImporters& normalization_importers();
const OnnxImporters& recurrent_importers();
const OnnxImporters& window_importers();

}  // namespace sz::compiler
