// SmartZone's engine and ONNX Runtime on one model and one input, in one process and in turn.
// Linked with the client library, whose in-process back end is the trusted application's sources.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bench/original/measure.h"
#include "bench/peers/onnx_runtime.h"
#include "bench/peers/race.h"

namespace sz::peers {
namespace {

using Json = nlohmann::ordered_json;
using Outputs = std::vector<std::vector<float>>;

constexpr const char* kBoth = "both";
constexpr const char* kSmartZone = "smartzone";
constexpr const char* kOnnxRuntime = "onnxruntime";

struct Options {
  std::string model, package, library;
  std::vector<std::string> inputs;
  std::string engine = kBoth;
  int threads = 1;
  double tolerance = 1e-3;
  std::uint64_t seed = 1;
  RaceOptions race;
  bool json = false;
};

Tensor read_input(const std::string& path, const TensorInfo& info) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file && bytes.empty()) throw Error("cannot read " + path);
  if (bytes.size() != info.bytes()) {
    throw Error(path + " has " + std::to_string(bytes.size()) + " bytes, input '" + info.name +
                "' has " + std::to_string(info.bytes()));
  }
  Tensor tensor{info, std::vector<std::byte>(bytes.size())};
  std::memcpy(tensor.data.data(), bytes.data(), bytes.size());
  return tensor;
}

std::vector<Tensor> inputs_for(const std::vector<TensorInfo>& infos, const Options& options) {
  if (options.inputs.empty()) return original::random_inputs(infos, options.seed);
  if (options.inputs.size() != infos.size()) {
    throw Error("the model has " + std::to_string(infos.size()) + " inputs, but " +
                std::to_string(options.inputs.size()) + " --input were given");
  }
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    tensors.push_back(read_input(options.inputs[i], infos[i]));
  }
  return tensors;
}

// Largest difference over largest value, the worst of all outputs.
double difference(const Outputs& outputs, const Outputs& reference) {
  if (outputs.size() != reference.size()) throw Error("the engines' numbers of outputs differ");
  double worst = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    worst = std::max(worst, original::relative_difference(outputs[i], reference[i]));
  }
  return worst;
}

class OurEngine {
 public:
  OurEngine(const Options& options, const std::vector<Tensor>& inputs)
      : inputs_(inputs),
        session_(Session::open(Backend::kHost,
                               Session::Options{.cores = static_cast<unsigned>(options.threads)})) {
    session_.load(Package::open(options.package));
  }
  void run() { outputs_ = session_.run(inputs_); }
  Outputs outputs() const {
    Outputs all;
    for (const Tensor& output : outputs_) {
      all.emplace_back(output.f32().begin(), output.f32().end());
    }
    return all;
  }
  unsigned cores_used() { return session_.cores().used; }

 private:
  const std::vector<Tensor>& inputs_;
  Session session_;
  std::vector<Tensor> outputs_;
};

// The peer at its most optimised level whose outputs are right. Its level "basic" on one thread,
// which rewrites the graph but has no fused kernels, says what is right. The peer's quantised
// kernels are known to saturate on some processors, and a wrong answer is not a fast one.
class Peer {
 public:
  Peer(const OnnxRuntime& library, const Options& options, const std::vector<Tensor>& inputs) {
    for (const Tensor& input : inputs) inputs_.push_back(input.f32());
    reference_ = outputs_of(PeerModel(library, options.model, GraphLevel::kBasic, 1));
    for (const GraphLevel one : {GraphLevel::kAll, GraphLevel::kExtended, GraphLevel::kBasic}) {
      level = one;
      model_.emplace(library, options.model, level, options.threads);
      const double apart = difference(outputs_of(*model_), reference_);
      if (apart <= options.tolerance) return;
      wrong_levels[level_name(level)] = apart;
    }
    throw Error("the peer's own results differ from run to run");
  }
  void run() { model_->run(); }
  const Outputs& reference() const { return reference_; }

  GraphLevel level = GraphLevel::kAll;
  Json wrong_levels = Json::object();  // those left out, with their errors

 private:
  template <typename Model>
  Outputs outputs_of(Model&& model) {
    model.set_inputs(inputs_);
    model.run();
    return model.outputs();
  }

  std::vector<std::span<const float>> inputs_;
  Outputs reference_;
  std::optional<PeerModel> model_;
};

