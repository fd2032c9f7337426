// Any bytes as the information section of a package: either it parses or Error is thrown.
#include <cstddef>
#include <cstdint>

#include "client/model_info.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const sz::client::ModelInfo info = sz::client::parse_model_info(text, "fuzz");
    for (const sz::TensorInfo& input : info.inputs) {
      if (input.bytes() > (std::size_t{1} << 30)) __builtin_trap();
    }
  } catch (const sz::Error&) {
  }
  try {
    (void)sz::client::parse_preprocess(text, "fuzz");
  } catch (const sz::Error&) {
  }
  return 0;
}
