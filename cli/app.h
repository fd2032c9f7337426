// What the subcommands share: global options, sessions, how results and errors are told.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// Exit status of the program.
enum ExitCode : int {
  kExitOk = 0,
  kExitInput = 1,   // wrong usage, a file or tensor that does not fit
  kExitDevice = 2,  // the TEE: not there, refused, too little secure memory
};

// Options that every subcommand takes.
struct Globals {
  bool json = false;
  std::string backend;  // "tee", "host", or empty: tee if it is there, else host
};

// What a subcommand hands to main: called once the command line has been parsed.
using Action = std::function<int()>;

// Each adds its subcommand to `app` and sets `*action` when the user chose it.
void add_compile(CLI::App& app, Globals& globals, Action* action);
void add_inspect(CLI::App& app, Globals& globals, Action* action);
void add_analyze(CLI::App& app, Globals& globals, Action* action);
void add_run(CLI::App& app, Globals& globals, Action* action);
void add_accuracy(CLI::App& app, Globals& globals, Action* action);
void add_bench(CLI::App& app, Globals& globals, Action* action);
void add_generate(CLI::App& app, Globals& globals, Action* action);
void add_chat(CLI::App& app, Globals& globals, Action* action);
void add_perplexity(CLI::App& app, Globals& globals, Action* action);
void add_device_info(CLI::App& app, Globals& globals, Action* action);

// The back end that the user asked for, or the best that is there; says on standard error if it is
// not the secure one and nobody asked for it.
Backend choose_backend(const Globals& globals);

// Who lends cores: threads of this program, or of tee-supplicant, whose plugin the trusted
// application asks (client/plugin/).
inline constexpr const char* kClientLends = "client";
inline constexpr const char* kPluginLends = "plugin";
void add_lenders_option(CLI::App& sub, std::string* lenders);

// How the sessions of a subcommand compute.
struct CoreOptions {
  std::string cores = "auto";
  std::string lenders = kClientLends;
  std::size_t sessions = 1;
  // What --cores means; with several sessions auto is one core each.
  Session::Options session_options() const;
};

// Adds --cores, and --sessions where a subcommand has several inputs.
void add_core_options(CLI::App& sub, CoreOptions* options, bool several_sessions);

// Opens a session. Says on standard error if that takes long: without tee-supplicant the kernel
// waits for ever.
Session open_session(Backend backend, const Session::Options& options = {});

// Opens a session and loads the package, with progress on standard error where that is a terminal.
Session open_and_load(Backend backend, const Package& package,
                      const Session::Options& options = {});

// So many sessions, each with an instance and a copy of the model of its own.
std::vector<Session> open_sessions(Backend backend, const Package& package,
                                   const CoreOptions& options);

// Says on standard error if more than one core was asked for and only one is used, and why.
void advise(const CoreReport& report);

// "2 cores (51 %, 49 % of the shared work)", "1 core".
std::string cores_line(const CoreReport& report);

// Whether a person reads standard error.
bool on_terminal();

// Prints JSON to standard output.
void print_json(const nlohmann::ordered_json& json);

// The session's secure memory and its back end, as every JSON answer has them.
nlohmann::ordered_json memory_json(const SecureMemory& memory);
nlohmann::ordered_json cores_json(const CoreReport& report);
nlohmann::ordered_json tensor_info_json(const TensorInfo& info);

// Milliseconds that `work` takes.
double milliseconds(const std::function<void()>& work);

// Smallest, middle and largest of a list that is not empty.
struct Spread {
  double min = 0, median = 0, max = 0;
};
Spread spread_of(std::vector<double> values);
nlohmann::ordered_json spread_json(const Spread& spread);

}  // namespace sz::cli
