// What the commands for language models share: opening one, Ctrl-C, and telling what came of it.
#pragma once

#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

// The package of a language model, or of a network; an error that says what to use instead if it is
// the other.
Package open_language_package(const std::string& path);
Package open_network_package(const std::string& path);

// While this lives, the first Ctrl-C only asks to stop; the next one ends the program as ever.
class StopOnInterrupt {
 public:
  StopOnInterrupt();
  ~StopOnInterrupt();
  StopOnInterrupt(const StopOnInterrupt&) = delete;
  StopOnInterrupt& operator=(const StopOnInterrupt&) = delete;

  static bool asked();

 private:
  struct sigaction before_ {};
};

// Exit status of a program that Ctrl-C has ended.
inline constexpr int kExitInterrupted = 130;

// "37 tokens in 1.25 s (29.6 tokens/s)".
std::string rate_text(std::uint64_t tokens, double seconds);

// Lines for people: prompt, writing, time to the first token, why it ended, secure memory.
void print_writing_summary(std::ostream& out, const GenerationReport& report,
                           const LanguageInfo& model, const DeviceInfo& device,
                           const SecureMemory& memory, const CoreReport& cores);

nlohmann::ordered_json report_json(const GenerationReport& report);
nlohmann::ordered_json sampling_json(const Sampling& sampling);
nlohmann::ordered_json language_json(const LanguageInfo& model);

}  // namespace sz::cli
