// `compile --quantize`: from its options to the compiler's, and what it reports.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/judge.h"
#include "compiler/compile.h"

namespace sz::cli {

struct QuantizeArguments {
  std::string to;  // "int8"; "q8_0", "q4_0", ... of language models; or empty: not at all
  std::string calibrate;
  std::size_t limit = 200;
  std::string range = "error";
  bool keep_bias = false;
  bool float_first = false, float_last = false;
  LabelledOptions set;
};

void add_quantize_options(CLI::App& sub, QuantizeArguments* arguments);

// Throws Error where options lack each other.
void check(const QuantizeArguments& arguments);

// `real`: the network compiled for f32.
compiler::QuantizeOptions quantize_options(const QuantizeArguments& arguments, const Package& real);

// Accuracy of both networks on the labelled set, if there is one.
struct Judged {
  Tally real, quantised;
};
std::optional<Judged> judge_both(const QuantizeArguments& arguments, const Package& real,
                                 const Package& quantised);

nlohmann::ordered_json quantization_json(const compiler::QuantizationReport& report,
                                         const std::optional<Judged>& judged);
std::string quantization_text(const compiler::QuantizationReport& report,
                              const std::optional<Judged>& judged);

}  // namespace sz::cli