Json summary_json(const Summary& summary) {
  return {{"smartzone_ms", summary.ours_ms},
          {"onnxruntime_ms", summary.theirs_ms},
          {"smartzone_least_ms", summary.ours_least_ms},
          {"onnxruntime_least_ms", summary.theirs_least_ms},
          {"ratio", summary.ratio},
          {"ratio_of_least", summary.ratio_of_least},
          {"processor_ratio", summary.processor_ratio},
          {"ratio_quartiles", {summary.ratio_low, summary.ratio_high}},
          {"smartzone_busy_cores", summary.ours_busy_cores},
          {"onnxruntime_busy_cores", summary.theirs_busy_cores}};
}

// Both engines. Exit status 1 if SmartZone's answer is wrong.
int run_both(const Options& options) {
  const OnnxRuntime library(options.library);
  const std::vector<Tensor> inputs = inputs_for(Package::open(options.package).inputs(), options);
  Peer peer(library, options, inputs);
  OurEngine ours(options, inputs);
  ours.run();
  const double apart = difference(ours.outputs(), peer.reference());
  Json json{{"model", options.model},
            {"peer", "ONNX Runtime " + library.version()},
            {"threads", options.threads},
            {"rounds", options.race.rounds},
            {"difference", apart},
            {"tolerance", options.tolerance},
            {"agree", apart <= options.tolerance},
            {"peer_level", level_name(peer.level)},
            {"peer_wrong_levels", peer.wrong_levels}};
  if (apart <= options.tolerance) {
    json.update(
        summary_json(summary_of(race([&] { ours.run(); }, [&] { peer.run(); }, options.race))));
    json["smartzone_cores"] = ours.cores_used();
  }
  if (options.json) {
    std::cout << json.dump(2) << '\n';
  } else {
    for (const auto& [key, value] : json.items()) std::cout << key << ": " << value << '\n';
  }
  if (apart <= options.tolerance) return 0;
  std::cerr << "peer_race: the results differ by " << apart << ", more than " << options.tolerance
            << '\n';
  return 1;
}

// One engine alone, exactly `rounds` runs of it: for counting instructions.
int run_one(const Options& options) {
  if (options.engine == kSmartZone) {
    const std::vector<Tensor> inputs = inputs_for(Package::open(options.package).inputs(), options);
    OurEngine ours(options, inputs);
    for (std::size_t i = 0; i < options.race.rounds; ++i) ours.run();
    return 0;
  }
  const OnnxRuntime library(options.library);
  PeerModel model(library, options.model, GraphLevel::kAll, options.threads);
  const std::vector<Tensor> inputs = inputs_for(model.inputs(), options);
  std::vector<std::span<const float>> values;
  for (const Tensor& input : inputs) values.push_back(input.f32());
  model.set_inputs(values);
  for (std::size_t i = 0; i < options.race.rounds; ++i) model.run();
  return 0;
}

void require(const std::string& value, const char* option, const Options& options) {
  if (value.empty())
    throw Error(std::string(option) + " is needed with --engine " + options.engine);
}

int run(const Options& options) {
  if (options.engine != kOnnxRuntime) require(options.package, "--package", options);
  if (options.engine != kSmartZone) {
    require(options.model, "--model", options);
    require(options.library, "--library", options);
  }
  return options.engine == kBoth ? run_both(options) : run_one(options);
}

}  // namespace
}  // namespace sz::peers

int main(int argc, char** argv) {
  sz::peers::Options options;
  CLI::App app{"SmartZone and ONNX Runtime in turn on one model; bench/peers/compare.py drives it"};
  app.add_option("--model", options.model, "ONNX file");
  app.add_option("--package", options.package, "the same model, compiled (.szp)");
  app.add_option("--library", options.library, "libonnxruntime.so");
  app.add_option("--input", options.inputs,
                 "raw f32 values, one file for each input (default: random)");
  app.add_option("--engine", options.engine, "who runs")
      ->check(CLI::IsMember({sz::peers::kBoth, sz::peers::kSmartZone, sz::peers::kOnnxRuntime}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "of each engine")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  app.add_option("--runs", options.race.rounds,
                 "pairs of turns; with one engine alone, exactly so many runs")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--turn-ms", options.race.turn_ms, "about how long a turn is")
      ->check(CLI::Range(0.0, 1e5))
      ->capture_default_str();
  app.add_option("--tolerance", options.tolerance,
                 "results agree: largest difference over largest value")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of random inputs")->capture_default_str();
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return sz::peers::run(options);
  } catch (const std::exception& error) {
    std::cerr << "peer_race: " << error.what() << '\n';
    return 2;
  }
}
