// The smartzone program: one command line for the compiler and for the client.
#include <exception>
#include <iostream>
#include <new>

#include "cli/app.h"

namespace {

constexpr const char* kAbout =
    "smartzone - whole neural networks inside Arm TrustZone\n"
    "\n"
    "Compiles a trained network or language model, and runs it in the secure world through OP-TEE,\n"
    "so that Linux sees neither weights nor data while it computes.";

constexpr const char* kFooter =
    "Examples:\n"
    "  smartzone compile digits.onnx -o digits.szp --preprocess preprocess.json\n"
    "  smartzone analyze digits.szp\n"
    "  smartzone run digits.szp photo.png\n"
    "  smartzone generate stories.szp --prompt 'Once upon a time'\n"
    "  smartzone COMMAND --help\n"
    "\n"
    "Exit status: 0 done; 1 wrong usage, or a file that does not fit; 2 the TEE is not there,\n"
    "refused, or has too little secure memory; 130 Ctrl-C ended an answer.";

int run(int argc, char** argv) {
  CLI::App app(kAbout, "smartzone");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "smartzone " SMARTZONE_VERSION);
  sz::cli::Globals globals;
  app.add_flag("--json", globals.json, "print one JSON document instead of text");
  app.add_option("--backend", globals.backend,
                 "tee: the secure world; host: this process, NOT SECURE "
                 "(default: tee where it is there, else host)")
      ->check(CLI::IsMember({"tee", "host"}));
  sz::cli::Action action;
  sz::cli::add_compile(app, globals, &action);
  sz::cli::add_inspect(app, globals, &action);
  sz::cli::add_analyze(app, globals, &action);
  sz::cli::add_run(app, globals, &action);
  sz::cli::add_accuracy(app, globals, &action);
  sz::cli::add_bench(app, globals, &action);
  sz::cli::add_generate(app, globals, &action);
  sz::cli::add_chat(app, globals, &action);
  sz::cli::add_perplexity(app, globals, &action);
  sz::cli::add_device_info(app, globals, &action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? sz::cli::kExitOk : sz::cli::kExitInput;
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const sz::Error& error) {
    std::cerr << "smartzone: " << error.what() << '\n';
    return error.kind() == sz::ErrorKind::kInput ? sz::cli::kExitInput : sz::cli::kExitDevice;
  } catch (const std::bad_alloc&) {
    std::cerr << "smartzone: not enough memory in the normal world\n";
    return sz::cli::kExitInput;
  } catch (const std::exception& error) {
    std::cerr << "smartzone: internal error: " << error.what() << '\n';
    return sz::cli::kExitDevice;
  }
}
