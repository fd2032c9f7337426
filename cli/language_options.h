// The options of `compile` that are for language models.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "compiler/language/options.h"

namespace sz::cli {

struct LanguageArguments {
  std::uint32_t context = 0;
  std::uint32_t batch = 64;
  std::string cache = "f32";
  std::string tokenizer;
  bool logits = false;
  bool no_calibration = false;
};

void add_language_options(CLI::App& sub, LanguageArguments* arguments);

// `quantize`: the word behind --quantize, or nothing.
compiler::LanguageOptions language_options(const LanguageArguments& arguments,
                                           const std::string& quantize);

}  // namespace sz::cli
