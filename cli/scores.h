// A classifier's output: the best classes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "include/smartzone/smartzone.hpp"

namespace sz::cli {

struct Ranked {
  std::size_t index = 0;
  float score = 0;
  std::string label;  // empty if the package has none for this index
};

// Whether a tensor is a vector of scores: f32, at least two elements, all in one dimension.
bool is_scores(const TensorInfo& info);

// The `count` highest scores, best first; of equal ones the lower index first; NaN comes last.
std::vector<Ranked> top_scores(const Tensor& tensor, std::size_t count,
                               const std::vector<std::string>& labels);

// Position of class `index` in the same order, from 0.
std::size_t rank_of(const Tensor& tensor, std::size_t index);

}  // namespace sz::cli
