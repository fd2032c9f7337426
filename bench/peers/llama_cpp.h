// llama.cpp, opened at run time: as much of its C interface as a comparison needs. No header of it is
// needed; its parameter structs are taken as the library fills them in, and the few fields that are set
// are found by their defaults.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace sz::peers {

class LlamaCppError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One model with one context. All tokens of a call belong to one sequence, behind those before.
class LlamaCpp {
 public:
  // `folder` has libllama and libggml of one release. Throws LlamaCppError.
  LlamaCpp(const std::string& folder, const std::string& model, std::uint32_t context, int threads);
  ~LlamaCpp();
  LlamaCpp(const LlamaCpp&) = delete;
  LlamaCpp& operator=(const LlamaCpp&) = delete;

  std::uint32_t vocabulary() const;
  void feed(std::span<const std::uint32_t> tokens);
  std::span<const float> logits() const;  // of the last token
  void rewind(std::uint32_t position);    // forgets what stands at this place and behind it

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sz::peers
