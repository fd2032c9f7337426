// Small packages for the tests of client and command line, without the compiler.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/memory.h"

namespace sz::client::testing {

// One input "x" and one output "y" of this shape, y = x (a copy). f32.
std::vector<std::byte> identity_package(const std::vector<std::int64_t>& shape,
                                        const std::string& more_info = "");

// y = x + c with x, y, c of `count` floats and c[i] = i; more weights than one chunk if count is
// large.
std::vector<std::byte> add_package(std::uint32_t count);

// A 3 x 3 convolution of [1, side, side, 32] by the vectorised kernel: work that is worth sharing,
// 9216 x side x side multiply-adds.
std::vector<std::byte> convolution_package(std::uint32_t side);

// Two inputs "a" and "b" and two outputs "sum" and "difference", each [1, 3] f32 (12 bytes, so
// that the alignment between them shows).
std::vector<std::byte> two_by_two_package();

// A package whose steps pass the checker, whose arena has `arena_bytes` and more.
std::vector<std::byte> large_package(std::uint64_t arena_bytes);

// A package with this plan and these weights, sound on the outside.
std::vector<std::byte> package_of(ByteSpan plan, ByteSpan weights, const std::string& info);

// Information section for one input "x" and one output "y" of this shape; `more` is JSON text put
// behind, e.g. R"("labels": ["a"])".
std::string info_text(const std::vector<std::int64_t>& shape, const std::string& more = "");

}  // namespace sz::client::testing
