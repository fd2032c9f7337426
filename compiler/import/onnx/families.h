// The operators of ONNX, by family.
#pragma once

#include "compiler/import/onnx/operators.h"

namespace sz::compiler {

const OnnxImporters& movement_importers();
const OnnxImporters& resize_importers();

}  // namespace sz::compiler
