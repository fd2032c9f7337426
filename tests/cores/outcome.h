// What a case found: figures, and what did not hold. Printed as one line of JSON.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace sz::cores_test {

class Outcome {
 public:
  explicit Outcome(std::string name) : name_(std::move(name)) {}

  // The last value counts.
  void figure(const std::string& what, double value) {
    for (auto& [name, last] : figures_) {
      if (name == what) {
        last = value;
        return;
      }
    }
    figures_.emplace_back(what, value);
  }

  // Counts as a failure of the case unless it holds.
  void check(bool holds, const std::string& what) {
    ++checks_;
    if (!holds) failures_.push_back(what);
  }
  void equal(std::uint64_t measured, std::uint64_t wanted, const std::string& what) {
    char text[96];
    std::snprintf(text, sizeof(text), ": %#llx, not %#llx",
                  static_cast<unsigned long long>(measured),
                  static_cast<unsigned long long>(wanted));
    check(measured == wanted, what + text);
  }

  bool passed() const { return failures_.empty() && checks_ != 0; }

  void print() const {
    std::printf("{\"case\": \"%s\", \"passed\": %s, \"checks\": %u, \"failures\": [", name_.c_str(),
                passed() ? "true" : "false", checks_);
    for (std::size_t i = 0; i < failures_.size(); ++i) {
      std::printf("%s\"%s\"", i == 0 ? "" : ", ", failures_[i].c_str());
    }
    std::printf("]");
    for (const auto& [what, value] : figures_) std::printf(", \"%s\": %.15g", what.c_str(), value);
    std::printf("}\n");
    std::fflush(stdout);
  }

 private:
  std::string name_;
  std::uint32_t checks_ = 0;
  std::vector<std::string> failures_;
  std::vector<std::pair<std::string, double>> figures_;
};

}  // namespace sz::cores_test
