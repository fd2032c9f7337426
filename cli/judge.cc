#include "cli/judge.h"

#include "cli/scores.h"

namespace sz::cli {

void add_labelled_options(CLI::App& sub, const std::string& prefix, LabelledOptions* options) {
  const std::string dashes = "--" + prefix;
  CLI::Option* images = sub.add_option(dashes + "images", options->images, "folder of pictures");
  CLI::Option* labels = sub.add_option(dashes + "labels", options->labels, "their table");
  CLI::Option* npy = sub.add_option(dashes + "npy", options->npy, ".npy file of samples");
  CLI::Option* npy_labels =
      sub.add_option(dashes + "npy-labels", options->npy_labels, "their classes");
  CLI::Option* idx = sub.add_option(dashes + "idx", options->idx, "idx file of images");
  CLI::Option* idx_labels =
      sub.add_option(dashes + "idx-labels", options->idx_labels, "their classes");
  images->needs(labels)->excludes(npy)->excludes(idx);
  labels->needs(images);
  npy->needs(npy_labels)->excludes(idx);
  npy_labels->needs(npy);
  idx->needs(idx_labels);
  idx_labels->needs(idx);
  sub.add_option("--label-offset", options->offset,
                 "added to every class, e.g. 1 for networks whose class 0 is 'background'");
}

std::unique_ptr<LabelledSet> open_labelled_set(const LabelledOptions& options,
                                               const Package& package) {
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

std::size_t label_of(const LabelledSet& set, std::size_t index, std::int64_t offset) {
  return static_cast<std::size_t>(static_cast<std::int64_t>(set.label(index)) + offset);
}

Tally judge_on_host(const Package& package, const LabelledOptions& options) {
  const std::size_t output = scores_output(package);
  const std::unique_ptr<LabelledSet> set = open_labelled_set(options, package);
  Session session = Session::open(Backend::kHost);
  session.load(package);
  Tally tally;
  for (std::size_t i = 0; i < set->size(); ++i) {
    const std::vector<Tensor> inputs{set->input(i)};
    judge(session.run(inputs)[output], label_of(*set, i, options.offset), set->name(i), &tally);
  }
  if (tally.samples == 0) throw Error("the labelled set is empty");
  return tally;
}

}  // namespace sz::cli
