#include "bench/original/session.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "bench/original/protocol.h"

namespace sz::original {

std::unique_ptr<Channel> open_channel(Backend backend, std::size_t shared_bytes) {
  if (backend == Backend::kHost) return open_host_channel(shared_bytes);
#ifdef SMARTZONE_TEEC
  return open_teec_channel(shared_bytes);
#else
  throw Error(ErrorKind::kDevice,
              "this build has no TEE back end: use the arm64 build on a device");
#endif
}

Session::Session(Backend backend, const Package& package)
    : network_(translate(package.plan(), package.weights())) {
  std::size_t shared = ORIGINAL_MAX_CHUNK_BYTES;
  for (const std::uint32_t n : network_.input_elements)
    shared = std::max(shared, n * sizeof(float));
  for (const auto& values : network_.constants) {
    shared = std::max(shared, values.size() * sizeof(float));
  }
  for (const std::uint32_t n : network_.output_elements)
    shared = std::max(shared, n * sizeof(float));
  channel_ = open_channel(backend, shared);
  build();
}

void Session::command(std::uint32_t number, Call call, const char* doing) {
  const std::uint32_t result = channel_->invoke(number, call);
  if (result == 0) return;
  char code[16];
  std::snprintf(code, sizeof(code), "0x%08x", result);
  const bool memory = result == 0xffff000c;  // TEE_ERROR_OUT_OF_MEMORY
  throw Error(memory ? ErrorKind::kSecureMemory : ErrorKind::kInternal,
              std::string("the baseline's TA answered ") + code + " when " + doing +
                  (memory ? ": its heap is too small for this network (bench/original/build_ta "
                            "--heap-mib)"
                          : ""));
}

void Session::build() {
  for (const std::uint32_t elements : network_.input_elements) {
    command(ORIGINAL_CMD_ADD_INPUT, {.a = elements}, "adding an input");
  }
  for (const std::vector<float>& values : network_.constants) {
    command(ORIGINAL_CMD_ADD_INPUT, {.a = static_cast<std::uint32_t>(values.size())},
            "adding a constant");
  }
  const std::span<std::byte> shared = channel_->shared();
  for (std::uint32_t i = 0; i < network_.constants.size(); ++i) {
    const auto number = static_cast<std::uint32_t>(network_.input_elements.size()) + i;
    set_input(number, std::as_bytes(std::span(network_.constants[i])));
  }
  for (std::uint32_t i = 0; i < network_.layers.size(); ++i) {
    Layer& layer = network_.layers[i];
    std::memcpy(shared.data(), &layer.record, sizeof(layer.record));
    command(ORIGINAL_CMD_ADD_LAYER, {.memory = Call::Memory::kIn, .bytes = sizeof(layer.record)},
            "adding a layer");
    const std::span<const std::byte> weights = std::as_bytes(std::span(layer.weights));
    for (std::size_t done = 0; done < weights.size();) {
      const std::size_t size =
          std::min<std::size_t>(ORIGINAL_MAX_CHUNK_BYTES, weights.size() - done);
      std::memcpy(shared.data(), weights.data() + done, size);
      command(ORIGINAL_CMD_PUSH_WEIGHTS,
              {.memory = Call::Memory::kIn,
               .bytes = size,
               .a = i,
               .b = static_cast<std::uint32_t>(done)},
              "pushing weights");
      done += size;
    }
    layer.weights = {};
  }
  command(ORIGINAL_CMD_FINISH, {}, "taking the workspace");
}

void Session::set_input(std::uint32_t number, std::span<const std::byte> bytes) {
  std::memcpy(channel_->shared().data(), bytes.data(), bytes.size());
  command(ORIGINAL_CMD_SET_INPUT, {.memory = Call::Memory::kIn, .bytes = bytes.size(), .a = number},
          "setting an input");
}

std::vector<std::vector<float>> Session::run(std::span<const Tensor> inputs) {
  const std::span<std::byte> shared = channel_->shared();
  if (inputs.size() != network_.input_elements.size()) throw Error("another number of inputs");
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const std::size_t bytes = inputs[i].data.size();
    if (bytes != network_.input_elements[i] * sizeof(float))
      throw Error("an input of another size");
    set_input(i, inputs[i].data);
  }
  for (std::uint32_t i = 0; i < network_.layers.size(); ++i) {
    command(ORIGINAL_CMD_FORWARD, {.a = i}, "running a layer");
  }
  std::vector<std::vector<float>> outputs;
  for (std::size_t i = 0; i < network_.outputs.size(); ++i) {
    std::vector<float> values(network_.output_elements[i]);
    const std::size_t bytes = values.size() * sizeof(float);
    command(ORIGINAL_CMD_GET_OUTPUT,
            {.memory = Call::Memory::kOut, .bytes = bytes, .a = network_.outputs[i]},
            "getting an output");
    std::memcpy(values.data(), shared.data(), bytes);
    outputs.push_back(std::move(values));
  }
  return outputs;
}

std::uint64_t Session::memory() {
  Call call;
  if (channel_->invoke(ORIGINAL_CMD_MEMORY, call) != 0) throw Error("the baseline's TA is gone");
  return std::uint64_t{call.out_b} << 32 | call.out_a;
}

}  // namespace sz::original
