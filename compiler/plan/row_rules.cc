#include "compiler/plan/row_rules.h"

#include <algorithm>

#include "ops/attributes.h"

namespace sz::compiler {
namespace {

using ops::OpCode;

// Words of a Window2d at the beginning of the attributes of Conv2d, Pool2d, QConv2d and QPool2d.
constexpr std::size_t kKernelH = 0, kStrideH = 2, kDilationH = 4, kPadTop = 6, kPadBottom = 8;

// The same of ConvWinograd, whose window is fixed; its tiles are of two rows.
constexpr std::size_t kWinogradPadTop = 0, kWinogradPadBottom = 2;

bool is_window(OpCode op) {
  return op == OpCode::kConv2d || op == OpCode::kPool2d || op == OpCode::kQConv2d ||
         op == OpCode::kQPool2d;
}

bool is_elementwise(OpCode op) {
  return op == OpCode::kUnary || op == OpCode::kBinary || op == OpCode::kQBinary ||
         op == OpCode::kLookup || op == OpCode::kRequantize;
}

// One image of rank 4.
bool is_image(const ProgramTensor& tensor) {
  return tensor.dims.size() == 4 && tensor.dims[0] == 1;
}

}  // namespace

std::optional<RowRule> RowRule::of(const Program& program, const ProgramStep& step) {
  const auto tensor = [&](std::uint32_t id) -> const ProgramTensor& { return program.tensors[id]; };
  const ProgramTensor& output = tensor(step.output);
  if (step.inputs.empty() || !is_image(output) || !is_image(tensor(step.inputs[0]))) return {};
  RowRule rule;
  rule.attributes_ = step.attributes;
  rule.height_ = tensor(step.inputs[0]).dims[1];
  std::size_t next = 1;
  if (is_window(step.op)) {
    rule.window_ = true;
    rule.kernel_ = step.attributes[kKernelH];
    rule.stride_ = step.attributes[kStrideH];
    rule.dilation_ = step.attributes[kDilationH];
    rule.pad_top_word_ = kPadTop;
    rule.pad_bottom_word_ = kPadBottom;
    rule.pad_top_ = step.attributes[kPadTop];
    const std::uint64_t reach = std::uint64_t{output.dims[1] - 1} * rule.stride_ +
                                std::uint64_t{rule.kernel_ - 1} * rule.dilation_ + 1;
    const std::uint64_t padded =
        std::uint64_t{rule.height_} + rule.pad_top_ + step.attributes[kPadBottom];
    if (reach > padded) return {};  // a pool in ceil mode: its last window has rules of its own
    if (step.op == OpCode::kConv2d || step.op == OpCode::kQConv2d) next = 2;
  } else if (step.op == OpCode::kConvWinograd) {
    rule.window_ = true;
    rule.kernel_ = 3;
    rule.granularity_ = 2;
    rule.pad_top_word_ = kWinogradPadTop;
    rule.pad_bottom_word_ = kWinogradPadBottom;
    rule.pad_top_ = step.attributes[kWinogradPadTop];
    next = 2;
  } else if (is_elementwise(step.op)) {
    if (tensor(step.inputs[0]).dims != output.dims) return {};
  } else {
    return {};
  }
  for (; next < step.inputs.size(); ++next) {
    const ProgramTensor& other = tensor(step.inputs[next]);
    if (program.storages[other.storage].constant()) {
      if (other.dims.size() == 4 && other.dims[1] != 1) return {};
    } else if (other.dims == output.dims) {
      rule.companions_.push_back(static_cast<std::uint32_t>(next));
    } else if (other.dims.size() != 4 || other.dims[1] != 1) {
      return {};
    }
  }
  return rule;
}

Rows RowRule::needed(Rows wanted) const {
  if (!window_) return wanted;
  const auto clip = [&](std::int64_t row) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(row, 0, height_));
  };
  const std::int64_t first = std::int64_t{wanted.begin} * stride_ - pad_top_;
  const std::int64_t last = (std::int64_t{wanted.end} - 1) * stride_ - pad_top_;
  return {clip(first), clip(last + std::int64_t{kernel_ - 1} * dilation_ + 1)};
}

std::vector<std::uint32_t> RowRule::attributes(Rows wanted) const {
  std::vector<std::uint32_t> words = attributes_;
  if (!window_) return words;
  const std::int64_t first = std::int64_t{wanted.begin} * stride_ - pad_top_;
  const std::int64_t end = (std::int64_t{wanted.end} - 1) * stride_ - pad_top_ +
                           std::int64_t{kernel_ - 1} * dilation_ + 1;
  words[pad_top_word_] = static_cast<std::uint32_t>(std::max<std::int64_t>(0, -first));
  words[pad_bottom_word_] = static_cast<std::uint32_t>(std::max<std::int64_t>(0, end - height_));
  return words;
}

}  // namespace sz::compiler
