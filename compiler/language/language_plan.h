// A language model as a plan: one entry point for prompts (prefill), one for single tokens (decode),
// over the same weights and caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/language/compensation.h"
#include "compiler/language/language_model.h"
#include "compiler/language/options.h"

namespace sz::compiler {

struct LanguagePlan {
  std::vector<std::byte> plan;
  std::vector<std::byte> weights;
  std::uint32_t context = 0;
  std::uint32_t batch = 0;
  std::uint32_t steps = 0;
  std::uint64_t live_bound = 0;
  std::map<std::string, unsigned> conversions;  // MatrixPacker::conversions
};

// How to plan, beside what the caller of the compiler asks for.
struct LanguagePlanning {
  bool keep = false;                     // every intermediate tensor has a place of its own
  const ProductsOf* products = nullptr;  // for q4_0: how the inputs of matrices go together
};

// `options.context` 0 takes the model's own, at most kDefaultContext. Throws CompileError: sizes that the
// device's operators do not take, weights or caches over the limits of a plan.
LanguagePlan plan_language(const LanguageModel& model, const LanguageOptions& options,
                           const LanguagePlanning& planning = {});

inline constexpr std::uint32_t kDefaultContext = 4096;

}  // namespace sz::compiler
