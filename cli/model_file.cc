// The parts that need the compiler.
#include "cli/model_file.h"

#include <iostream>

#include "cli/files.h"
#include "cli/language_options.h"
#include "cli/quantize.h"
#include "cli/table.h"
#include "compiler/compile.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "PREPROCESS.json says how a picture becomes the input tensor; `run` does it:\n"
    "  {\"version\": 1, \"color\": \"RGB\",            or BGR, GRAY\n"
    "   \"resize\": {\"shorter_side\": 256},         or {\"height\": H, \"width\": W}, or null\n"
    "   \"crop\": {\"height\": 224, \"width\": 224},   the centre, or null\n"
    "   \"mean\": [123.7, 116.3, 103.5], \"scale\": [0.0171, 0.0175, 0.0174]}\n"
    "value = (pixel - mean) * scale, pixel from 0 to 255, one mean and scale a channel;\n"
    "for an input of i8 or u8 the value is rounded and held to its range.\n"
    "\n"
    "Examples:\n"
    "  smartzone compile digits.onnx -o digits.szp\n"
    "  smartzone compile digits.onnx -o digits.szp --preprocess preprocess.json --labels "
    "labels.txt\n"
    "  smartzone compile net.onnx -o net.szp --input-shape data=1,3,224,224\n"
    "  smartzone compile net.onnx -o net.szp --quantize int8 --calibrate photos --preprocess "
    "preprocess.json\n"
    "  smartzone compile net.cfg --weights net.weights -o net.szp      (Darknet)\n"
    "  smartzone compile net.tflite -o net.szp                         (TensorFlow Lite)\n"
    "  smartzone compile model.gguf -o model.szp --quantize q4_0 --context 512   (language model)\n"
    "  smartzone compile stories15M.bin --tokenizer tokenizer.bin -o stories.szp (llama2.c)";

struct CompileArguments {
  std::string model;
  std::string weights;
  std::string output;
  std::string preprocess;
  std::string labels;
  std::string name;
  std::vector<std::string> input_shapes;
  bool reference_kernels = false;
  bool no_bands = false;
  QuantizeArguments quantize;
  LanguageArguments language;
};

// "data=1,3,224,224".
std::pair<std::string, std::vector<std::int64_t>> parse_shape(const std::string& word) {
  const std::size_t sign = word.rfind('=');
  std::vector<std::int64_t> dims;
  bool good = sign != std::string::npos && sign != 0;
  for (std::size_t at = sign + 1; good && at <= word.size();) {
    const std::size_t end = std::min(word.find(',', at), word.size());
    const std::string number = word.substr(at, end - at);
    good = !number.empty() && number.size() <= 9 &&
           number.find_first_not_of("0123456789") == std::string::npos && std::stol(number) > 0;
    if (good) dims.push_back(std::stol(number));
    at = end + 1;
  }
  if (!good) {
    throw Error("--input-shape " + word + ": must be NAME=DIM,DIM,... such as data=1,3,224,224");
  }
  return {word.substr(0, sign), dims};
}

compiler::CompileOptions compile_options(const CompileArguments& arguments) {
  compiler::CompileOptions options;
  options.model_name = arguments.name;
  options.weights_path = arguments.weights;
  if (!arguments.preprocess.empty()) options.preprocess_json = read_text(arguments.preprocess);
  if (!arguments.labels.empty()) options.labels = read_lines(arguments.labels);
  options.reference_kernels = arguments.reference_kernels;
  options.bands = !arguments.no_bands;
  options.language = language_options(arguments.language, arguments.quantize.to);
  for (const std::string& word : arguments.input_shapes) {
    if (!options.input_shapes.insert(parse_shape(word)).second) {
      throw Error("--input-shape " + word + ": this input is named twice");
    }
  }
  options.progress = [](std::string_view what) { std::cerr << "compile: " << what << '\n'; };
  return options;
}

Json language_json(const compiler::LanguageReport& report) {
  return {{"context", report.context},       {"batch", report.batch},
          {"parameters", report.parameters}, {"cache", report.cache},
          {"caches_bytes", report.state},    {"conversation_bytes", report.conversation},
          {"matrices", report.conversions}};
}

