// What each section of a layer may say.
#pragma once

#include "compiler/import/darknet/cfg_reader.h"
#include "compiler/import/darknet/layers.h"

namespace sz::compiler::darknet {

// Reads the options of a section into `layer`, whose name is set. `network` has the layers before
// it. Throws CompileError for kinds and options that are not supported.
void read_layer(Section& section, const Network& network, Layer& layer);

// The image, if it is not empty and fits kMaxTensorBytes. Throws CompileError.
Image checked_image(const Section& section, const Image& image);

}  // namespace sz::compiler::darknet
