// The work behind translate.h: walks over a plan's steps and keeps account of where everything is.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "bench/original/places.h"
#include "bench/original/translate.h"
#include "package/plan_reader.h"

namespace sz::original {

// Of a plan that has passed the checker; borrowed.
class Translator {
 public:
  Translator(const package::PlanView& plan, ByteSpan weights) : plan_(plan), weights_(weights) {}

  Translation run();

 private:
  const package::TensorRecord& record(std::uint32_t tensor) const {
    return plan_.tensors()[tensor];
  }
  bool is_constant(std::uint32_t tensor) const {
    return package::RegionKind{record(tensor).region} == package::RegionKind::kWeights;
  }
  std::span<const float> constant(std::uint32_t tensor) const;
  template <typename Attributes>
  Attributes attributes(const package::StepRecord& step) const;

  void add_constants();
  Operand read(std::uint32_t tensor);
  Operand join(const package::TensorRecord& wide);
  Operand reordered(const Operand& from, const Numbers& strides);
  Operand plain(const Operand& from) {
    return is_plain(from) ? from : reordered(from, plain_strides(from.dims));
  }
  Operand image(const Operand& from) {
    return is_image(from) ? from : reordered(from, image_strides(from.dims));
  }
  std::uint32_t emit(LayerRecord layer, std::vector<float> weights = {});

  void step(const package::StepRecord& step);
  Operand convolution(const package::StepRecord& step);
  Operand winograd(const package::StepRecord& step);
  Operand convolution(const package::StepRecord& step, const ops::Window2d& window,
                      std::uint32_t groups, const ops::Activation& activation);
  Operand sum(const Operand& a, const Operand& b, const ops::Clamp& clamp);
  Operand connected(const package::StepRecord& step);
  Operand pool(const package::StepRecord& step);
  Operand global_average(const package::StepRecord& step);
  Operand clamp(const package::StepRecord& step);
  Operand binary(const package::StepRecord& step);
  Operand softmax(const package::StepRecord& step);
  Operand transpose(const package::StepRecord& step);

  std::uint32_t input(const package::StepRecord& step, std::uint32_t i) const {
    return plan_.operands()[step.operand_begin + i];
  }
  std::uint32_t output(const package::StepRecord& step) const {
    return plan_.operands()[step.operand_begin + step.input_count];
  }
  Numbers output_dims(const package::StepRecord& step) const {
    return dims_of(record(output(step)));
  }

  const package::PlanView& plan_;
  ByteSpan weights_;
  Places places_;
  std::map<std::uint32_t, Operand> constants_;  // by tensor
  Translation result_;
};

}  // namespace sz::original
