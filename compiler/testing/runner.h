// Runs packages on the host, for tests: the engine itself, with one worker.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sz::compiler::testing {

// Gives the package's network the inputs, each dense in ONNX's order, and returns the outputs.
// Throws std::runtime_error naming the status where something fails.
std::vector<std::vector<float>> run_package(std::span<const std::byte> package,
                                            const std::vector<std::vector<float>>& inputs);

// The same for tensors of any type.
std::vector<std::vector<std::byte>> run_package_bytes(
    std::span<const std::byte> package, const std::vector<std::vector<std::byte>>& inputs);

// The values of a serialised onnx.TensorProto of floats, as in ONNX's test data.
std::vector<float> read_tensor(const std::string& path);

// The values of a .npy file of little-endian f32 in C order, and its shape. Throws
// std::runtime_error.
struct NpyTensor {
  std::vector<std::size_t> shape;
  std::vector<float> values;
};
NpyTensor read_npy(const std::string& path);

// The same of any type: `type` is NumPy's word for it, "<f4", "|i1", "|u1", ...
struct NpyBytes {
  std::string type;
  std::vector<std::size_t> shape;
  std::vector<std::byte> bytes;
};
NpyBytes read_npy_bytes(const std::string& path);

// Largest |a - b| divided by the largest |b| (by 1 if b is all zeroes); infinity if the sizes
// differ or a value is not finite.
double relative_distance(const std::vector<float>& a, const std::vector<float>& b);

// The folder with the models and vectors, from the environment or the build; empty if there is
// none.
std::string data_folder();

}  // namespace sz::compiler::testing
