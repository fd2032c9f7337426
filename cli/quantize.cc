#include "cli/quantize.h"

#include <cmath>

#include "cli/calibration.h"
#include "cli/table.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

// Exactly equal values have no number of decibels.
Json decibels_json(double decibels) {
  return std::isfinite(decibels) ? Json(decibels) : Json(nullptr);
}

Json tally_json(const Tally& tally) {
  return {{"samples", tally.samples},
          {"top1", tally.share(tally.top1)},
          {"top5", tally.share(tally.top5)}};
}

std::string tally_text(const char* what, const Tally& tally) {
  return std::string(what) + "top-1 " + fixed(100 * tally.share(tally.top1), 2) + " %, top-5 " +
         fixed(100 * tally.share(tally.top5), 2) + " % of " + std::to_string(tally.samples) + '\n';
}

}  // namespace

void add_quantize_options(CLI::App& sub, QuantizeArguments* arguments) {
  const auto is_word = CLI::IsMember({"int8", "q8_0", "q4_0", "f16", "f32"});
  CLI::Option* to = sub.add_option("--quantize", arguments->to,
                                   "networks: int8, 8-bit integers instead of f32, needs --calibrate; language models: "
                                   "q8_0, q4_0, f16 or f32")
                        ->check(is_word);
  CLI::Option* calibrate =
      sub.add_option("--calibrate", arguments->calibrate,
                     "sample inputs: a folder of pictures or tensors, a .npy or an idx file");
  calibrate->needs(to);
  sub.add_option("--calibrate-limit", arguments->limit, "most samples that are used")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  sub.add_option("--range", arguments->range,
                 "how ranges are chosen: error (least mean square error), minmax, percentile")
      ->check(CLI::IsMember({"error", "minmax", "percentile"}))
      ->capture_default_str();
  sub.add_flag("--keep-bias", arguments->keep_bias,
               "do not correct the biases for the mean error of the rounded weights");
  sub.add_flag("--float-first", arguments->float_first, "leave the first layer on f32");
  sub.add_flag("--float-last", arguments->float_last, "leave the last layer on f32");
  add_labelled_options(sub, "eval-", &arguments->set);
}

void check(const QuantizeArguments& arguments) {
  if (arguments.to == "int8" && arguments.calibrate.empty()) {
    throw Error("--quantize int8 needs sample inputs: --calibrate FOLDER or FILE");
  }
  if (arguments.to != "int8" && !arguments.calibrate.empty()) {
    throw Error("--calibrate is for --quantize int8");
  }
  if (arguments.to != "int8" && arguments.set.given()) {
    throw Error("--eval-... judges a quantised network; it needs --quantize int8");
  }
}

compiler::QuantizeOptions quantize_options(const QuantizeArguments& arguments,
                                           const Package& real) {
  compiler::QuantizeOptions options;
  options.calibration = open_calibration(arguments.calibrate, arguments.limit, real);
  options.range = arguments.range == "minmax"       ? compiler::RangeRule::kMinMax
                  : arguments.range == "percentile" ? compiler::RangeRule::kPercentile
                                                    : compiler::RangeRule::kError;
  options.correct_bias = !arguments.keep_bias;
  options.float_first = arguments.float_first;
  options.float_last = arguments.float_last;
  return options;
}

std::optional<Judged> judge_both(const QuantizeArguments& arguments, const Package& real,
                                 const Package& quantised) {
  if (!arguments.set.given()) return std::nullopt;
  return Judged{judge_on_host(real, arguments.set), judge_on_host(quantised, arguments.set)};
}

Json quantization_json(const compiler::QuantizationReport& report,
                       const std::optional<Judged>& judged) {
  Json values = Json::array();
  for (const auto& value : report.values) {
    values.push_back({{"node", value.name},
                      {"op", value.op},
                      {"decibels", decibels_json(value.decibels)},
                      {"low", value.low},
                      {"high", value.high}});
  }
  Json outputs = Json::array();
  for (const double output : report.outputs) outputs.push_back(decibels_json(output));
  Json json = {{"to", "int8"},
               {"samples", report.samples},
               {"same_best", report.same_best},
               {"outputs_decibels", std::move(outputs)},
               {"kept_f32", report.kept_float},
               {"values", std::move(values)}};
  if (judged) {
    json["accuracy"] = {{"f32", tally_json(judged->real)}, {"int8", tally_json(judged->quantised)}};
  }
  return json;
}

std::string quantization_text(const compiler::QuantizationReport& report,
                              const std::optional<Judged>& judged) {
  std::string text = compiler::to_text(report);
  if (judged) {
    text += tally_text("f32   ", judged->real) + tally_text("int8  ", judged->quantised);
  }
  return text;
}

}  // namespace sz::cli
