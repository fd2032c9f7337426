#include "compiler/report/report.h"

#include <iomanip>
#include <sstream>

namespace sz::compiler {
namespace {

// How much more `bytes` is than the least that is possible: "+2.1 %".
std::string above(std::uint64_t bytes, std::uint64_t bound) {
  if (bound == 0) return "";
  std::ostringstream text;
  const double percent = (static_cast<double>(bytes) / static_cast<double>(bound) - 1.0) * 100.0;
  text << std::showpos << std::fixed << std::setprecision(2) << percent << " %";
  return text.str();
}

std::string line_of(const char* what, std::uint64_t bytes, const std::string& remark) {
  std::ostringstream out;
  out << "  " << std::left << std::setw(14) << what << std::right << std::setw(14) << bytes << "  "
      << remark << '\n';
  return out.str();
}

std::string language_text(const Report& report) {
  const LanguageReport& language = *report.language;
  std::ostringstream out;
  out << report.model << ": language model of " << language.parameters << " parameters ("
      << report.format << "), context of " << language.context << " tokens, " << report.steps
      << " steps, package of " << report.package << " bytes\n";
  for (const auto& [what, count] : language.conversions) {
    out << "  " << count << (count == 1 ? " matrix " : " matrices ") << what << '\n';
  }
  out << "secure memory in bytes, on one core:\n"
      << line_of("weights", report.weights,
                 "in the file " + std::to_string(report.weights_bound) + ", " +
                     above(report.weights, report.weights_bound))
      << line_of("caches", language.state, "keys and values of the context, " + language.cache)
      << line_of("arena", report.arena,
                 "prompts are computed " + std::to_string(language.batch) + " tokens at a time")
      << line_of("conversation", language.conversation, "tokens, text, tokenizer and sampler")
      << line_of("scratch", report.scratch, "for each core")
      << line_of("control", report.control, "the plan (" + std::to_string(report.plan) + ") and its tables")
      << line_of("total",
                 report.weights + report.arena + report.scratch + report.control + language.state +
                     language.conversation,
                 "");
  return out.str();
}

}  // namespace

std::string to_text(const Report& report) {
  if (report.language) return language_text(report);
  std::ostringstream out;
  const auto line = [&](const char* what, std::uint64_t bytes, const std::string& remark) {
    out << "  " << std::left << std::setw(10) << what << std::right << std::setw(14) << bytes
        << "  " << remark << '\n';
  };
  out << report.model << ": " << report.nodes << " nodes (" << report.format;
  if (report.opset != 0) out << ", opset " << report.opset;
  out << "), " << report.steps << " steps, package of " << report.package << " bytes\n";
  out << "secure memory in bytes, on one core:\n";
  line("weights", report.weights,
       "unpacked " + std::to_string(report.weights_bound) + ", " +
           above(report.weights, report.weights_bound));
  line("arena", report.arena,
       "live tensors " + std::to_string(report.live_bound) + ", " +
           above(report.arena, report.live_bound));
  line("scratch", report.scratch, "for each core");
  line("control", report.control, "the plan (" + std::to_string(report.plan) + ") and its tables");
  line("total", report.weights + report.arena + report.scratch + report.control, "");
  if (report.banded_chains > 0) {
    out << report.banded_chains << " chains of layers are computed in bands of rows, so that the arena "
        << "is smaller than the live tensors\n";
  }
  out << "order of the steps: " << report.order << "; places: " << report.placement << '\n';
  return out.str();
}

}  // namespace sz::compiler
