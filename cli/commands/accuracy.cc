// smartzone accuracy: classifies a labelled set in one session and counts the right answers.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/app.h"
#include "cli/deal_out.h"
#include "cli/files.h"
#include "cli/judge.h"
#include "cli/labelled.h"
#include "cli/table.h"
#include "cli/writing.h"

namespace sz::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFooter =
    "A set is a folder of pictures with a table (a header line, then FILE<TAB>CLASS), a pair of\n"
    ".npy files, or a pair of MNIST's idx files. 8-bit pixels go through the mean and scale that\n"
    "the package records. The first output that is a vector of scores is judged.\n"
    "\n"
    "Examples:\n"
    "  smartzone accuracy squeezenet.szp --images photos --labels photos/labels.tsv\n"
    "  smartzone accuracy digits.szp --npy test_images.npy --npy-labels test_labels.npy\n"
    "  smartzone accuracy mnist.szp --idx t10k-images-idx3-ubyte --idx-labels "
    "t10k-labels-idx1-ubyte";

struct AccuracyOptions {
  std::string package;
  LabelledOptions set;
  std::size_t limit = 0;
  CoreOptions cores;
};

// One sample's scores and the time that they took.
struct Answer {
  Tensor scores;
  double time = 0;
};

struct Counted {
  Tally tally;
  std::vector<double> times;
};

Counted count(std::vector<Session>& sessions, const LabelledSet& set,
              const AccuracyOptions& options, std::size_t output) {
  const std::size_t size = options.limit == 0 ? set.size() : std::min(options.limit, set.size());
  const bool terminal = on_terminal();
  Counted counted;
  const auto work = [&](Session& session, std::size_t i) {
    const std::vector<Tensor> inputs{set.input(i)};
    std::vector<Tensor> outputs;
    const double time = milliseconds([&] { outputs = session.run(inputs); });
    return Answer{std::move(outputs[output]), time};
  };
  const auto take = [&](std::size_t i, const Answer& answer) {
    counted.times.push_back(answer.time);
    judge(answer.scores, label_of(set, i, options.set.offset), set.name(i), &counted.tally);
    if (terminal) std::cerr << '\r' << i + 1 << " of " << size << std::flush;
  };
  deal_out<Session, Answer>(sessions, size, work, take);
  if (terminal) std::cerr << "\r\033[K";
  return counted;
}

int accuracy(const Globals& globals, const AccuracyOptions& options) {
  const Package package = open_network_package(options.package);
  const std::size_t output = scores_output(package);
  const std::unique_ptr<LabelledSet> set = open_labelled_set(options.set, package);
  static_cast<void>(options.cores.session_options());  // a wrong --cores is told first
  std::vector<Session> sessions = open_sessions(choose_backend(globals), package, options.cores);
  Counted counted;
  const double all_ms = milliseconds([&] { counted = count(sessions, *set, options, output); });
  const Tally& tally = counted.tally;
  if (tally.samples == 0) throw Error("the labelled set is empty");
  const DeviceInfo device = sessions.front().device_info();
  const CoreReport cores = sessions.front().cores();
  if (globals.json) {
    print_json({{"package", options.package},
                {"model", package.name()},
                {"backend", backend_name(device.backend)},
                {"secure", device.secure},
                {"tee", device.tee},
                {"samples", tally.samples},
                {"top1_count", tally.top1},
                {"top5_count", tally.top5},
                {"top1", tally.share(tally.top1)},
                {"top5", tally.share(tally.top5)},
                {"sessions", sessions.size()},
                {"cores", cores_json(cores)},
                {"all_ms", all_ms},
                {"time", spread_json(spread_of(counted.times))}});
    return kExitOk;
  }
  std::cout << tally.samples << " samples "
            << (device.secure ? "in the secure world (" + device.tee + ")"
                              : "in this process (NOT SECURE)")
            << (sessions.size() == 1 ? " on "
                                     : " in " + std::to_string(sessions.size()) + " sessions on ")
            << cores_line(cores) << "\ntop-1  " << tally.top1 << "  ("
            << fixed(100 * tally.share(tally.top1), 2) << " %)\ntop-5  " << tally.top5 << "  ("
            << fixed(100 * tally.share(tally.top5), 2) << " %)\nmedian "
            << fixed(spread_of(counted.times).median, 2) << " ms, "
            << fixed(1000.0 * static_cast<double>(tally.samples) / all_ms, 1)
            << " samples a second\n";
  return kExitOk;
}

}  // namespace

void add_accuracy(CLI::App& app, Globals& globals, Action* action) {
  auto options = std::make_shared<AccuracyOptions>();
  CLI::App* sub = app.add_subcommand("accuracy", "count right answers on a labelled set");
  sub->fallthrough();
  sub->footer(kFooter);
  sub->add_option("package", options->package, "compiled network (.szp)")->required();
  add_labelled_options(*sub, "", &options->set);
  add_core_options(*sub, &options->cores, true);
  sub->add_option("--limit", options->limit, "only the first N samples (0: all)");
  sub->callback([&globals, options, action] {
    *action = [&globals, options] { return accuracy(globals, *options); };
  });
}

}  // namespace sz::cli
