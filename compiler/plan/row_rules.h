// Which rows of its inputs a step needs for rows of its output.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/plan/program.h"

namespace sz::compiler {

// Rows [begin, end) of an image.
struct Rows {
  std::uint32_t begin = 0, end = 0;
  std::uint32_t size() const { return end - begin; }
  bool operator==(const Rows&) const = default;
};

// A step on one image [1, H, W, C] that can be run on some of its rows alone.
class RowRule {
 public:
  // nullopt for steps that are not of that kind.
  static std::optional<RowRule> of(const Program& program, const ProgramStep& step);

  // The rows of input 0 that the output's rows `wanted` depend on, without padding.
  Rows needed(Rows wanted) const;

  // The attributes of the step on just those rows.
  std::vector<std::uint32_t> attributes(Rows wanted) const;

  // The rows that are computed must begin at a multiple of this.
  std::uint32_t granularity() const { return granularity_; }

  // Further inputs of which the same rows as of the output are read (an operand of an addition).
  const std::vector<std::uint32_t>& companions() const { return companions_; }

 private:
  bool window_ = false;
  std::uint32_t height_ = 0;  // of input 0
  std::uint32_t kernel_ = 1, stride_ = 1, dilation_ = 1, pad_top_ = 0;
  std::uint32_t granularity_ = 1;
  std::size_t pad_top_word_ = 0, pad_bottom_word_ = 0;  // of the attributes
  std::vector<std::uint32_t> attributes_;
  std::vector<std::uint32_t> companions_;
};

}  // namespace sz::compiler
