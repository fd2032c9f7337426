#include "cli/labelled.h"

#include <charconv>
#include <cstring>
#include <filesystem>

#include "base/checked.h"
#include "cli/files.h"
#include "cli/inputs.h"
#include "cli/npy.h"

namespace sz::cli {
namespace {

constexpr std::size_t kMaxClass = 1u << 24;

std::size_t parse_class(const std::string& text, const std::string& where) {
  std::size_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || value > kMaxClass) {
    throw Error(where + ": '" + text + "' is no class number");
  }
  return value;
}

const TensorInfo& only_input(const Package& package) {
  if (package.inputs().size() != 1) {
    throw Error("'" + package.name() + "' takes " + std::to_string(package.inputs().size()) +
                " inputs; accuracy is measured on networks of one input");
  }
  return package.inputs()[0];
}

void check_counts(const std::string& images, std::size_t samples, const std::string& labels,
                  std::size_t classes) {
  if (samples == classes) return;
  throw Error(images + " has " + std::to_string(samples) + " samples, " + labels + " has " +
              std::to_string(classes) + " labels");
}

class FolderSet final : public LabelledSet {
 public:
  FolderSet(const std::string& folder, const std::string& labels, const Package& package)
      : folder_(folder), package_(package) {
    const std::vector<std::string> lines = read_lines(labels);
    for (std::size_t i = 1; i < lines.size(); ++i) {
      if (lines[i].empty()) continue;
      const std::string where = labels + ", line " + std::to_string(i + 1);
      const std::size_t tab = lines[i].find('\t');
      if (tab == std::string::npos) throw Error(where + ": no tab between file and class");
      const std::size_t end = lines[i].find('\t', tab + 1);
      files_.push_back(lines[i].substr(0, tab));
      classes_.push_back(parse_class(
          lines[i].substr(tab + 1, end == std::string::npos ? end : end - tab - 1), where));
    }
    if (files_.empty()) throw Error(labels + ": names no sample below its header line");
  }

  std::size_t size() const override { return files_.size(); }
  std::size_t label(std::size_t index) const override { return classes_[index]; }
  std::string name(std::size_t index) const override { return files_[index]; }
  Tensor input(std::size_t index) const override {
    return load_input((std::filesystem::path(folder_) / files_[index]).string(),
                      only_input(package_), package_);
  }

 private:
  std::string folder_;
  Package package_;
  std::vector<std::string> files_;
  std::vector<std::size_t> classes_;
};

std::vector<std::size_t> npy_classes(const std::string& path) {
  const Npy npy = read_npy(path);
  if (npy.shape.size() != 1) throw Error(path + ": labels must be one-dimensional");
  const std::size_t step = element_bytes(npy.type);
  std::vector<std::size_t> classes;
  for (std::size_t at = 0; at < npy.data.size(); at += step) {
    std::int64_t value = 0;
    switch (npy.type) {
      case ElementType::kU8:
        value = std::to_integer<std::uint8_t>(npy.data[at]);
        break;
      case ElementType::kI8:
        value = static_cast<std::int8_t>(npy.data[at]);
        break;
      case ElementType::kI32: {
        std::int32_t narrow = 0;
        std::memcpy(&narrow, &npy.data[at], sizeof(narrow));
        value = narrow;
        break;
      }
      case ElementType::kI64:
        std::memcpy(&value, &npy.data[at], sizeof(value));
        break;
      default:
        throw Error(path + ": labels must be integers");
    }
    if (value < 0 || static_cast<std::size_t>(value) > kMaxClass) {
      throw Error(path + ": element " + std::to_string(at / step) + " is no class number");
    }
    classes.push_back(static_cast<std::size_t>(value));
  }
  return classes;
}

class NpySet final : public LabelledSet {
 public:
  NpySet(const std::string& images, const std::string& labels, const Package& package)
      : path_(images), package_(package), npy_(read_npy(images)), classes_(npy_classes(labels)) {
    check_counts(images, npy_elements(npy_, only_input(package_), images), labels, classes_.size());
  }

