// Package of the public interface: the container, and what the information section says.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "client/model_info.h"
#include "include/smartzone/smartzone.hpp"
#include "package/package_file.h"

namespace sz {

struct Package::State {
  std::vector<std::byte> bytes;
  package::PackageFile file;  // borrows from `bytes`
  client::ModelInfo info;
  std::string info_json;
};

namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw Error(path + ": is a folder, not a package");
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Error(path + ": cannot be opened: " + std::strerror(errno));
  const std::streamoff size = file.tellg();
  if (size < 0) throw Error(path + ": cannot be read");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size)) {
    throw Error(path + ": cannot be read to its end");
  }
  return bytes;
}

}  // namespace

Package Package::open(const std::string& path) { return from_bytes(read_file(path), path); }

Package Package::from_bytes(std::vector<std::byte> bytes, const std::string& name) {
  auto state = std::make_shared<State>();
  state->bytes = std::move(bytes);
  try {
    state->file = package::read_package(state->bytes, name);
  } catch (const package::PackageError& error) {
    throw Error(error.what());
  }
  state->info_json = std::string(state->file.info);
  state->info = client::parse_model_info(state->info_json, name);
  Package package;
  package.state_ = std::move(state);
  return package;
}

const std::string& Package::name() const { return state_->info.name; }
const std::vector<TensorInfo>& Package::inputs() const { return state_->info.inputs; }
const std::vector<TensorInfo>& Package::outputs() const { return state_->info.outputs; }
const std::vector<std::string>& Package::labels() const { return state_->info.labels; }
const Preprocess* Package::preprocess() const {
  return state_->info.preprocess ? &*state_->info.preprocess : nullptr;
}
const LanguageInfo* Package::language() const {
  return state_->info.language ? &*state_->info.language : nullptr;
}
std::span<const std::byte> Package::plan() const { return state_->file.plan; }
std::span<const std::byte> Package::weights() const { return state_->file.weights; }
const std::string& Package::info_json() const { return state_->info_json; }

}  // namespace sz
