#include "analyze/report.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/checked.h"
#include "base/status_text.h"
#include "engine/host/examined_plan.h"
#include "engine/model.h"
#include "package/plan_format.h"
#include "package/plan_reader.h"
#include "protocol/commands.h"
#include "ta/footprint.h"

namespace sz::analyze {
namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kTableSpan = 2 * kMib;  // address space behind one page table

// The loader moves the image by up to 128 random pages (CFG_TA_ASLR_MAX_OFFSET_PAGES), and OP-TEE
// keeps single pages free between regions of different kinds.
constexpr std::uint64_t kGaps = (128 + 16) * kPage;

// The client sends weights in pieces of this size.
constexpr std::uint64_t kPieceBytes = kMib;

// Page tables that OP-TEE keeps without being asked: two for each of two threads.
constexpr std::uint64_t kDefaultTables = 4;

// Tables lie in the core's own 2 MiB of address space; above this many it needs 4 MiB.
constexpr std::uint64_t kTablesInSmallCore = 128;

// Heap of the core for one session with a loaded model: 5 KB measured; the stock size is plenty.
constexpr std::uint64_t kCoreHeapForSession = 8192;

[[noreturn]] void refuse(const Failure& failure) {
  throw AnalyzeError("the plan is refused: " +
                     status_sentence(static_cast<std::uint32_t>(failure.status), failure.detail));
}

package::PlanHeader read_header(std::span<const std::byte> plan) {
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) refuse({Status::kPlanTruncated, sizeof(header)});
  std::memcpy(&header, plan.data(), sizeof(header));
  std::uint64_t bytes = 0;
  const Failure failure = package::plan_size(header, &bytes);
  if (!failure.ok()) refuse(failure);
  return header;
}

// The most bytes that a run of any entry point shares.
std::uint64_t largest_exchange(std::span<const std::byte> plan) {
  const engine::ExaminedPlan examined(plan);
  if (!examined.failure().ok()) refuse(examined.failure());
  const engine::Model& model = examined.model();
  std::uint64_t most = 0;
  for (std::uint32_t entry = 0; entry < model.plan().entries().size(); ++entry) {
    engine::IoSize size;
    if (model.plan().entries()[entry].kind != 0) continue;  // tokens stay inside
    const Failure failure = model.io_size(entry, &size);
    if (!failure.ok()) refuse(failure);
    most = std::max(most, size.inputs + size.outputs);
  }
  return most;
}

engine::MemoryNeed need_of(const package::PlanHeader& header, std::uint32_t cores) {
  if (cores < 1 || cores > SMARTZONE_MAX_CORES) {
    throw AnalyzeError("the number of cores must be 1 to " + std::to_string(SMARTZONE_MAX_CORES));
  }
  engine::MemoryNeed need;
  if (!engine::memory_need(header, cores, &need).ok()) {
    throw AnalyzeError("the model's memory is larger than a trusted application can have");
  }
  return need;
}

Row row(const char* id, const char* name, Owner owner, std::uint64_t bytes) {
  return {id, name, owner, bytes, align_up(bytes, kPage)};
}

void add_model_rows(const engine::MemoryNeed& need, std::vector<Row>* rows) {
  rows->push_back(row("control", "plan and resolved tensors", Owner::kModel, need.control));
  rows->push_back(row("weights", "weights as packed", Owner::kModel, need.weights));
  rows->push_back(row("arena", "activation arena", Owner::kModel, need.arena));
  if (need.state != 0) {
    rows->push_back(row("state", "key-value caches", Owner::kModel, need.state));
  }
  if (need.language != 0) {
    rows->push_back(row("language", "tokens and text of a conversation", Owner::kModel,
                        need.language));
  }
  rows->push_back(row("scratch", "operators' scratch", Owner::kModel, need.scratch));
  if (need.board == 0) return;
  rows->push_back(row("board", "work shared between cores", Owner::kModel, need.board));
  rows->push_back(row("stacks", "stacks of lent cores", Owner::kModel, need.stacks));
}

void add_session_rows(const TaImage& image, const TrustedOs& os, std::vector<Row>* rows) {
  // The heap is part of the image's zeroed data: counted once, under its own name.
  const std::uint64_t heap = std::min<std::uint64_t>(SMARTZONE_TA_HEAP_BYTES, image.for_each);
  Row program = row("ta_image", "TA image: code, constants and data", Owner::kSession,
                    image.text_bytes + image.data_bytes - std::min(heap, image.data_bytes));
  program.mapped = image.shared + image.for_each - heap;
  rows->push_back(program);
  rows->push_back(row("ta_heap", "TA heap", Owner::kSession, heap));
  rows->push_back(row("ta_stack", "TA stack", Owner::kSession,
                      SMARTZONE_TA_STACK_BYTES + SMARTZONE_TA_STACK_EXTRA_BYTES));
  rows->push_back(
      row("ta_loader", "OP-TEE's loader in the TA, bounce page", Owner::kSession, os.loader_bytes));
}

