// What the compiler relies on in a language model that an importer made, for the fuzz targets.
#pragma once

#include "compiler/language/language_model.h"

namespace sz::compiler::testing {

// Aborts with a sentence unless every matrix and vector is there and has the shape that the sizes
// of the model say.
void require_sound(const LanguageModel& model);

// Writes the tables of a vocabulary; throws CompileError if it cannot be written. Aborts unless the
// device's tokenizer takes the tables and cuts a text with them.
void require_sound(const TokenizerData& tokenizer);

}  // namespace sz::compiler::testing
