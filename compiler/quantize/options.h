// What quantisation after training is told, and what it reports.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace sz::compiler {

// Sample inputs. `sample(i)` gives, for each input of the network, its bytes in the order of the
// file; `name(i)` is what messages call it.
struct CalibrationInputs {
  std::size_t count = 0;
  std::function<std::vector<std::vector<std::byte>>(std::size_t)> sample;
  std::function<std::string(std::size_t)> name;
};

// How the range of a value is chosen from what was seen of it.
enum class RangeRule {
  kMinMax,      // all of it
  kPercentile,  // all but one in 10,000 at either end
  kError,       // what makes the mean square error smallest, clipping and rounding together
};

struct QuantizeOptions {
  CalibrationInputs calibration;
  RangeRule range = RangeRule::kError;
  // Shifts the biases by the mean error that rounding the weights makes.
  bool correct_bias = true;
  // Leaves the first (the last) convolution or fully connected layer on f32. If the last one is
  // quantised, its sums still stay exact: they become f32, not 8 bits.
  bool float_first = false, float_last = false;
};

// How near a quantised value is to the f32 network's: 10 log10 of the mean square of the value by
// that of the difference, over all samples.
struct ValueAccuracy {
  std::string name;  // of the node that makes it
  std::string op;
  double decibels = 0;       // infinite where nothing differs
  double low = 0, high = 0;  // the range that 8 bits cover
};

struct QuantizationReport {
  std::size_t samples = 0;
  std::vector<ValueAccuracy> values;  // in the order of the network
  std::vector<double> outputs;        // decibels of each output of the network
  std::size_t same_best = 0;  // samples whose first output has its largest element where f32 has it
  std::vector<std::string> kept_float;  // nodes that stay on f32
};

// The report as a table for people; ends with a newline.
std::string to_text(const QuantizationReport& report);

}  // namespace sz::compiler
