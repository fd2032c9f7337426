#include "compiler/testing/darknet_files.h"

#include <cmath>
#include <cstring>

#include "compiler/compile.h"
#include "compiler/import/darknet/layers.h"
#include "compiler/testing/onnx_builder.h"
#include "compiler/testing/runner.h"

namespace sz::compiler::testing {

std::vector<std::byte> weights_file(const std::vector<float>& numbers, std::int32_t major,
                                    std::int32_t minor, std::size_t seen_bytes) {
  const std::int32_t version[3] = {major, minor, 0};
  std::vector<std::byte> file(sizeof(version) + seen_bytes + numbers.size() * sizeof(float));
  std::memcpy(file.data(), version, sizeof(version));
  if (!numbers.empty()) {
    std::memcpy(file.data() + sizeof(version) + seen_bytes, numbers.data(),
                numbers.size() * sizeof(float));
  }
  return file;
}

std::string cfg_of(int channels, int height, int width, const std::string& layers) {
  return "[net]\nchannels=" + std::to_string(channels) + "\nheight=" + std::to_string(height) +
         "\nwidth=" + std::to_string(width) + "\n" + layers;
}

std::vector<std::vector<float>> run_darknet(std::string_view cfg,
                                            const std::vector<std::byte>& weights,
                                            const std::vector<float>& input) {
  return run_package(compile_darknet(cfg, weights, "test.cfg", {}).package, {input});
}

std::vector<float> random_weights(std::string_view cfg, std::uint32_t seed) {
  std::vector<float> numbers;
  const auto append = [&](std::uint64_t count, bool positive) {
    for (float value : random_floats(static_cast<std::size_t>(count), seed++)) {
      numbers.push_back(positive ? std::abs(value) + 0.5f : value);
    }
  };
  for (const darknet::Layer& layer : darknet::read_network(cfg, "test.cfg").layers) {
    const bool after = layer.kind == darknet::LayerKind::kConnected;
    append(layer.biases, false);
    if (after) append(layer.weights, false);
    if (layer.batch_normalize) {
      append(2 * layer.biases, false);
      append(layer.biases, true);
    }
    if (!after) append(layer.weights, false);
  }
  return numbers;
}

}  // namespace sz::compiler::testing
