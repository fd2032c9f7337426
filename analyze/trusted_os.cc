#include "analyze/trusted_os.h"

#include <array>

#include "analyze/ta_image.h"

namespace sz::analyze {
namespace {

// Loader: 1 page for bounced parameters, 2 of stack, 4 of heap, the rest code and data (9 pages in
// 4.10; 10 in 4.5, whose Debian build has debug messages in it).
constexpr std::array<TrustedOs, 2> kTrustedOses = {{
    {.name = "smartzone",
     .version = "4.10",
     .loader_bytes = 16 * kPage,
     .core_in_pool_bytes = 334 * kPage,
     .pool_bytes = 15 << 20,
     .page_tables = 72},
    {.name = "stock",
     .version = "4.5",
     .loader_bytes = 17 * kPage,
     .core_in_pool_bytes = 222 * kPage,
     .pool_bytes = 15 << 20,
     .page_tables = 8},
}};

}  // namespace

std::span<const TrustedOs> trusted_oses() { return kTrustedOses; }

const TrustedOs* find_trusted_os(std::string_view name) {
  for (const TrustedOs& os : kTrustedOses) {
    if (os.name == name) return &os;
  }
  return nullptr;
}

}  // namespace sz::analyze
