// Makes Darknet networks in memory, for tests. Nothing is checked: hostile files are the purpose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sz::compiler::testing {

// A weights file: header as of this version (`seen_bytes` of it behind), then the numbers.
std::vector<std::byte> weights_file(const std::vector<float>& numbers, std::int32_t major = 0,
                                    std::int32_t minor = 2, std::size_t seen_bytes = 8);

// "[net]" with an input of this size, and the rest behind.
std::string cfg_of(int channels, int height, int width, const std::string& layers);

// Compiles and runs the network; the outputs. Throws CompileError.
std::vector<std::vector<float>> run_darknet(std::string_view cfg,
                                            const std::vector<std::byte>& weights,
                                            const std::vector<float>& input);

// As many numbers as the network needs, from -1 to 1, but for variances, which are positive.
std::vector<float> random_weights(std::string_view cfg, std::uint32_t seed);

}  // namespace sz::compiler::testing
