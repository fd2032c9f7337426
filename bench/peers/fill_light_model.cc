// fill_light_model WEIGHTS.json MODEL.onnx INPUT.bin
// Writes the full model and its input from the list of weights of a network that is kept without
// them (see compiler/testing/light_model.h), so that another engine can load it.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "compiler/testing/light_model.h"

namespace {

namespace fs = std::filesystem;

void require(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what);
}

void fill(const fs::path& list, const fs::path& model_path, const fs::path& input_path) {
  std::ifstream list_file(list);
  require(list_file.good(), "cannot read " + list.string());
  const auto weights = nlohmann::json::parse(list_file);
  const fs::path light = list.parent_path() / weights.at("light_file").get<std::string>();
  onnx::ModelProto model;
  std::ifstream light_file(light, std::ios::binary);
  require(model.ParseFromIstream(&light_file), light.string() + " is not an ONNX file");
  sz::compiler::testing::fill_in(*model.mutable_graph(), weights.at("tensors"));
  std::ofstream model_file(model_path, std::ios::binary);
  require(model.SerializeToOstream(&model_file) && model_file.flush().good(),
          "cannot write " + model_path.string());
  const auto input = sz::compiler::testing::generate(weights.at("input"));
  std::ofstream input_file(input_path, std::ios::binary);
  input_file.write(reinterpret_cast<const char*>(input.data()),
                   static_cast<std::streamsize>(input.size() * sizeof(float)));
  require(input_file.flush().good(), "cannot write " + input_path.string());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: fill_light_model WEIGHTS.json MODEL.onnx INPUT.bin\n";
    return 2;
  }
  try {
    fill(argv[1], argv[2], argv[3]);
  } catch (const std::exception& error) {
    std::cerr << "fill_light_model: " << error.what() << '\n';
    return 1;
  }
}