  std::size_t size() const override { return classes_.size(); }
  std::size_t label(std::size_t index) const override { return classes_[index]; }
  std::string name(std::size_t index) const override {
    return path_ + "[" + std::to_string(index) + "]";
  }
  Tensor input(std::size_t index) const override {
    return npy_element(npy_, index, only_input(package_), package_, name(index));
  }

 private:
  std::string path_;
  Package package_;
  Npy npy_;
  std::vector<std::size_t> classes_;
};

class IdxSet final : public LabelledSet {
 public:
  IdxSet(const std::string& images, const std::string& labels, const Package& package)
      : path_(images),
        package_(package),
        images_(parse_idx(read_file(images), images)),
        labels_(parse_idx(read_file(labels), labels)) {
    if (labels_.shape.size() != 1) throw Error(labels + ": labels must be one-dimensional");
    if (images_.shape.size() < 2) throw Error(images + ": holds no images");
    check_counts(images, images_.shape[0], labels, labels_.shape[0]);
    if (images_.shape[0] == 0) throw Error(images + ": holds no images");
    step_ = images_.data.size() / images_.shape[0];
  }

  std::size_t size() const override { return labels_.data.size(); }
  std::size_t label(std::size_t index) const override {
    return std::to_integer<std::size_t>(labels_.data[index]);
  }
  std::string name(std::size_t index) const override {
    return path_ + "[" + std::to_string(index) + "]";
  }
  Tensor input(std::size_t index) const override {
    return pixels_input(std::span(images_.data).subspan(index * step_, step_), only_input(package_),
                        package_, name(index));
  }

 private:
  std::string path_;
  Package package_;
  Idx images_;
  Idx labels_;
  std::size_t step_ = 0;
};

}  // namespace

Idx parse_idx(std::span<const std::byte> bytes, const std::string& name) {
  const auto number = [&](std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); };
  if (bytes.size() >= 2 && number(0) == 0x1f && number(1) == 0x8b) {
    throw Error(name + ": is compressed; unpack it first (gunzip)");
  }
  constexpr std::uint8_t kUnsignedByte = 8;
  if (bytes.size() < 4 || number(0) != 0 || number(1) != 0 || number(2) != kUnsignedByte ||
      number(3) == 0 || number(3) > 4) {
    throw Error(name + ": is not an idx file of unsigned bytes (as MNIST's)");
  }
  const std::size_t rank = number(3);
  const std::size_t begin = 4 + 4 * rank;
  if (bytes.size() < begin) throw Error(name + ": ends inside its header");
  Idx idx;
  std::uint64_t elements = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    std::size_t dim = 0;
    for (std::size_t b = 0; b < 4; ++b) dim = dim << 8 | number(4 + 4 * i + b);
    idx.shape.push_back(dim);
    if (!checked_mul(elements, dim, &elements)) throw Error(name + ": its sizes overflow");
  }
  if (bytes.size() - begin != elements) {
    throw Error(name + ": has " + std::to_string(bytes.size() - begin) +
                " bytes of data; its header promises " + std::to_string(elements));
  }
  idx.data.assign(bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.end());
  return idx;
}

std::unique_ptr<LabelledSet> open_folder_set(const std::string& folder, const std::string& labels,
                                             const Package& package) {
  return std::make_unique<FolderSet>(folder, labels, package);
}
std::unique_ptr<LabelledSet> open_npy_set(const std::string& images, const std::string& labels,
                                          const Package& package) {
  return std::make_unique<NpySet>(images, labels, package);
}
std::unique_ptr<LabelledSet> open_idx_set(const std::string& images, const std::string& labels,
                                          const Package& package) {
  return std::make_unique<IdxSet>(images, labels, package);
}

}  // namespace sz::cli
