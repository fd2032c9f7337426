#include "cli/inputs.h"

#include <algorithm>

#include "cli/files.h"
#include "cli/image/preprocess.h"

namespace sz::cli {
namespace {

bool is_one_of(const std::string& text, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* one) { return text == one; });
}

std::span<const std::int64_t> without_leading_ones(const std::vector<std::int64_t>& shape) {
  std::span<const std::int64_t> rest(shape);
  while (!rest.empty() && rest.front() == 1) rest = rest.subspan(1);
  return rest;
}

bool same_shape(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

const Preprocess& recorded(const Package& package, const std::string& name, const char* what) {
  if (package.preprocess() != nullptr) return *package.preprocess();
  throw Error(name + ": is " + what + ", but package '" + package.name() +
              "' does not record how pixels become the network's input. Compile the model with "
              "--preprocess FILE.json (colour order, size, mean and scale), or pass the finished "
              "tensor as a .npy file of the input's type");
}

Tensor raw_input(const std::string& path, const TensorInfo& info) {
  std::vector<std::byte> bytes = read_file(path);
  if (bytes.size() != info.bytes()) {
    throw Error(path + ": has " + std::to_string(bytes.size()) + " bytes; input '" + info.name +
                "' is " + type_and_shape(info.type, info.shape) + ", " +
                std::to_string(info.bytes()) + " bytes");
  }
  return {info, std::move(bytes)};
}

}  // namespace

std::string type_and_shape(ElementType type, const std::vector<std::int64_t>& shape) {
  std::string text = std::string(element_type_name(type)) + " [";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

Tensor pixels_input(std::span<const std::byte> pixels, const TensorInfo& info,
                    const Package& package, const std::string& name) {
  const Preprocess& preprocess = recorded(package, name, "8-bit pixels");
  const bool takes_pixels = info.type == ElementType::kF32 || info.type == ElementType::kI8 ||
                            info.type == ElementType::kU8;
  if (!takes_pixels || pixels.size() != info.elements() ||
      info.elements() % preprocess.mean.size() != 0) {
    throw Error(name + ": has " + std::to_string(pixels.size()) + " pixels for input '" +
                info.name + "', which is " + type_and_shape(info.type, info.shape));
  }
  return pixels_to_tensor({reinterpret_cast<const std::uint8_t*>(pixels.data()), pixels.size()},
                          preprocess, info);
}

std::size_t npy_elements(const Npy& npy, const TensorInfo& info, const std::string& name) {
  const auto wanted = without_leading_ones(info.shape);
  if (same_shape(without_leading_ones(npy.shape), wanted)) return 1;
  if (!npy.shape.empty()) {
    const std::vector<std::int64_t> rest(npy.shape.begin() + 1, npy.shape.end());
    if (same_shape(without_leading_ones(rest), wanted)) {
      return static_cast<std::size_t>(npy.shape[0]);
    }
  }
  throw Error(name + ": holds " + type_and_shape(npy.type, npy.shape) + "; input '" + info.name +
              "' is " + type_and_shape(info.type, info.shape));
}

Tensor npy_element(const Npy& npy, std::size_t index, const TensorInfo& info,
                   const Package& package, const std::string& name) {
  const std::size_t bytes = info.elements() * element_bytes(npy.type);
  const auto data = std::span(npy.data).subspan(index * bytes, bytes);
  if (npy.type == info.type) return {info, std::vector<std::byte>(data.begin(), data.end())};
  if (npy.type == ElementType::kU8 &&
      (info.type == ElementType::kF32 || info.type == ElementType::kI8)) {
    return pixels_input(data, info, package, name);
  }
  throw Error(name + ": holds " + std::string(element_type_name(npy.type)) + "; input '" +
              info.name + "' takes " + element_type_name(info.type));
}

Tensor load_input(const std::string& path, const TensorInfo& info, const Package& package) {
  const std::string kind = ending(path);
  if (kind == ".npy") {
    const Npy npy = read_npy(path);
    if (npy_elements(npy, info, path) != 1) {
      throw Error(path + ": holds " + type_and_shape(npy.type, npy.shape) + ", several inputs; '" +
                  info.name + "' is " + type_and_shape(info.type, info.shape) +
                  ". `smartzone accuracy --npy` takes such files");
    }
    return npy_element(npy, 0, info, package, path);
  }
  if (is_one_of(kind, {".bin", ".raw", ".f32"})) return raw_input(path, info);
  if (is_one_of(kind, {".jpg", ".jpeg", ".png", ".bmp"})) {
    const std::vector<std::byte> bytes = read_file(path);
    return image_to_tensor(bytes, recorded(package, path, "a picture"), info, path);
  }
  throw Error(path +
              ": what it holds cannot be told from its ending; use .jpg, .jpeg, .png, .bmp "
              "(pictures), .npy (tensors), or .bin, .raw, .f32 (the input's bytes)");
}

std::vector<std::string> expand_lists(const std::vector<std::string>& words) {
  std::vector<std::string> paths;
  for (const std::string& word : words) {
    if (word.size() < 2 || word.front() != '@') {
      paths.push_back(word);
      continue;
    }
    for (const std::string& line : read_lines(word.substr(1))) {
      if (!line.empty()) paths.push_back(line);
    }
  }
  return paths;
}

}  // namespace sz::cli
