// Input files of `run` and `bench`: pictures, .npy tensors, raw bytes.
#pragma once

#include <string>
#include <vector>

#include "cli/npy.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// Reads one file as the network's input `info`, by the file's ending:
//   .jpg .jpeg .png .bmp   a picture, through the preprocessing that the package records
//   .npy                   a tensor of the input's shape (leading dimensions of 1 do not matter)
//                          and type; u8 for an f32 or i8 input are pixels: mean and scale are applied
//   .bin .raw .f32         the input's bytes as they are, exactly its size
// Throws Error, also where the package records no preprocessing but the file needs one.
Tensor load_input(const std::string& path, const TensorInfo& info, const Package& package);

// Element `index` of a .npy file with `count` inputs of `info`'s shape one behind the other.
Tensor npy_element(const Npy& npy, std::size_t index, const TensorInfo& info,
                   const Package& package, const std::string& name);

// How many inputs of `info`'s shape a .npy file holds; [N, ...] or a single one. Throws Error if
// its shape fits none.
std::size_t npy_elements(const Npy& npy, const TensorInfo& info, const std::string& name);

// Raw pixels (u8, as the input lies) through the package's mean and scale. Throws Error if the
// package records no preprocessing or sizes differ.
Tensor pixels_input(std::span<const std::byte> pixels, const TensorInfo& info,
                    const Package& package, const std::string& name);

// "f32 [1, 3, 227, 227]".
std::string type_and_shape(ElementType type, const std::vector<std::int64_t>& shape);

// Replaces each word "@FILE" by the lines of FILE, empty ones left out. Throws Error.
std::vector<std::string> expand_lists(const std::vector<std::string>& words);

}  // namespace sz::cli
