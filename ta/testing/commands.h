// The commands of protocol/commands.h as functions, for tests: over the in-process session or
// over libteec, whichever the caller wraps as an Invoke. Host only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "protocol/commands.h"
#include "shim/loopback.h"

namespace sz::ta::testing {

// Sends a command; returns the TEE_Result.
using Invoke = std::function<std::uint32_t(std::uint32_t command, shim::Params& params)>;

inline Invoke invoke_of(shim::LoopbackSession& session) {
  return [&session](std::uint32_t command, shim::Params& params) {
    return session.invoke(command, params);
  };
}

// What came back. `status` is kInternal if the call did not arrive (result != 0).
struct Reply {
  std::uint32_t result = 0;
  Status status = Status::kInternal;
  std::uint32_t detail = 0;

  bool ok() const { return result == 0 && status == Status::kOk; }
  bool operator==(const Reply&) const = default;
};

using Bytes = std::span<const std::byte>;

Reply info(const Invoke& invoke, smartzone_info* info);
Reply load_begin(const Invoke& invoke, Bytes plan, std::uint32_t cores = 1);
Reply load_weights(const Invoke& invoke, Bytes chunk, std::uint64_t offset);
Reply load_end(const Invoke& invoke);
Reply unload(const Invoke& invoke);

// `outputs` is the room for the reply; shortened to what was written.
Reply run(const Invoke& invoke, Bytes inputs, std::vector<std::byte>* outputs,
          std::uint32_t entry = 0, std::uint32_t cores = 1);

// A language model's commands. `request` and the replies as in protocol/commands.h.
Reply prompt(const Invoke& invoke, Bytes text, const smartzone_prompt& request,
             std::uint32_t* waiting = nullptr, std::uint32_t* position = nullptr);

// `text` is the room; shortened to what was written.
Reply next(const Invoke& invoke, std::uint32_t most, std::string* text, smartzone_next* reply,
           std::uint32_t cores = 1);

// `logits` is the room (may be empty); shortened to what was written.
Reply score(const Invoke& invoke, std::uint32_t most, std::vector<float>* logits,
            smartzone_score* reply, std::uint32_t cores = 1);

// One piece; `piece` is shortened from the room that it is given.
Reply save(const Invoke& invoke, std::uint32_t number, std::vector<std::byte>* piece,
           std::uint32_t* pieces);
Reply resume(const Invoke& invoke, std::uint32_t number, Bytes piece, std::uint32_t* left);

// LOAD_BEGIN, all weights in chunks of `chunk_bytes`, LOAD_END; stops at the first failure.
Reply load_model(const Invoke& invoke, Bytes plan, Bytes weights, std::uint32_t cores = 1,
                 std::size_t chunk_bytes = SMARTZONE_MAX_CHUNK_BYTES);

}  // namespace sz::ta::testing
