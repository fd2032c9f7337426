#include "compiler/quantize/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "compiler/quantize/probe.h"

namespace sz::compiler {
namespace {

// Energies of a value and of what it is off by.
struct Energies {
  double signal = 0, noise = 0;

  void add(const std::vector<float>& real, const std::vector<float>& other) {
    for (std::size_t i = 0; i < real.size() && i < other.size(); ++i) {
      const auto x = static_cast<double>(real[i]);
      const double d = x - static_cast<double>(other[i]);
      signal += x * x;
      noise += d * d;
    }
  }
  double decibels() const {
    if (noise == 0) return std::numeric_limits<double>::infinity();
    return 10 * std::log10(signal / noise);
  }
};

std::size_t largest(const std::vector<float>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// The outputs that can be compared: f32. Others are left out.
std::vector<std::size_t> f32_outputs(const Graph& graph) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    if (graph.value(id).dtype == DType::kF32 && graph.constant(id) == nullptr) indices.push_back(i);
  }
  return indices;
}

}  // namespace

std::vector<std::vector<std::byte>> checked_sample(const Graph& graph,
                                                   const CalibrationInputs& inputs,
                                                   std::size_t index) {
  std::vector<std::vector<std::byte>> sample = inputs.sample(index);
  if (sample.size() != graph.inputs.size()) {
    fail(graph, "sample " + inputs.name(index) + " has " + std::to_string(sample.size()) +
                    " inputs; the network takes " + std::to_string(graph.inputs.size()));
  }
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    const auto bytes =
        static_cast<std::size_t>(element_count(*value.shape)) * dtype_bytes(value.dtype);
    if (sample[i].size() != bytes) {
      fail(graph, "sample " + inputs.name(index) + " has " + std::to_string(sample[i].size()) +
                      " bytes for the input '" + value.name + "', which takes " +
                      std::to_string(bytes));
    }
  }
  return sample;
}

void compare(const Graph& real, const Graph& quantised, const Compared& compared,
             const CalibrationInputs& inputs, const std::function<void(std::string_view)>& progress,
             QuantizationReport* report) {
  std::vector<ValueId> first = compared.real;
  std::vector<ValueId> second = compared.quantised;
  const std::vector<std::size_t> outputs = f32_outputs(real);
  for (const std::size_t i : outputs) {
    first.push_back(real.outputs[i]);
    second.push_back(quantised.outputs[i]);
  }
  Probe real_probe(real, first, false);
  Probe quantised_probe(quantised, second, true);
  std::vector<Energies> energies(first.size());
  const std::size_t best = compared.real.size();  // of the first output in the lists
  for (std::size_t i = 0; i < inputs.count; ++i) {
    if (progress) {
      progress("comparing: sample " + std::to_string(i + 1) + " of " +
               std::to_string(inputs.count));
    }
    const auto sample = checked_sample(real, inputs, i);
    std::vector<std::vector<float>> values(first.size());
    real_probe.run(sample, [&](std::size_t k, const std::vector<float>& x) { values[k] = x; });
    quantised_probe.run(sample, [&](std::size_t k, const std::vector<float>& x) {
      energies[k].add(values[k], x);
      if (k == best && !x.empty()) report->same_best += largest(values[k]) == largest(x) ? 1 : 0;
    });
  }
  for (std::size_t k = 0; k < best; ++k) report->values[k].decibels = energies[k].decibels();
  for (std::size_t k = best; k < energies.size(); ++k) {
    report->outputs.push_back(energies[k].decibels());
  }
}

}  // namespace sz::compiler
