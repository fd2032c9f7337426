#include "client/plan_io.h"

#include <cstring>
#include <vector>

#include "base/memory.h"
#include "engine/host/examined_plan.h"
#include "package/package_file.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::client {
namespace {

struct Side {
  const char* name;  // "input" or "output"
  const std::vector<TensorInfo>& infos;
  std::uint64_t operand_begin;
  std::uint32_t count;
};

[[noreturn]] void contradiction(const Package& package, const std::string& what) {
  throw Error("package '" + package.name() + "' contradicts itself: " + what);
}

// The DType that an element type is in the plan.
DType dtype_of(ElementType type) {
  switch (type) {
    case ElementType::kF32:
      return DType::kF32;
    case ElementType::kI8:
      return DType::kI8;
    case ElementType::kU8:
      return DType::kU8;
    case ElementType::kI32:
      return DType::kI32;
    case ElementType::kI64:
      return DType::kI64;
    case ElementType::kBool:
      return DType::kBool;
  }
  return DType::kF32;
}

// Elements of a tensor; 0 if the record is none that passes the checker.
std::uint64_t elements_of(const package::TensorRecord& tensor) {
  std::uint64_t n = tensor.rank <= kMaxRank ? 1 : 0;
  for (std::uint32_t i = 0; i < tensor.rank && i < kMaxRank; ++i) {
    if (__builtin_mul_overflow(n, std::uint64_t{tensor.dims[i]}, &n)) return 0;
  }
  return n;
}

void check_side(const Package& package, const package::PlanView& plan, const Side& side) {
  if (side.infos.size() != side.count) {
    contradiction(package, "its information section has " + std::to_string(side.infos.size()) +
                               " " + side.name + "s, its plan " + std::to_string(side.count));
  }
  for (std::uint32_t i = 0; i < side.count; ++i) {
    const std::uint64_t operand = side.operand_begin + i;
    if (operand >= plan.operands().size()) return;
    const std::uint32_t index = plan.operands()[operand];
    if (index >= plan.tensors().size()) return;
    const package::TensorRecord& tensor = plan.tensors()[index];
    const TensorInfo& info = side.infos[i];
    if (tensor.dtype == static_cast<std::uint8_t>(dtype_of(info.type)) &&
        elements_of(tensor) == info.elements()) {
      continue;
    }
    contradiction(package, "its information section says that " + std::string(side.name) + " '" +
                               info.name + "' has " + std::to_string(info.elements()) + " " +
                               element_type_name(info.type) + ", its plan has " +
                               std::to_string(elements_of(tensor)) + " of type " +
                               std::to_string(tensor.dtype));
  }
}

// A package's plan on its own memory: the view wants 8-byte alignment, and a caller's bytes need
// not have it. No view if the plan is none.
class OpenPlan {
 public:
  explicit OpenPlan(const Package& package) {
    const std::span<const std::byte> bytes = package.plan();
    copy_.resize(bytes.size() / sizeof(std::uint64_t) + 1);
    std::memcpy(copy_.data(), bytes.data(), bytes.size());
    sound_ = package::PlanView::parse(std::as_bytes(std::span(copy_)).first(bytes.size()),
                                      package::sha256_host, &view_)
                 .ok();
  }
  const package::PlanView* view() const { return sound_ ? &view_ : nullptr; }

 private:
  std::vector<std::uint64_t> copy_;
  package::PlanView view_;
  bool sound_ = false;
};

void check_language(const Package& package, const package::LanguageRecord& plan) {
  if (package.language() == nullptr) {
    contradiction(package,
                  "its plan is a language model's, its information section says nothing "
                  "of one");
  }
  const LanguageInfo& info = *package.language();
  const auto compare = [&](const char* what, std::uint32_t told, std::uint32_t own) {
    if (told == own) return;
    contradiction(package, "its information section says that the " + std::string(what) + " is " +
                               std::to_string(told) + ", its plan " + std::to_string(own));
  };
  compare("context", info.context, plan.context);
  compare("vocabulary", info.vocabulary, plan.vocabulary);
  compare("batch", info.batch, plan.batch);
}

}  // namespace

void check_info_against_plan(const Package& package) {
  const OpenPlan open(package);
  if (open.view() == nullptr || open.view()->entries().empty()) return;
  const package::PlanView& plan = *open.view();
  if (!plan.language().empty()) {
    check_language(package, plan.language()[0]);
    return;
  }
  if (package.language() != nullptr) {
    contradiction(package, "its information section is a language model's, its plan is not");
  }
  const package::EntryRecord& entry = plan.entries()[0];
  check_side(package, plan, {"input", package.inputs(), entry.operand_begin, entry.input_count});
  check_side(package, plan,
             {"output", package.outputs(), std::uint64_t{entry.operand_begin} + entry.input_count,
              entry.output_count});
}

std::uint32_t most_text_bytes(const Package& package) {
  const OpenPlan open(package);
  if (open.view() == nullptr || open.view()->language().empty()) return 0;
  return open.view()->language()[0].most_text_bytes;
}

std::uint32_t useful_cores(std::span<const std::byte> plan, std::uint32_t most) {
  const engine::ExaminedPlan examined(plan);
  return examined.failure().ok() ? examined.model().useful_cores(most) : 1;
}

}  // namespace sz::client
