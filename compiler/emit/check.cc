#include "compiler/emit/check.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/checked.h"
#include "base/status_text.h"
#include "compiler/error.h"
#include "package/package_file.h"

namespace sz::compiler {

engine::MemoryNeed check_emitted(std::span<const std::byte> plan, const std::string& source) {
  const auto expect = [&](const Failure& failure) {
    if (failure.ok()) return;
    throw InternalError(
        source + ": internal error: the plan made for it is refused by the engine: " +
        status_sentence(static_cast<std::uint32_t>(failure.status), failure.detail) +
        "; this is a defect of the compiler");
  };
  package::PlanHeader header;
  std::memcpy(&header, plan.data(), sizeof(header));
  engine::MemoryNeed need;
  expect(engine::memory_need(header, 1, &need));

  const std::uint64_t bytes = align_up(need.control, engine::kPageBytes);
  const std::unique_ptr<std::byte, decltype(&std::free)> control(
      static_cast<std::byte*>(std::aligned_alloc(engine::kPageBytes, bytes)), &std::free);
  if (!control) throw std::bad_alloc();
  std::memcpy(control.get(), plan.data(), plan.size());
  engine::Model model;
  expect(model.prepare({control.get(), bytes}, plan.size(), package::sha256_host));
  return need;
}

}  // namespace sz::compiler
