// smartzone analyze: what secure memory a package will take, before anything runs.
#include <iostream>

#include "analyze/report.h"
#include "cli/app.h"
#include "cli/files.h"
#include "protocol/commands.h"

namespace sz::cli {
namespace {

constexpr const char* kFooter =
    "The model's own regions are exactly what the trusted application will map. With --ta the\n"
    "image of the trusted application is counted as well; with --trusted-os what OP-TEE itself\n"
    "takes for a session is that build's.\n"
    "\n"
    "Examples:\n"
    "  smartzone analyze digits.szp\n"
    "  smartzone analyze squeezenet.szp --ta cfab678a-de83-4ce9-b3a6-fcefe711ccc9.ta\n"
    "  smartzone analyze squeezenet.szp --cores 4 --json";

struct AnalyzeArguments {
  std::string package;
  std::string ta;
  std::string trusted_os;
  std::uint32_t cores = 1;
};

// The largest set of live tensors, which the compiler wrote into the package; 0 if it did not.
std::uint64_t live_bound(const Package& package) {
  const auto info = nlohmann::json::parse(package.info_json());
  const auto found = info.find("memory");
  if (found == info.end() || !found->is_object() || !found->contains("lower_bound")) return 0;
  const auto& bound = (*found)["lower_bound"];
  if (!bound.is_object() || !bound.contains("live") || !bound["live"].is_number_unsigned())
    return 0;
  return bound["live"].get<std::uint64_t>();
}

std::string known_systems() {
  std::string names;
  for (const analyze::TrustedOs& one : analyze::trusted_oses()) {
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  return names;
}

analyze::AnalyzeOptions options_of(const AnalyzeArguments& arguments, const Package& package) {
  analyze::AnalyzeOptions options;
  options.cores = arguments.cores;
  options.largest_live_set = live_bound(package);
  if (!arguments.trusted_os.empty()) {
    options.trusted_os = analyze::find_trusted_os(arguments.trusted_os);
    if (options.trusted_os == nullptr) {
      throw Error("--trusted-os " + arguments.trusted_os + ": not known; there are " +
                  known_systems());
    }
  }
  if (!arguments.ta.empty()) {
    try {
      options.image = analyze::read_ta_image(read_file(arguments.ta));
    } catch (const analyze::TaImageError& error) {
      throw Error(arguments.ta + ": " + error.what());
    }
  }
  return options;
}

int run_analyze(const Globals& globals, const AnalyzeArguments& arguments) {
  const Package package = Package::open(arguments.package);
  const analyze::AnalyzeOptions options = options_of(arguments, package);
  try {
    const analyze::SecureMemoryReport report = analyze::analyze(package.plan(), options);
    if (globals.json) {
      nlohmann::ordered_json json{{"package", arguments.package}, {"name", package.name()}};
      json.update(report.as_json());
      print_json(json);
    } else {
      std::cout << package.name() << '\n' << report.as_table();
    }
  } catch (const analyze::AnalyzeError& error) {
    throw Error(arguments.package + ": " + error.what());
  }
  return kExitOk;
}

}  // namespace

void add_analyze(CLI::App& app, Globals& globals, Action* action) {
  auto arguments = std::make_shared<AnalyzeArguments>();
  CLI::App* sub = app.add_subcommand("analyze", "show the secure memory that a package will take");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", arguments->package, "compiled network (.szp)")->required();
  sub->add_option("--ta", arguments->ta, "the trusted application's file (.ta)");
  sub->add_option("--trusted-os", arguments->trusted_os, "which OP-TEE: " + known_systems());
  sub->add_option("--cores", arguments->cores, "cores to reserve scratch and stacks for")
      ->check(CLI::Range(1, SMARTZONE_MAX_CORES))
      ->capture_default_str();
  sub->callback([&globals, arguments, action] {
    *action = [&globals, arguments] { return run_analyze(globals, *arguments); };
  });
}

}  // namespace sz::cli
