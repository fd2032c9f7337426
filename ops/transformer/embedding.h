// Embedding (ops/transformer/transformer.h). One path for both kernels: it reads a few numbers of
// each of many cache lines, which no vector loads would hasten.
#pragma once

#include <cstdint>

#include "ops/operator.h"

namespace sz::ops {

Status check_embedding(const Step& step);
std::uint64_t embedding_cost(const Step& step);
Status run_embedding(const Step& step, const RunContext& context) noexcept;

}  // namespace sz::ops