// Page tables while a command runs: one for each window of 2 MiB that it touches. A TA's address
// space begins at such a window and is filled from there on.
std::uint64_t tables_for(std::uint64_t mapped, std::uint64_t exchange) {
  return (mapped + exchange + kGaps) / kTableSpan + 1;
}

std::string hex(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof(text), "0x%08llx", static_cast<unsigned long long>(value));
  return text;
}

void add_settings(const TrustedOs& os, SecureMemoryReport* report) {
  const std::uint64_t tables = std::max(report->page_tables, kDefaultTables);
  const bool large_core = tables > kTablesInSmallCore;
  const std::uint64_t core_window = (large_core ? 4 : 2) * kMib;
  const std::uint64_t secure = std::max(core_window, os.core_in_pool_bytes) + report->total;
  auto& settings = report->settings;
  settings.push_back({"CFG_SYSTEM_PTA", "y", "the TA takes its memory at run time"});
  settings.push_back({"CFG_TZDRAM_SIZE", hex(align_up(secure, kMib)),
                      "at least: OP-TEE itself and one session with this model"});
  settings.push_back({"CFG_PGT_CACHE_ENTRIES", std::to_string(tables),
                      "at least: one for each 2 MiB of the session and its shared buffers"});
  if (large_core) {
    settings.push_back({"CFG_TEE_RAM_VA_SIZE", hex(core_window),
                        "so many page tables need a larger window for the core"});
  }
  settings.push_back({"CFG_CORE_HEAP_SIZE", std::to_string(65536 + kCoreHeapForSession),
                      "at least: handles and descriptors of a session"});
}

std::string mib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f MiB", static_cast<double>(bytes) / kMib);
  return text;
}

void add_warnings(const TrustedOs& os, SecureMemoryReport* report) {
  const std::uint64_t free = os.pool_bytes - os.core_in_pool_bytes;
  if (report->total > free) {
    report->warnings.push_back(mib(report->total) +
                               " are needed, but the emulated device as it comes has " + mib(free) +
                               " free: raise CFG_TZDRAM_SIZE (tzdev start --profile "
                               "firewalled-large)");
  }
  if (report->page_tables > os.page_tables) {
    report->warnings.push_back("up to " + std::to_string(report->page_tables) +
                               " page tables are needed, but " + report->trusted_os + " has " +
                               std::to_string(os.page_tables) +
                               " as it comes: raise CFG_PGT_CACHE_ENTRIES, or the trusted OS will "
                               "refuse calls for want of memory");
  }
}

std::uint64_t sum(const std::vector<Row>& rows, bool model) {
  std::uint64_t total = 0;
  for (const Row& row : rows) {
    if (row.owner != Owner::kCore && (row.owner == Owner::kModel) == model) total += row.mapped;
  }
  return total;
}

}  // namespace

SecureMemoryReport analyze(std::span<const std::byte> plan, const AnalyzeOptions& options) {
  const package::PlanHeader header = read_header(plan);
  const engine::MemoryNeed need = need_of(header, options.cores);
  const TrustedOs& os = options.trusted_os ? *options.trusted_os : trusted_oses().front();

  SecureMemoryReport report;
  report.cores = options.cores;
  report.trusted_os = std::string(os.name) + " (OP-TEE " + std::string(os.version) + ")";
  add_model_rows(need, &report.rows);
  if (options.image) add_session_rows(*options.image, os, &report.rows);
  report.model = sum(report.rows, true);
  report.session = sum(report.rows, false);
  report.shared = options.image ? options.image->shared : 0;
  report.total = report.model + report.session;
  const std::uint64_t exchange = std::max(largest_exchange(plan), kPieceBytes);
  report.page_tables = tables_for(report.total, exchange);
  // A lent core has tables of its own for all that is not shared with the normal world.
  report.page_tables += (options.cores - 1) * tables_for(report.total, 0);
  report.rows.push_back(row("page_tables", "page tables (in OP-TEE's core)", Owner::kCore,
                            report.page_tables * kPage));
  report.weights_lower_bound = need.weights;
  report.caches_lower_bound = need.state;
  report.live_lower_bound = options.largest_live_set;
  add_settings(os, &report);
  add_warnings(os, &report);
  return report;
}

}  // namespace sz::analyze
