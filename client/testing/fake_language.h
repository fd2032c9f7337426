// A trusted application that has a language model by heart: what it writes is given beforehand. For
// tests of what the client makes of the answers; it computes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "client/transport.h"
#include "protocol/commands.h"

namespace sz::client::testing {

// The package of such a model: a plan whose record says this context, and an information section.
std::vector<std::byte> fake_language_package(std::uint32_t context,
                                             const std::string& language_json = "");

inline constexpr std::uint32_t kFakeVocabulary = 8;
inline constexpr std::uint32_t kFakeBatch = 4;
inline constexpr std::uint32_t kFakeTextBytes = 1000;

// What the model does, and what it was asked. Shared by the test and the transport.
struct FakeScript {
  std::vector<std::string> writes = {};  // text of token 0, 1, ...; after the last the answer ends
  std::uint32_t context = 100;
  bool wants_bos = true;
  std::vector<std::vector<std::byte>> saved = {};  // pieces that SAVE gives

  // Answers instead of the usual one, once each: a status for PROMPT; a change to NEXT's reply.
  Failure prompt_fails = {};
  void (*twist_next)(smartzone_next* reply, std::size_t* text_bytes) = nullptr;

  std::vector<std::string> prompts = {};
  std::vector<smartzone_prompt> settings = {};
  std::vector<std::uint32_t> asked = {};             // tokens of each NEXT
  std::vector<std::vector<std::byte>> resumed = {};  // pieces that RESUME got
};

std::unique_ptr<Transport> open_fake_language(FakeScript* script);

}  // namespace sz::client::testing
