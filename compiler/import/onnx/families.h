// The operators of ONNX, by family.
#pragma once

#include "compiler/import/onnx/operators.h"

namespace sz::compiler {

const OnnxImporters& movement_importers();
const OnnxImporters& resize_importers();
const OnnxImporters& matrix_importers();
const OnnxImporters& normalization_importers();
const OnnxImporters& recurrent_importers();
const OnnxImporters& window_importers();

}  // namespace sz::compiler
