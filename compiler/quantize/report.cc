#include <cmath>
#include <iomanip>
#include <sstream>

#include "compiler/quantize/options.h"

namespace sz::compiler {
namespace {

std::string decibels(double value) {
  if (std::isinf(value) && value > 0) return "exact";
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << value << " dB";
  return text.str();
}

}  // namespace

std::string to_text(const QuantizationReport& report) {
  std::ostringstream out;
  out << "int8     " << report.values.size() << " values, measured on " << report.samples
      << " samples; signal to quantisation noise:\n";
  for (const ValueAccuracy& value : report.values) {
    out << "  " << std::left << std::setw(18) << value.op << std::setw(32) << value.name
        << std::right << std::setw(10) << decibels(value.decibels) << "   [" << std::setprecision(4)
        << value.low << ", " << value.high << "]\n";
  }
  for (std::size_t i = 0; i < report.outputs.size(); ++i) {
    out << "  output " << i << ": " << decibels(report.outputs[i]) << '\n';
  }
  for (const std::string& name : report.kept_float) out << "  on f32: " << name << '\n';
  out << "same best class as f32: " << report.same_best << " of " << report.samples << " samples\n";
  return out.str();
}

}  // namespace sz::compiler
