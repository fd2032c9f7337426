// Runs the plan of a language model on this machine, token by token or in batches, and shows its logits:
// for calibration, tests and benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/workers.h"
#include "engine/model.h"

namespace sz::compiler {

class LanguageRunner {
 public:
  // Takes the sections of a package (package/package_file.h). Throws std::runtime_error if the engine
  // refuses them.
  explicit LanguageRunner(std::span<const std::byte> package);
  LanguageRunner(ByteSpan plan, ByteSpan weights);
  ~LanguageRunner();

  const package::LanguageRecord& record() const;

  // Computes tokens behind those before; the logits of the last. One token goes through decode, several
  // through prefill, in batches. Throws std::runtime_error with the status.
  std::vector<float> feed(std::span<const std::uint32_t> tokens);
  std::vector<float> feed(std::span<const std::uint32_t> tokens, Workers& workers);

  // The tokens of a text with the model's own tokenizer, beginning with its bos if it wants one.
  std::vector<std::uint32_t> tokens_of(std::string_view text) const;

  // What the last run left in the arena.
  ByteSpan arena() const;
  const package::PlanView& plan() const;

  std::uint32_t position() const { return position_; }
  // Goes on at `position`: what is cached of the places before it stays.
  void reset(std::uint32_t position = 0) { position_ = position; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint32_t position_ = 0;
};

// The mean negative log-likelihood of tokens[1..], each after those before it, token by token.
double mean_nll(LanguageRunner& runner, std::span<const std::uint32_t> tokens);

// The most likely token, the lowest of equal ones.
std::uint32_t best(std::span<const float> logits);

}  // namespace sz::compiler
