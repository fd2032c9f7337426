#include "cli/calibration.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "cli/files.h"
#include "cli/inputs.h"
#include "cli/labelled.h"
#include "cli/npy.h"
#include "compiler/compile.h"

namespace sz::cli {
namespace {

namespace fs = std::filesystem;
using Sample = std::vector<std::vector<std::byte>>;

std::vector<std::byte> read_pb(const std::string& path, const TensorInfo& info) {
  compiler::ConstantPtr tensor;
  try {
    tensor = compiler::read_tensor_file(path);
  } catch (const compiler::CompileError& error) {
    throw Error(error.what());
  }
  if (std::string(compiler::to_string(tensor->dtype)) != element_type_name(info.type) ||
      tensor->bytes.size() != info.bytes()) {
    throw Error(path + ": holds " + compiler::to_string(tensor->dtype) + " " +
                compiler::to_string(tensor->shape) + "; input '" + info.name + "' is " +
                type_and_shape(info.type, info.shape));
  }
  return tensor->bytes;
}

std::vector<std::byte> read_input(const std::string& path, const TensorInfo& info,
                                  const Package& package) {
  return ending(path) == ".pb" ? read_pb(path, info) : load_input(path, info, package).data;
}

bool is_input_file(const fs::path& path) {
  static constexpr const char* kEndings[] = {".jpg", ".jpeg", ".png", ".bmp", ".npy",
                                             ".pb",  ".bin",  ".raw", ".f32"};
  const std::string kind = ending(path.string());
  return std::find(std::begin(kEndings), std::end(kEndings), kind) != std::end(kEndings);
}

// What a folder holds, in the order of the names: files that can be inputs, or folders.
std::vector<fs::path> entries_of(const fs::path& folder, bool folders) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool wanted =
        folders ? entry.is_directory() : entry.is_regular_file() && is_input_file(entry.path());
    if (wanted) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Evenly spread over `count`, beginning with the first.
std::size_t spread(std::size_t index, std::size_t used, std::size_t count) {
  return index * count / used;
}

const TensorInfo& only_input(const std::string& path, const Package& package) {
  if (package.inputs().size() == 1) return package.inputs()[0];
  throw Error(path + ": '" + package.name() + "' takes " + std::to_string(package.inputs().size()) +
              " inputs; calibrate it with a folder of folders, one for each sample");
}

compiler::CalibrationInputs folder_of_files(const std::string& path, std::vector<fs::path> files,
                                            std::size_t limit, const Package& package) {
  const TensorInfo info = only_input(path, package);
  const std::size_t used = std::min(limit, files.size());
  const auto file = [files, used](std::size_t i) {
    return files[spread(i, used, files.size())].string();
  };
  return {
      used,
      [file, info, package](std::size_t i) { return Sample{read_input(file(i), info, package)}; },
      file};
}

compiler::CalibrationInputs folder_of_folders(std::vector<fs::path> folders, std::size_t limit,
                                              const Package& package) {
  const std::size_t used = std::min(limit, folders.size());
  const auto folder = [folders, used](std::size_t i) {
    return folders[spread(i, used, folders.size())].string();
  };
  const auto sample = [folder, package](std::size_t i) {
    const std::vector<fs::path> files = entries_of(folder(i), false);
    if (files.size() != package.inputs().size()) {
      throw Error(folder(i) + ": holds " + std::to_string(files.size()) + " tensors; '" +
                  package.name() + "' takes " + std::to_string(package.inputs().size()) +
                  " inputs");
    }
    Sample inputs;
    for (std::size_t k = 0; k < files.size(); ++k) {
      inputs.push_back(read_input(files[k].string(), package.inputs()[k], package));
    }
    return inputs;
  };
  return {used, sample, folder};
}

compiler::CalibrationInputs npy_samples(const std::string& path, std::size_t limit,
                                        const Package& package) {
  const TensorInfo info = only_input(path, package);
  const auto npy = std::make_shared<const Npy>(read_npy(path));
  const std::size_t count = npy_elements(*npy, info, path);
  const std::size_t used = std::min(limit, count);
  const auto name = [path, used, count](std::size_t i) {
    return path + "[" + std::to_string(spread(i, used, count)) + "]";
  };
  return {used,
          [=](std::size_t i) {
            return Sample{npy_element(*npy, spread(i, used, count), info, package, path).data};
          },
          name};
}

compiler::CalibrationInputs idx_samples(const std::string& path, std::size_t limit,
                                        const Package& package) {
  const TensorInfo info = only_input(path, package);
  const auto idx = std::make_shared<const Idx>(parse_idx(read_file(path), path));
  if (idx->shape.size() < 2 || idx->shape[0] == 0) throw Error(path + ": holds no images");
  const std::size_t count = idx->shape[0];
  const std::size_t step = idx->data.size() / count;
  const std::size_t used = std::min(limit, count);
  const auto name = [path, used, count](std::size_t i) {
    return path + "[" + std::to_string(spread(i, used, count)) + "]";
  };
  return {used,
          [=](std::size_t i) {
            const auto pixels = std::span(idx->data).subspan(spread(i, used, count) * step, step);
            return Sample{pixels_input(pixels, info, package, path).data};
          },
          name};
}

}  // namespace

compiler::CalibrationInputs open_calibration(const std::string& path, std::size_t limit,
                                             const Package& package) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) throw Error(path + ": is not there; --calibrate names sample inputs");
  if (!fs::is_directory(status)) {
    if (ending(path) == ".npy") return npy_samples(path, limit, package);
    if (path.ends_with("ubyte") || ending(path) == ".idx") return idx_samples(path, limit, package);
    throw Error(path + ": --calibrate takes a folder, a .npy file or an idx file (*-ubyte)");
  }
  const std::vector<fs::path> files = entries_of(path, false);
  if (!files.empty()) return folder_of_files(path, files, limit, package);
  const std::vector<fs::path> folders = entries_of(path, true);
  if (!folders.empty()) return folder_of_folders(folders, limit, package);
  throw Error(path +
              ": holds no sample inputs: no pictures (.jpg, .jpeg, .png, .bmp), no tensors (.npy, "
              ".pb, .bin, .raw, .f32), and no folders of them");
}

}  // namespace sz::cli
