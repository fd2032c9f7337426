#include "compiler/emit/info.h"

#include <nlohmann/json.hpp>

#include "compiler/emit/preprocess.h"

namespace sz::compiler {
namespace {

using nlohmann::json;

json describe(const std::string& name, const Value& value) {
  return {{"name", name}, {"dtype", to_string(value.dtype)}, {"shape", *value.shape}};
}

// The last dimension of the first output counts the classes.
void check_labels(const Graph& graph, const std::vector<std::string>& labels) {
  if (labels.empty()) return;
  const Shape& output = graph.shape(graph.outputs.at(0));
  if (element_count(output) != static_cast<std::int64_t>(labels.size())) {
    fail(graph, "there are " + std::to_string(labels.size()) + " labels, but output '" +
                    graph.declared_outputs.at(0).name + "' has " +
                    std::to_string(element_count(output)) + " elements");
  }
}

}  // namespace

std::string hex(const package::Sha256Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string make_info(const Graph& graph, const Report& report, const InfoInputs& inputs) {
  check_labels(graph, inputs.labels);
  json info;
  info["format"] = 1;
  info["name"] = inputs.model_name;
  info["producer"] = std::string("smartzone ") + SMARTZONE_VERSION;
  info["source"] = {{"format", graph.format}, {"sha256", hex(inputs.source_sha256)}};
  if (graph.opset != 0) info["source"]["opset"] = graph.opset;
  info["inputs"] = json::array();
  for (const ValueId id : graph.inputs) {
    info["inputs"].push_back(describe(graph.value(id).name, graph.value(id)));
  }
  info["outputs"] = json::array();
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    info["outputs"].push_back(
        describe(graph.declared_outputs[i].name, graph.value(graph.outputs[i])));
  }
  info["preprocess"] = nullptr;
  if (inputs.preprocess_json) {
    if (graph.inputs.size() != 1) fail(graph, "preprocessing needs a network with one input");
    info["preprocess"] = check_preprocess(*inputs.preprocess_json, graph.shape(graph.inputs[0]));
  }
  info["labels"] = inputs.labels;
  info["memory"] = {
      {"control", report.control},
      {"weights", report.weights},
      {"arena", report.arena},
      {"scratch", report.scratch},
      {"lower_bound", {{"weights", report.weights_bound}, {"live", report.live_bound}}}};
  info["steps"] = report.steps;
  // Names come from outside and need not be UTF-8: what is not is replaced.
  return info.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sz::compiler
