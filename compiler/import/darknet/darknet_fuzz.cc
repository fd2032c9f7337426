// Arbitrary bytes as a Darknet network: refused with CompileError, or compiled to a package whose
// plan passes the engine's checker (compile_darknet sees to it) and, if it is small, runs. What
// stands behind a NUL is the weights file; without one, weights are made that fit.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>

#include "compiler/compile.h"
#include "compiler/import/darknet/importer.h"
#include "compiler/import/darknet/layers.h"
#include "compiler/testing/darknet_files.h"
#include "compiler/testing/runner.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

using namespace sz::compiler;

constexpr std::uint64_t kConstantBudget = 4 << 20;
constexpr std::uint64_t kMostNumbers = 1 << 16;  // of made weights
// What is compiled and run at most: small enough for some thousand runs a second.
constexpr std::size_t kMostLayers = 64;
constexpr std::int64_t kMostRead = 1 << 14;  // numbers that the layers read
constexpr std::uint64_t kArenaToRun = 64 << 10;
constexpr std::uint64_t kWeightsToRun = 256 << 10;

// Checks everything, and compiles what is small.
bool is_small(std::string_view cfg, std::vector<std::byte>* weights, bool make) {
  const darknet::Network network = darknet::read_network(cfg, "fuzz");
  const std::uint64_t numbers = darknet::weight_numbers(network);
  if (make && numbers <= kMostNumbers) {
    *weights = testing::weights_file(testing::random_weights(cfg, 1));
  }
  std::int64_t read = 0;
  for (const darknet::Layer& layer : network.layers) {
    const std::int64_t inputs = static_cast<std::int64_t>(layer.inputs.size());
    read += layer.input.elements() * inputs * layer.size;
    if (read > kMostRead || layer.size > 16) return false;
  }
  return network.layers.size() <= kMostLayers && numbers <= kMostNumbers;
}

void compile_and_run(std::string_view cfg, const std::vector<std::byte>& weights) {
  CompileOptions options;
  options.constant_budget = kConstantBudget;
  const CompileResult result = compile_darknet(cfg, weights, "fuzz", options);
  if (result.report.arena > kArenaToRun || result.report.weights > kWeightsToRun) return;
  const darknet::Network network = darknet::read_network(cfg, "fuzz");
  const std::vector<float> input(static_cast<std::size_t>(network.input.elements()), 0.5f);
  testing::run_package(result.package, {input});  // throws if the engine refuses
}

// Pieces of networks that make sense.
constexpr const char* kPieces[] = {
    "[net]\nheight=6\nwidth=6\nchannels=4\n",
    "[convolutional]\nfilters=4\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n",
    "[convolutional]\nfilters=8\ngroups=2\nstride=2\nactivation=relu6\n",
    "[maxpool]\nsize=2\nstride=2\n",
    "[maxpool]\nsize=3\nstride=1\npadding=2\n",
    "[avgpool]\n",
    "[connected]\noutput=6\nactivation=relu\nbatch_normalize=1\n",
    "[softmax]\ngroups=2\n",
    "[dropout]\nprobability=.5\n",
    "[route]\nlayers=-1,-2\n",
    "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",
    "[shortcut]\nfrom=-2\nactivation=linear\n",
    "[upsample]\nstride=2\n",
    "[yolo]\nclasses=1\nnum=3\nmask=0,1\n",
    "[cost]\n",
};

std::string random_network(std::mt19937& random) {
  std::string cfg = kPieces[0];
  for (unsigned i = 1 + random() % 12; i > 0; --i) {
    cfg += kPieces[1 + random() % (std::size(kPieces) - 1)];
  }
  return cfg;
}

// Another number in the place of one, or another piece somewhere.
void mutate(std::string& cfg, std::mt19937& random) {
  const std::size_t at = cfg.empty() ? 0 : cfg.find_first_of("0123456789", random() % cfg.size());
  if (random() % 3 == 0 || at == std::string::npos) {
    const std::size_t section = cfg.find('[', cfg.empty() ? 0 : random() % cfg.size());
    cfg.insert(std::min(section, cfg.size()), kPieces[random() % std::size(kPieces)]);
    return;
  }
  static constexpr const char* kNumbers[] = {
      "0",   "1",  "2", "3", "4", "-1", "-2", "7", "65536", "268435456", "9223372036854775807",
      "1e9", "1,1"};
  cfg.replace(at, 1, kNumbers[random() % std::size(kNumbers)]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t split = all.find('\0');
  const std::string_view cfg = all.substr(0, split);
  std::vector<std::byte> weights;
  if (split != std::string_view::npos) {
    const auto bytes = std::as_bytes(std::span(all.substr(split + 1)));
    weights.assign(bytes.begin(), bytes.end());
  }
  try {
    if (is_small(cfg, &weights, split == std::string_view::npos)) compile_and_run(cfg, weights);
  } catch (const InternalError& error) {
    std::cerr << error.what() << '\n';
    std::abort();
  } catch (const CompileError&) {
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  if (random() % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  std::string cfg(reinterpret_cast<const char*>(data), size);
  if (random() % 64 == 0 || size < 8) cfg = random_network(random);
  for (unsigned i = 1 + random() % 3; i > 0; --i) mutate(cfg, random);
  if (cfg.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, cfg.data(), cfg.size());
  return cfg.size();
}