Json report_json(const compiler::Report& report, const CompileArguments& arguments) {
  return {{"model", arguments.model},
          {"package", arguments.output},
          {"name", report.model},
          {"format", report.format},
          {"opset", report.opset},
          {"nodes", report.nodes},
          {"steps", report.steps},
          {"package_bytes", report.package},
          {"plan_bytes", report.plan},
          {"memory",
           {{"control", report.control},
            {"weights", report.weights},
            {"arena", report.arena},
            {"scratch", report.scratch}}},
          {"lower_bound", {{"weights", report.weights_bound}, {"live", report.live_bound}}},
          {"arena_over_lower_bound",
           report.live_bound == 0
               ? Json(nullptr)
               : Json(static_cast<double>(report.arena) / static_cast<double>(report.live_bound))},
          {"banded_chains", report.banded_chains},
          {"order", report.order},
          {"placement", report.placement},
          {"language", report.language ? language_json(*report.language) : Json(nullptr)}};
}

// What the compiler refuses is the input's fault, but for a defect of its own.
template <typename Body>
auto translated(Body body) {
  try {
    return body();
  } catch (const compiler::InternalError& error) {
    throw Error(ErrorKind::kInternal, std::string("internal error: ") + error.what());
  } catch (const compiler::CompileError& error) {
    throw Error(error.what());
  }
}

int compile(const Globals& globals, const CompileArguments& arguments) {
  check(arguments.quantize);
  compiler::CompileOptions options = compile_options(arguments);
  const auto run = [&] {
    return translated([&] { return compiler::compile_file(arguments.model, options); });
  };
  compiler::CompileResult result = run();
  std::optional<Judged> judged;
  if (arguments.quantize.to == "int8") {
    // The samples are read as the inputs of the network on f32.
    const Package real = Package::from_bytes(std::move(result.package), arguments.model);
    options.quantize = quantize_options(arguments.quantize, real);
    result = run();
    judged = judge_both(arguments.quantize, real,
                        Package::from_bytes(result.package, arguments.output));
  }
  write_file(arguments.output, result.package);
  if (globals.json) {
    Json json = report_json(result.report, arguments);
    if (result.quantization) json["quantization"] = quantization_json(*result.quantization, judged);
    print_json(json);
    return kExitOk;
  }
  std::cout << compiler::to_text(result.report);
  if (result.quantization) std::cout << quantization_text(*result.quantization, judged);
  std::cout << "written to " << arguments.output << '\n';
  return kExitOk;
}

}  // namespace

int inspect_model(const Globals& globals, const std::string& path) {
  const std::string text = translated([&] { return compiler::inspect_graph(path, {}); });
  if (globals.json) {
    print_json({{"model", path}, {"graph", text}});
  } else {
    std::cout << text;
  }
  return kExitOk;
}

void add_compile(CLI::App& app, Globals& globals, Action* action) {
  auto arguments = std::make_shared<CompileArguments>();
  CLI::App* sub = app.add_subcommand("compile", "compile a trained model (ONNX, Darknet, TensorFlow Lite, GGUF, llama2.c) to a package");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("model", arguments->model, "trained model (.onnx, .cfg, .tflite, .gguf, .bin)")->required();
  sub->add_option("-o,--output", arguments->output, "package to write (.szp)")->required();
  sub->add_option("--weights", arguments->weights,
                  "weights of a .cfg (default: beside it, with the ending .weights)");
  sub->add_option("--preprocess", arguments->preprocess,
                  "how a picture becomes the input, see below");
  sub->add_option("--labels", arguments->labels, "names of the classes, one a line");
  sub->add_option("--name", arguments->name, "the model's name (default: the file's)");
  sub->add_option("--input-shape", arguments->input_shapes,
                  "NAME=DIM,DIM,...: the shape of an input that the file leaves open")
      ->allow_extra_args(false);
  sub->add_flag("--no-bands", arguments->no_bands,
                "do not compute chains of layers in bands of rows: more memory, fewer steps");
  sub->add_flag("--reference-kernels", arguments->reference_kernels,
                "the plain loops instead of the vector kernels: slow, for comparison");
  add_quantize_options(*sub, &arguments->quantize);
  add_language_options(*sub, &arguments->language);
  sub->callback([&globals, arguments, action] {
    *action = [&globals, arguments] { return compile(globals, *arguments); };
  });
}

}  // namespace sz::cli
