// Fuzzes the reader of .ta files: it may refuse, and must do nothing else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "analyze/ta_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto image = sz::analyze::read_ta_image({reinterpret_cast<const std::byte*>(data), size});
    if (image.shared % sz::analyze::kPage != 0 || image.for_each % sz::analyze::kPage != 0 ||
        image.shared == 0) {
      std::abort();
    }
  } catch (const sz::analyze::TaImageError&) {
  }
  return 0;
}
