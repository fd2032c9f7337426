// What typical inputs of a language model's matrices are, from text that the model writes itself.
#pragma once

#include <cstdint>

#include "compiler/language/compensation.h"
#include "compiler/language/options.h"

namespace sz::compiler {

// Lets the model write `tokens` tokens in several texts (sampled at temperature 1 from a fixed seed), and
// sums the products of the inputs of every matrix but the embedding over them. Deterministic.
ProductsOf observe_inputs(const LanguageModel& model, std::uint32_t tokens);

}  // namespace sz::compiler
