#include "cli/cores.h"

#include <algorithm>
#include <charconv>

#include "include/smartzone/smartzone.h"
#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

unsigned parse_cores(const std::string& text) {
  if (text == "auto") return 0;
  unsigned cores = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cores);
  if (error != std::errc() || end != text.data() + text.size() || cores < 1 ||
      cores > SZ_MAX_CORES) {
    throw Error("--cores " + text + ": must be auto or a number from 1 to " +
                std::to_string(SZ_MAX_CORES));
  }
  return cores;
}

std::vector<unsigned> parse_cores_list(const std::vector<std::string>& words) {
  std::vector<unsigned> list;
  for (const std::string& word : words) {
    const unsigned cores = parse_cores(word);
    if (std::find(list.begin(), list.end(), cores) != list.end()) {
      throw Error("--cores: " + word + " is given twice");
    }
    list.push_back(cores);
  }
  return list;
}

std::string cores_text(unsigned asked) { return asked == 0 ? "auto" : std::to_string(asked); }

}  // namespace sz::cli
