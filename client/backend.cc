// The back ends by name, and whether they are there.
#include <unistd.h>

#include "include/smartzone/smartzone.hpp"

namespace sz {

const char* backend_name(Backend backend) { return backend == Backend::kTee ? "tee" : "host"; }

Backend parse_backend(const std::string& name) {
  if (name == "tee") return Backend::kTee;
  if (name == "host") return Backend::kHost;
  throw Error("there is no back end '" + name + "'; choose tee or host");
}

bool backend_available(Backend backend) {
  if (backend == Backend::kHost) return true;
#ifdef SMARTZONE_TEEC
  return access("/dev/tee0", F_OK) == 0;
#else
  return false;
#endif
}

}  // namespace sz
