#include "ta/testing/commands.h"

#include <algorithm>

namespace sz::ta::testing {
namespace {

using shim::Param;
using shim::Params;

Param memref(Param::Kind kind, const void* data, std::size_t size) {
  return {.kind = kind, .data = const_cast<void*>(data), .size = size};
}

Param input(Bytes bytes) { return memref(Param::Kind::kMemrefIn, bytes.data(), bytes.size()); }

Param value(std::uint32_t a, std::uint32_t b = 0) {
  return {.kind = Param::Kind::kValueIn, .a = a, .b = b};
}

// Fills in the fourth parameter, sends, and reads it back.
Reply send(const Invoke& invoke, std::uint32_t command, Params* params) {
  (*params)[3] = {.kind = Param::Kind::kValueOut};
  Reply reply{.result = invoke(command, *params)};
  if (reply.result == 0) {
    reply.status = static_cast<Status>((*params)[3].a);
    reply.detail = (*params)[3].b;
  }
  return reply;
}

Reply send_bare(const Invoke& invoke, std::uint32_t command) {
  Params params;
  return send(invoke, command, &params);
}

}  // namespace

Reply info(const Invoke& invoke, smartzone_info* info) {
  Params params;
  params[0] = memref(Param::Kind::kMemrefOut, info, sizeof(*info));
  return send(invoke, SMARTZONE_CMD_INFO, &params);
}

Reply load_begin(const Invoke& invoke, Bytes plan, std::uint32_t cores) {
  Params params;
  params[0] = input(plan);
  params[1] = value(cores);
  return send(invoke, SMARTZONE_CMD_LOAD_BEGIN, &params);
}

Reply load_weights(const Invoke& invoke, Bytes chunk, std::uint64_t offset) {
  Params params;
  params[0] = input(chunk);
  params[1] = value(static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(offset >> 32));
  return send(invoke, SMARTZONE_CMD_LOAD_WEIGHTS, &params);
}

Reply load_end(const Invoke& invoke) { return send_bare(invoke, SMARTZONE_CMD_LOAD_END); }

Reply unload(const Invoke& invoke) { return send_bare(invoke, SMARTZONE_CMD_UNLOAD); }

Reply run(const Invoke& invoke, Bytes inputs, std::vector<std::byte>* outputs, std::uint32_t entry,
          std::uint32_t cores) {
  Params params;
  params[0] = input(inputs);
  params[1] = memref(Param::Kind::kMemrefOut, outputs->data(), outputs->size());
  params[2] = value(entry, cores);
  const Reply reply = send(invoke, SMARTZONE_CMD_RUN, &params);
  outputs->resize(std::min(outputs->size(), params[1].size));
  return reply;
}

Reply prompt(const Invoke& invoke, Bytes text, const smartzone_prompt& request,
             std::uint32_t* waiting, std::uint32_t* position) {
  Params params;
  params[0] = input(text);
  params[1] = memref(Param::Kind::kMemrefIn, &request, sizeof(request));
  params[2] = {.kind = Param::Kind::kValueOut};
  const Reply reply = send(invoke, SMARTZONE_CMD_PROMPT, &params);
  if (waiting != nullptr) *waiting = params[2].a;
  if (position != nullptr) *position = params[2].b;
  return reply;
}

Reply next(const Invoke& invoke, std::uint32_t most, std::string* text, smartzone_next* reply,
           std::uint32_t cores) {
  Params params;
  params[0] = memref(Param::Kind::kMemrefOut, text->data(), text->size());
  params[1] = memref(Param::Kind::kMemrefOut, reply, sizeof(*reply));
  params[2] = value(most, cores);
  const Reply said = send(invoke, SMARTZONE_CMD_NEXT, &params);
  text->resize(std::min(text->size(), params[0].size));
  return said;
}

Reply score(const Invoke& invoke, std::uint32_t most, std::vector<float>* logits,
            smartzone_score* reply, std::uint32_t cores) {
  Params params;
  params[0] = memref(Param::Kind::kMemrefOut, logits->data(), logits->size() * sizeof(float));
  params[1] = memref(Param::Kind::kMemrefOut, reply, sizeof(*reply));
  params[2] = value(most, cores);
  const Reply said = send(invoke, SMARTZONE_CMD_SCORE, &params);
  logits->resize(std::min(logits->size(), params[0].size / sizeof(float)));
  return said;
}

Reply save(const Invoke& invoke, std::uint32_t number, std::vector<std::byte>* piece,
           std::uint32_t* pieces) {
  Params params;
  params[0] = memref(Param::Kind::kMemrefOut, piece->data(), piece->size());
  params[1] = value(number);
  params[2] = {.kind = Param::Kind::kValueOut};
  const Reply reply = send(invoke, SMARTZONE_CMD_SAVE, &params);
  piece->resize(std::min(piece->size(), params[0].size));
  *pieces = params[2].a;
  return reply;
}

Reply resume(const Invoke& invoke, std::uint32_t number, Bytes piece, std::uint32_t* left) {
  Params params;
  params[0] = input(piece);
  params[1] = value(number);
  params[2] = {.kind = Param::Kind::kValueOut};
  const Reply reply = send(invoke, SMARTZONE_CMD_RESUME, &params);
  *left = params[2].a;
  return reply;
}

Reply load_model(const Invoke& invoke, Bytes plan, Bytes weights, std::uint32_t cores,
                 std::size_t chunk_bytes) {
  Reply reply = load_begin(invoke, plan, cores);
  for (std::size_t offset = 0; reply.ok() && offset < weights.size(); offset += chunk_bytes) {
    const std::size_t bytes = std::min(chunk_bytes, weights.size() - offset);
    reply = load_weights(invoke, weights.subspan(offset, bytes), offset);
  }
  return reply.ok() ? load_end(invoke) : reply;
}

}  // namespace sz::ta::testing
