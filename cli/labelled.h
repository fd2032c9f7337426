// Labelled sets for `accuracy`: samples with the class that is right for them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// A set of samples that are read one by one.
class LabelledSet {
 public:
  LabelledSet() = default;
  LabelledSet(const LabelledSet&) = delete;
  LabelledSet& operator=(const LabelledSet&) = delete;
  virtual ~LabelledSet() = default;

  virtual std::size_t size() const = 0;
  virtual std::size_t label(std::size_t index) const = 0;
  virtual std::string name(std::size_t index) const = 0;

  // The sample as the network's only input. Throws Error.
  virtual Tensor input(std::size_t index) const = 0;
};

// Pictures in a folder, and a text file with a header line and, tab-separated, the file's name in
// the first column and the class in the second.
std::unique_ptr<LabelledSet> open_folder_set(const std::string& folder, const std::string& labels,
                                             const Package& package);

// A .npy file [N, ...] and a .npy file of N integers.
std::unique_ptr<LabelledSet> open_npy_set(const std::string& images, const std::string& labels,
                                          const Package& package);

// The files of MNIST: u8 images and u8 labels with big-endian headers (not compressed).
std::unique_ptr<LabelledSet> open_idx_set(const std::string& images, const std::string& labels,
                                          const Package& package);

// The content of an idx file of unsigned bytes.
struct Idx {
  std::vector<std::size_t> shape;
  std::vector<std::byte> data;
};

// Parses an idx file; `name` is what errors call it. Throws Error.
Idx parse_idx(std::span<const std::byte> bytes, const std::string& name);

}  // namespace sz::cli
