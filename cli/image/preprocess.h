// From a picture to an input tensor, as the package records it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/image/image.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// Decodes, resizes, crops, and computes value = (pixel - mean[c]) * scale[c] in fp32, channels in
// the order of `preprocess.color`, into a tensor of `info` ([1, C, H, W] or [1, H, W, C]; f32, or i8
// or u8, for which the value is rounded and held to the type's range). `name` is what
// errors call the picture. Throws Error: not a picture; too small for the crop; a size other than
// the network's.
Tensor image_to_tensor(std::span<const std::byte> file, const Preprocess& preprocess,
                       const TensorInfo& info, const std::string& name);

// Applies mean and scale to pixels that already lie as the input does (with the channels in the
// order of `preprocess.color`). `pixels` has as many elements as `info`.
Tensor pixels_to_tensor(std::span<const std::uint8_t> pixels, const Preprocess& preprocess,
                        const TensorInfo& info);

}  // namespace sz::cli
