#include "cli/language_options.h"

#include "package/plan_format.h"

namespace sz::cli {

void add_language_options(CLI::App& sub, LanguageArguments* arguments) {
  const std::string group = "Language models";
  sub.add_option("--context", arguments->context,
                 "tokens of the context, prompt and answer together (default: as many as the model was "
                 "trained for, at most 4096)")
      ->check(CLI::Range(1u, package::kMaxContext))
      ->group(group);
  sub.add_option("--cache", arguments->cache,
                 "format of the key-value caches: f32, f16, q8_0 (exact, half, a quarter of the memory)")
      ->check(CLI::IsMember({"f32", "f16", "q8_0"}))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--batch", arguments->batch,
                 "tokens of a prompt that are computed at once: more is faster and takes more memory")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str()
      ->group(group);
  sub.add_option("--tokenizer", arguments->tokenizer,
                 "tokenizer of a llama2.c .bin (default: tokenizer.bin beside it)")
      ->group(group);
  sub.add_flag("--no-calibration", arguments->no_calibration,
               "--quantize q4_0: round every number by itself, not for texts that the model writes: faster, "
               "less exact")
      ->group(group);
  sub.add_flag("--allow-logits", arguments->logits,
               "logits may leave the secure world: for measuring; it makes copying the model easier")
      ->group(group);
}

compiler::LanguageOptions language_options(const LanguageArguments& arguments,
                                           const std::string& quantize) {
  compiler::LanguageOptions options;
  options.quantize = compiler::parse_format(quantize);
  options.cache = *compiler::parse_format(arguments.cache);
  options.context = arguments.context;
  options.batch = arguments.batch;
  options.logits_may_leave = arguments.logits;
  options.tokenizer_path = arguments.tokenizer;
  if (arguments.no_calibration) options.calibration = 0;
  return options;
}

}  // namespace sz::cli
