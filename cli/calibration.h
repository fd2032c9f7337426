// Sample inputs from files, for quantisation.
#pragma once

#include <string>

#include "compiler/quantize/options.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// The samples at `path`, at most `limit` of them, spread over all:
//   a folder of pictures and tensors (load_input), or .pb files (serialised onnx.TensorProto);
//   a folder of folders: each a sample, whose files in the order of their names are the inputs;
//   a .npy file of several samples; an idx file of images.
// `package`: the network on f32, for the inputs' types and the preprocessing. What cannot be read
// throws Error, the whole set at once or a sample when it is asked for.
compiler::CalibrationInputs open_calibration(const std::string& path, std::size_t limit,
                                             const Package& package);

}  // namespace sz::cli
