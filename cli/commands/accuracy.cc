// smartzone accuracy: classifies a labelled set in one session and counts the right answers.
#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/app.h"
#include "cli/deal_out.h"
#include "cli/files.h"
#include "cli/labelled.h"
#include "cli/scores.h"
#include "cli/table.h"

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
  std::string images, labels;
  std::string npy, npy_labels;
  std::string idx, idx_labels;
  std::size_t limit = 0;
  std::int64_t offset = 0;
  CoreOptions cores;
};

std::unique_ptr<LabelledSet> open_set(const AccuracyOptions& options, const Package& package) {
  if (!options.images.empty()) return open_folder_set(options.images, options.labels, package);
  if (!options.npy.empty()) return open_npy_set(options.npy, options.npy_labels, package);
  if (!options.idx.empty()) return open_idx_set(options.idx, options.idx_labels, package);
  throw Error(
      "name a labelled set: --images and --labels, --npy and --npy-labels, or --idx and "
      "--idx-labels");
}

std::size_t scores_output(const Package& package) {
  for (std::size_t i = 0; i < package.outputs().size(); ++i) {
    if (is_scores(package.outputs()[i])) return i;
  }
  throw Error("'" + package.name() + "' has no output that is a vector of scores");
}

struct Tally {
  std::size_t samples = 0, top1 = 0, top5 = 0;
  std::vector<double> times;
};

void judge(const Tensor& scores, std::size_t label, const std::string& name, Tally* tally) {
  if (label >= scores.info.elements()) {
    throw Error(name + ": its class " + std::to_string(label) + " is beyond the network's " +
                std::to_string(scores.info.elements()));
  }
  const std::size_t rank = rank_of(scores, label);
  tally->samples += 1;
  tally->top1 += rank < 1 ? 1 : 0;
  tally->top5 += rank < 5 ? 1 : 0;
}

// One sample's scores and the time that they took.
struct Answer {
  Tensor scores;
  double time = 0;
};

Tally count(std::vector<Session>& sessions, const LabelledSet& set, const AccuracyOptions& options,
            std::size_t output) {
  const std::size_t size = options.limit == 0 ? set.size() : std::min(options.limit, set.size());
  const bool terminal = isatty(STDERR_FILENO) == 1;
  Tally tally;
  const auto work = [&](Session& session, std::size_t i) {
    const std::vector<Tensor> inputs{set.input(i)};
    std::vector<Tensor> outputs;
    const double time = milliseconds([&] { outputs = session.run(inputs); });
    return Answer{std::move(outputs[output]), time};
  };
  const auto take = [&](std::size_t i, const Answer& answer) {
    tally.times.push_back(answer.time);
    const auto label =
        static_cast<std::size_t>(static_cast<std::int64_t>(set.label(i)) + options.offset);
    judge(answer.scores, label, set.name(i), &tally);
    if (terminal) std::cerr << '\r' << i + 1 << " of " << size << std::flush;
  };
  deal_out<Session, Answer>(sessions, size, work, take);
  if (terminal) std::cerr << "\r\033[K";
  return tally;
}

int accuracy(const Globals& globals, const AccuracyOptions& options) {
  const Package package = Package::open(options.package);
  const std::size_t output = scores_output(package);
  const std::unique_ptr<LabelledSet> set = open_set(options, package);
  static_cast<void>(options.cores.session_options());  // a wrong --cores is told first
  std::vector<Session> sessions = open_sessions(choose_backend(globals), package, options.cores);
  Tally tally;
  const double all_ms = milliseconds([&] { tally = count(sessions, *set, options, output); });
  if (tally.samples == 0) throw Error("the labelled set is empty");
  const DeviceInfo device = sessions.front().device_info();
  const CoreReport cores = sessions.front().cores();
  const auto share = [&](std::size_t right) {
    return static_cast<double>(right) / static_cast<double>(tally.samples);
  };
  if (globals.json) {
    print_json({{"package", options.package},
                {"model", package.name()},
                {"backend", backend_name(device.backend)},
                {"secure", device.secure},
                {"tee", device.tee},
                {"samples", tally.samples},
                {"top1_count", tally.top1},
                {"top5_count", tally.top5},
                {"top1", share(tally.top1)},
                {"top5", share(tally.top5)},
                {"sessions", sessions.size()},
                {"cores", cores_json(cores)},
                {"all_ms", all_ms},
                {"time", spread_json(spread_of(tally.times))}});
    return kExitOk;
  }
  std::cout << tally.samples << " samples "
            << (device.secure ? "in the secure world (" + device.tee + ")"
                              : "in this process (NOT SECURE)")
            << (sessions.size() == 1 ? " on "
                                     : " in " + std::to_string(sessions.size()) + " sessions on ")
            << cores_line(cores) << "\ntop-1  " << tally.top1 << "  ("
            << fixed(100 * share(tally.top1), 2) << " %)\ntop-5  " << tally.top5 << "  ("
            << fixed(100 * share(tally.top5), 2) << " %)\nmedian "
            << fixed(spread_of(tally.times).median, 2) << " ms, "
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
  CLI::Option* images = sub->add_option("--images", options->images, "folder of pictures");
  CLI::Option* labels = sub->add_option("--labels", options->labels, "their table");
  CLI::Option* npy = sub->add_option("--npy", options->npy, ".npy file of samples");
  CLI::Option* npy_labels = sub->add_option("--npy-labels", options->npy_labels, "their classes");
  CLI::Option* idx = sub->add_option("--idx", options->idx, "idx file of images");
  CLI::Option* idx_labels = sub->add_option("--idx-labels", options->idx_labels, "their classes");
  images->needs(labels)->excludes(npy)->excludes(idx);
  labels->needs(images);
  npy->needs(npy_labels)->excludes(idx);
  npy_labels->needs(npy);
  idx->needs(idx_labels);
  idx_labels->needs(idx);
  add_core_options(*sub, &options->cores, true);
  sub->add_option("--limit", options->limit, "only the first N samples (0: all)");
  sub->add_option("--label-offset", options->offset,
                  "added to every class, e.g. 1 for networks whose class 0 is 'background'");
  sub->callback([&globals, options, action] {
    *action = [&globals, options] { return accuracy(globals, *options); };
  });
}

}  // namespace sz::cli
