#include "compiler/testing/language_data.h"

#include <cstdlib>

namespace sz::compiler::testing {

std::string language_data_folder() {
  if (const char* folder = std::getenv("SMARTZONE_DATA")) return folder;
#ifdef SMARTZONE_DATA
  return SMARTZONE_DATA;
#else
  return "";
#endif
}

}  // namespace sz::compiler::testing
