// write_language_package FILE: a small language model for tests that are not in C++.
#include <exception>
#include <filesystem>
#include <iostream>

#include "cli/files.h"
#include "cli/testing/language_package.h"

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  try {
    const std::string folder = std::string(argv[1]) + ".parts";
    std::filesystem::create_directories(folder);
    sz::cli::write_file(argv[1], sz::cli::testing::toy_language_package(folder, 64));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
