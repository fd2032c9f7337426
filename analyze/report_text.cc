// How a report looks: as a table, as JSON.

#include <cstdio>
#include <string>

#include "analyze/report.h"

namespace sz::analyze {
namespace {

const char* owner_name(Owner owner) {
  switch (owner) {
    case Owner::kModel:
      return "model";
    case Owner::kSession:
      return "session";
    case Owner::kCore:
      return "core";
  }
  return "?";
}

// 1234567 -> "1,234,567".
std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string line(const std::string& name, const std::string& owner, std::uint64_t bytes,
                 std::uint64_t mapped) {
  char text[160];
  std::snprintf(text, sizeof(text), "  %-42s %-8s %15s %8s\n", name.c_str(), owner.c_str(),
                grouped(bytes).c_str(), grouped(mapped / kPage).c_str());
  return text;
}

std::string ratio(std::uint64_t value, std::uint64_t bound) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3f",
                static_cast<double>(value) / static_cast<double>(bound));
  return text;
}

const Row* find_row(const SecureMemoryReport& report, const std::string& id) {
  for (const Row& row : report.rows) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string lower_bounds(const SecureMemoryReport& report) {
  std::string text = "Lower bound\n";
  text += "  weights as packed: " + grouped(report.weights_lower_bound) + " bytes\n";
  if (report.caches_lower_bound != 0) {
    text += "  key-value caches: " + grouped(report.caches_lower_bound) + " bytes\n";
  }
  const Row* arena = find_row(report, "arena");
  if (report.live_lower_bound == 0 || arena == nullptr) {
    return text + "  largest set of live tensors: not known (compile the model to see it)\n";
  }
  text += "  largest set of live tensors: " + grouped(report.live_lower_bound) +
          " bytes; the arena is " + ratio(arena->bytes, report.live_lower_bound) + " of it\n";
  const std::uint64_t bound =
      report.weights_lower_bound + report.caches_lower_bound + report.live_lower_bound;
  return text + "  together: " + grouped(bound) + " bytes; the model takes " +
         ratio(report.model, bound) + " of it\n";
}

}  // namespace

std::string SecureMemoryReport::as_table() const {
  char heading[200];
  std::snprintf(heading, sizeof(heading), "Secure memory on %s, %u core%s\n  %-42s %-8s %15s %8s\n",
                trusted_os.c_str(), cores, cores == 1 ? "" : "s", "what", "whose", "bytes",
                "pages");
  std::string text = heading;
  std::uint64_t bytes = 0;
  for (const Row& row : rows) {
    text += line(row.name, owner_name(row.owner), row.bytes, row.mapped);
    if (row.owner != Owner::kCore) bytes += row.bytes;
  }
  text += line("total from the pool for trusted applications", "", bytes, total);
  if (session == 0) text += "  (without the trusted application itself: no .ta file was given)\n";
  if (shared != 0) {
    text += "  A further session of the trusted application takes " +
            grouped((session - shared) / kPage) + " pages, for code is shared.\n";
  }
  text += lower_bounds(*this);
  text += "OP-TEE's settings for one session with this model\n";
  for (const Setting& setting : settings) {
    char entry[240];
    std::snprintf(entry, sizeof(entry), "  %-34s %s\n",
                  (setting.name + "=" + setting.value).c_str(), setting.why.c_str());
    text += entry;
  }
  for (const std::string& warning : warnings) text += "Warning: " + warning + "\n";
  return text;
}

nlohmann::ordered_json SecureMemoryReport::as_json() const {
  nlohmann::ordered_json json;
  json["cores"] = cores;
  json["trusted_os"] = trusted_os;
  json["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    json["rows"].push_back({{"id", row.id},
                            {"name", row.name},
                            {"owner", owner_name(row.owner)},
                            {"bytes", row.bytes},
                            {"mapped", row.mapped}});
  }
  json["model"] = model;
  json["session"] = session;
  json["shared"] = shared;
  json["total"] = total;
  json["page_tables"] = page_tables;
  json["lower_bound"] = {{"weights", weights_lower_bound},
                         {"caches", caches_lower_bound},
                         {"live", live_lower_bound},
                         {"total", weights_lower_bound + caches_lower_bound + live_lower_bound}};
  json["settings"] = nlohmann::ordered_json::array();
  for (const Setting& setting : settings) {
    json["settings"].push_back(
        {{"name", setting.name}, {"value", setting.value}, {"why", setting.why}});
  }
  json["warnings"] = warnings;
  return json;
}

}  // namespace sz::analyze
