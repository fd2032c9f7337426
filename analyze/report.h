// The secure memory that a model takes, before anything runs: what the TA will map, what its image
// and the trusted OS take for the session, the lower bounds, and the settings of OP-TEE that
// follow.
//
// The sizes of the model's regions come from engine::memory_need, which the TA calls too.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "analyze/ta_image.h"
#include "analyze/trusted_os.h"

namespace sz::analyze {

// The plan cannot be analysed. what() is one sentence.
class AnalyzeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Who gives the memory, and for how long.
enum class Owner {
  kModel,    // mapped by LOAD_BEGIN, returned by UNLOAD
  kSession,  // from opening the session to closing it
  kCore,     // of OP-TEE's own memory, not of the pool for trusted applications
};

struct Row {
  std::string id;    // for scripts: control, weights, arena, scratch, ta_image, ta_heap, ...
  std::string name;  // for people
  Owner owner = Owner::kModel;
  std::uint64_t bytes = 0;   // needed
  std::uint64_t mapped = 0;  // in whole pages: what OP-TEE's statistics show
};

// A setting of OP-TEE's build that the model asks for.
struct Setting {
  std::string name;
  std::string value;
  std::string why;
};

struct SecureMemoryReport {
  std::uint32_t cores = 1;
  std::string trusted_os;  // name and version
  std::vector<Row> rows;
  std::uint64_t model = 0;                // mapped for the model
  std::uint64_t session = 0;              // mapped for one session without a model
  std::uint64_t shared = 0;               // of `session`: what further sessions do not take again
  std::uint64_t total = 0;                // both: what must be free in the pool
  std::uint64_t page_tables = 0;          // number of 4 KiB tables, in OP-TEE's core
  std::uint64_t weights_lower_bound = 0;  // the weights as packed
  std::uint64_t caches_lower_bound = 0;   // of a language model: what its context holds
  std::uint64_t live_lower_bound = 0;     // largest set of tensors alive at once; 0 = not known
  std::vector<Setting> settings;
  std::vector<std::string> warnings;  // what the emulated device as it comes cannot give

  // Rows with sizes in bytes and pages, sums, lower bounds, settings.
  std::string as_table() const;

  // {"cores", "trusted_os", "rows": [{"id", "name", "owner", "bytes", "mapped"}], "model",
  //  "session", "shared", "total", "page_tables", "lower_bound": {"weights", "caches", "live", "total"},
  //  "settings": [{"name", "value", "why"}], "warnings": [sentence]}
  nlohmann::ordered_json as_json() const;
};

struct AnalyzeOptions {
  std::uint32_t cores = 1;                // that scratch and stacks are reserved for
  std::optional<TaImage> image{};         // nothing: only the model's own memory is counted
  const TrustedOs* trusted_os = nullptr;  // nullptr: the project's own build
  std::uint64_t largest_live_set = 0;     // bytes, from the compiler; 0: not known
};

// Analyses a plan. Its structure is checked, its meaning is not. Throws AnalyzeError.
SecureMemoryReport analyze(std::span<const std::byte> plan, const AnalyzeOptions& options);

}  // namespace sz::analyze
