// smartzone inspect: what is in a model file or in a package.
#include <array>
#include <cstdio>
#include <iostream>

#include "cli/app.h"
#include "cli/chat_template.h"
#include "cli/files.h"
#include "cli/inputs.h"
#include "cli/model_file.h"
#include "cli/table.h"
#include "package/plan_report.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "Examples:\n"
    "  smartzone inspect digits.szp\n"
    "  smartzone inspect digits.onnx      (needs a build with the compiler)\n"
    "  smartzone inspect digits.szp --json";

Json tensors_json(const std::vector<TensorInfo>& tensors) {
  Json list = Json::array();
  for (const TensorInfo& info : tensors) list.push_back(tensor_info_json(info));
  return list;
}

const char* color_name(Preprocess::Color color) {
  switch (color) {
    case Preprocess::Color::kGray:
      return "GRAY";
    case Preprocess::Color::kRgb:
      return "RGB";
    case Preprocess::Color::kBgr:
      return "BGR";
  }
  return "unknown";
}

std::string numbers(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) {
    std::array<char, 32> number{};
    std::snprintf(number.data(), number.size(), "%.7g", static_cast<double>(value));
    text += (text.empty() ? "" : ", ") + std::string(number.data());
  }
  return text;
}

std::string preprocess_text(const Preprocess* p) {
  if (p == nullptr) return "none recorded: inputs are tensors";
  std::string text = color_name(p->color);
  if (p->resize_shorter_side != 0) {
    text += ", shorter side to " + std::to_string(p->resize_shorter_side);
  } else if (p->resize_height != 0) {
    text += ", resized to " + std::to_string(p->resize_width) + " x " +
            std::to_string(p->resize_height);
  }
  if (p->crop_height != 0) {
    text += ", centre of " + std::to_string(p->crop_width) + " x " + std::to_string(p->crop_height);
  }
  return text + ", (pixel - mean) * scale, mean " + numbers(p->mean) + ", scale " +
         numbers(p->scale);
}

// Of a language model what it has instead of inputs, outputs, labels and pictures.
void print_language(const LanguageInfo& model) {
  std::cout << "language     vocabulary " << grouped(model.vocabulary) << ", context "
            << grouped(model.context) << ", prompts " << model.batch << " tokens at once, caches "
            << model.cache << '\n';
  for (const auto& [format, count] : model.formats) {
    std::cout << "matrices     " << count << " of " << format << '\n';
  }
  std::cout << "chat         "
            << (model.chat_template.empty()
                    ? std::string("no template: the model writes on")
                    : std::string("template ") +
                          chat_template_name(parse_chat_template("auto", model.chat_template)) +
                          " of " + grouped(model.chat_template.size()) + " bytes")
            << '\n';
}

void print_interface(const Package& package) {
  for (const TensorInfo& info : package.inputs()) {
    std::cout << "input        " << info.name << "  " << type_and_shape(info.type, info.shape)
              << '\n';
  }
  for (const TensorInfo& info : package.outputs()) {
    std::cout << "output       " << info.name << "  " << type_and_shape(info.type, info.shape)
              << '\n';
  }
  std::cout << "labels       " << package.labels().size() << '\n'
            << "pictures     " << preprocess_text(package.preprocess()) << '\n';
}

void print_package(const Package& package) {
  std::cout << "model        " << package.name() << '\n';
  if (package.language() != nullptr) {
    print_language(*package.language());
  } else {
    print_interface(package);
  }
  std::cout << "weights      " << grouped(package.weights().size()) << " bytes\n"
            << "plan         " << grouped(package.plan().size()) << " bytes\n\n";
}

// What `body` returns; a plan that is none is the file's fault.
template <typename Body>
std::string of_plan(const std::string& path, Body body) {
  try {
    return body();
  } catch (const package::PlanReportError& error) {
    throw Error(path + ": " + error.what());
  }
}

bool is_model(const std::string& path) {
  const std::string kind = ending(path);
  return kind == ".onnx" || kind == ".cfg" || kind == ".tflite";
}

int inspect(const Globals& globals, const std::string& path) {
  if (is_model(path)) return inspect_model(globals, path);
  const Package package = Package::open(path);
  if (!globals.json) {
    const std::string plan = of_plan(path, [&] { return package::inspect_plan(package.plan()); });
    print_package(package);
    std::cout << plan;
    return kExitOk;
  }
  print_json({{"package", path},
              {"model", package.name()},
              {"inputs", tensors_json(package.inputs())},
              {"outputs", tensors_json(package.outputs())},
              {"weights_bytes", package.weights().size()},
              {"plan_bytes", package.plan().size()},
              {"info", Json::parse(package.info_json())},
              {"plan", Json::parse(of_plan(
                           path, [&] { return package::inspect_plan_json(package.plan()); }))}});
  return kExitOk;
}

}  // namespace

void add_inspect(CLI::App& app, Globals& globals, Action* action) {
  auto path = std::make_shared<std::string>();
  CLI::App* sub = app.add_subcommand("inspect", "show a model file's graph, or a package's plan");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("file", *path, "package (.szp) or model (.onnx, .tflite; .cfg with its .weights beside it)")->required();
  sub->callback(
      [&globals, path, action] { *action = [&globals, path] { return inspect(globals, *path); }; });
}

}  // namespace sz::cli
