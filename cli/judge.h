// Counting right answers on a labelled set.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/labelled.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// Which set, as the command line names it.
struct LabelledOptions {
  std::string images, labels;
  std::string npy, npy_labels;
  std::string idx, idx_labels;
  std::int64_t offset = 0;  // added to every class

  bool given() const { return !images.empty() || !npy.empty() || !idx.empty(); }
};

// Adds --<prefix>images and so on.
void add_labelled_options(CLI::App& sub, const std::string& prefix, LabelledOptions* options);

// Throws Error where the options name no set.
std::unique_ptr<LabelledSet> open_labelled_set(const LabelledOptions& options,
                                               const Package& package);

// The first output that is a vector of scores. Throws Error if there is none.
std::size_t scores_output(const Package& package);

struct Tally {
  std::size_t samples = 0, top1 = 0, top5 = 0;

  double share(std::size_t right) const {
    return static_cast<double>(right) / static_cast<double>(samples);
  }
};

// Counts one answer. Throws Error where the class is beyond the network's.
void judge(const Tensor& scores, std::size_t label, const std::string& name, Tally* tally);

// The class of a sample with the offset.
std::size_t label_of(const LabelledSet& set, std::size_t index, std::int64_t offset);

// Classifies the whole set in one session in this process.
Tally judge_on_host(const Package& package, const LabelledOptions& options);

}  // namespace sz::cli
