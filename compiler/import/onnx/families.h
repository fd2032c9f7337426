// The ONNX operators of one family each (operators_<family>.cc).
#pragma once

#include "compiler/import/onnx/operators.h"

namespace sz::compiler {

const OnnxImporters& movement_importers();
const OnnxImporters& resize_importers();
const OnnxImporters& elementwise_importers();
const OnnxImporters& reduction_importers();

// Of operators whose axes were an attribute before they became an input, the second, with opset
// `since`: makes them an input. `required`: there must be axes.
void axes_input(NodeImport& n, std::int64_t since, bool required);
const OnnxImporters& attention_importers();
const OnnxImporters& matrix_importers();
const OnnxImporters& normalization_importers();
const OnnxImporters& recurrent_importers();
const OnnxImporters& window_importers();
const OnnxImporters& quantized_importers();

// Reads the attributes of a convolution or pool that stand for its window.
WindowAttributes read_window(NodeReader& reader);

}  // namespace sz::compiler
