// The parts that need the compiler, in a build without it (for the device).
#include "cli/model_file.h"

namespace sz::cli {
namespace {

[[noreturn]] void no_compiler(const std::string& what) {
  throw Error(what +
              " needs the model compiler, which this build does not have (it is made for the "
              "device). Use the smartzone program of the development machine, and copy the .szp "
              "file here");
}

}  // namespace

int inspect_model(const Globals&, const std::string& path) { no_compiler("inspecting " + path); }

void add_compile(CLI::App& app, Globals&, Action* action) {
  CLI::App* sub = app.add_subcommand("compile", "compile a model file (not in this build)");
  sub->fallthrough(false);
  sub->allow_extras();
  sub->footer(
      "This build has no compiler. Compile on the development machine:\n"
      "  smartzone compile model.onnx -o model.szp");
  sub->callback([action] {
    *action = [] {
      no_compiler("compile");
      return 0;
    };
  });
}

}  // namespace sz::cli
