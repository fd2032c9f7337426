#include "compiler/testing/runner.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "compiler/host/plan_runner.h"
#include "onnx/onnx_pb.h"
#include "package/package_file.h"

namespace sz::compiler::testing {
std::vector<std::vector<std::byte>> run_package_bytes(
    std::span<const std::byte> package, const std::vector<std::vector<std::byte>>& inputs) {
  const package::PackageFile file = package::read_package(package, "package");
  return PlanRunner(file.plan, file.weights, "package").run(inputs);
}

std::vector<std::vector<float>> run_package(std::span<const std::byte> package,
                                            const std::vector<std::vector<float>>& inputs) {
  std::vector<std::vector<std::byte>> bytes;
  for (const auto& input : inputs) {
    const auto view = std::as_bytes(std::span(input));
    bytes.emplace_back(view.begin(), view.end());
  }
  std::vector<std::vector<float>> outputs;
  for (const auto& output : run_package_bytes(package, bytes)) {
    std::vector<float>& values = outputs.emplace_back(output.size() / sizeof(float));
    std::memcpy(values.data(), output.data(), output.size());
  }
  return outputs;
}

std::vector<float> read_tensor(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  onnx::TensorProto tensor;
  if (!file || !tensor.ParseFromIstream(&file)) throw std::runtime_error("cannot read " + path);
  if (tensor.data_type() != onnx::TensorProto::FLOAT)
    throw std::runtime_error(path + ": no floats");
  if (!tensor.has_raw_data()) return {tensor.float_data().begin(), tensor.float_data().end()};
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
  return values;
}

NpyBytes read_npy_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t kFixed = 10;  // magic, version, length of the text
  if (all.size() < kFixed || all.compare(0, 8, std::string("\x93NUMPY\x01\0", 8)) != 0) {
    throw std::runtime_error(path + ": no .npy file of version 1.0");
  }
  const std::size_t text =
      static_cast<unsigned char>(all[8]) + 256u * static_cast<unsigned char>(all[9]);
  const std::string header = all.substr(kFixed, text);
  const std::size_t open = header.find("'shape': (");
  const std::size_t type = header.find("'descr': '");
  if (type == std::string::npos || open == std::string::npos ||
      header.find("'fortran_order': False") == std::string::npos) {
    throw std::runtime_error(path + ": not in C order");
  }
  NpyBytes tensor;
  tensor.type = header.substr(type + 10, header.find('\'', type + 10) - type - 10);
  std::size_t bytes = std::stoul(tensor.type.substr(2));
  std::istringstream dims(header.substr(open + 10, header.find(')', open) - open - 10));
  for (std::string dim; std::getline(dims, dim, ',');) {
    if (dim.find_first_not_of(' ') == std::string::npos) continue;
    tensor.shape.push_back(std::stoul(dim));
    bytes *= tensor.shape.back();
  }
  if (all.size() != kFixed + text + bytes) throw std::runtime_error(path + ": size");
  tensor.bytes.resize(bytes);
  std::memcpy(tensor.bytes.data(), all.data() + kFixed + text, bytes);
  return tensor;
}

NpyTensor read_npy(const std::string& path) {
  NpyBytes raw = read_npy_bytes(path);
  if (raw.type != "<f4") throw std::runtime_error(path + ": not f32");
  NpyTensor tensor{std::move(raw.shape), std::vector<float>(raw.bytes.size() / sizeof(float))};
  std::memcpy(tensor.values.data(), raw.bytes.data(), raw.bytes.size());
  return tensor;
}

double relative_distance(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double distance = 0;
  double size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i]))
      return std::numeric_limits<double>::infinity();
    distance = std::max(distance, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    size = std::max(size, std::abs(static_cast<double>(b[i])));
  }
  return distance / (size > 0 ? size : 1);
}

std::string data_folder() {
  if (const char* folder = std::getenv("SMARTZONE_DATA")) return folder;
#ifdef SMARTZONE_DATA
  return SMARTZONE_DATA;
#else
  return "";
#endif
}

}  // namespace sz::compiler::testing
