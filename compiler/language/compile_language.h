// A language model to a package.
#pragma once

#include <string>

#include "compiler/compile.h"
#include "compiler/language/language_model.h"
#include "package/plan_reader.h"

namespace sz::compiler {

// `sha256`: of the model's files. Throws CompileError.
CompileResult compile_language(const LanguageModel& model, const package::Sha256Digest& sha256,
                               const CompileOptions& options);

}  // namespace sz::compiler
