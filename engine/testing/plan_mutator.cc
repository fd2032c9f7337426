#include "engine/testing/plan_mutator.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "engine/testing/plan_builder.h"
#include "engine/testing/plan_refit.h"

namespace sz::engine::testing {
namespace {

using Random = std::minstd_rand;

// Tables stay small, so that a plan stays below the fuzzer's largest input.
constexpr std::size_t kMaxRecords = 24;

std::uint32_t below(Random& random, std::size_t end) {
  return end == 0 ? 0 : static_cast<std::uint32_t>(random() % end);
}

template <typename T>
T* any(Random& random, std::vector<T>& table) {
  return table.empty() ? nullptr : &table[below(random, table.size())];
}

// A value near the old one, small, at an edge, or anything.
std::uint64_t changed(Random& random, std::uint64_t value) {
  constexpr std::uint64_t kEdges[] = {0,          0x7f,       0xff,       0xffff,     0x7fffffff,
                                      0x80000000, 0xfffffffe, 0xffffffff, 0x7fc00000, 0x3f800000};
  switch (below(random, 8)) {
    case 0:
      return value + 1;
    case 1:
      return value - 1;
    case 2:
      return value * 2;
    case 3:
      return value / 2;
    case 4:
      return value ^ std::uint64_t{1} << below(random, 32);
    case 5:
      return kEdges[below(random, std::size(kEdges))];
    case 6:
      return random();
    default:
      return below(random, 17);
  }
}

template <typename T>
void change(Random& random, T& field) {
  field = static_cast<T>(changed(random, field));
}

std::uint32_t& inner_of(package::TensorRecord& tensor) {
  return tensor.dims[tensor.rank == 0 || tensor.rank > kMaxRank ? 0 : tensor.rank - 1u];
}

void change_tensor(Random& random, PlanTables& tables) {
  auto* tensor = any(random, tables.tensors);
  if (tensor == nullptr) return;
  switch (below(random, 9)) {
    case 0:
      return change(random, tensor->dims[below(random, kMaxRank)]);
    case 1:
      return change(random, tensor->pitch);
    case 2:
      return change(random, tensor->offset);
    case 3:
      return change(random, tensor->dtype);
    case 4:
      return change(random, tensor->rank);
    case 5:
      return change(random, tensor->region);
    case 6:  // to another place, aligned
      tensor->offset = below(random, tables.header.arena_bytes / 64 + 1) * 64u;
      return;
    case 7: {  // a slice of itself
      const std::uint32_t skip = below(random, inner_of(*tensor));
      tensor->offset += skip * sizeof(float);
      inner_of(*tensor) -= skip;
      return;
    }
    default:
      *tensor = *any(random, tables.tensors);
  }
}

// A size, wherever it stands as this dimension: so shapes go on fitting each other.
void change_size_everywhere(Random& random, PlanTables& tables) {
  const auto* tensor = any(random, tables.tensors);
  if (tensor == nullptr) return;
  const std::uint32_t axis = below(random, kMaxRank);
  const std::uint32_t before = tensor->dims[axis];
  const std::uint32_t after = 1 + below(random, 24);
  for (auto& other : tables.tensors) {
    if (other.region != 1 || axis >= other.rank || other.dims[axis] != before) continue;
    const bool dense = other.pitch == inner_of(other);
    other.dims[axis] = after;
    if (dense || other.pitch < inner_of(other)) other.pitch = inner_of(other);
  }
}

// Two tensors as slices of one buffer, which may share columns or reach around its edge.
void interleave(Random& random, PlanTables& tables) {
  auto* first = any(random, tables.tensors);
  auto* second = any(random, tables.tensors);
  if (first == nullptr || first->region != 1 || second->region != 1) return;
  const std::uint32_t widest = std::max(inner_of(*first), inner_of(*second));
  const std::uint32_t pitch = widest + 1 + below(random, std::size_t{widest} + 1);
  first->pitch = second->pitch = pitch;
  second->offset = first->offset + (1 + below(random, pitch)) * sizeof(float);
  tables.header.arena_bytes = std::max<std::uint64_t>(tables.header.arena_bytes, 1 << 15);
}

void change_step(Random& random, PlanTables& tables) {
  auto* step = any(random, tables.steps);
  if (step == nullptr) return;
  switch (below(random, 8)) {
    case 0:
      step->op = static_cast<std::uint16_t>(below(random, 2) == 0 ? 1 + below(random, 10)
                                                                  : 90 + below(random, 6));
      return;
    case 1:
      step->kernel = static_cast<std::uint16_t>(below(random, 2));
      return;
    case 2:
      return change(random, step->kernel);
    case 3:
      return change(random, step->input_count);
    case 4:
      return change(random, step->output_count);
    case 5:
      return change(random, step->operand_begin);
    case 6:
      return change(random, step->attribute_begin);
    default:
      return change(random, step->attribute_count);
  }
}

// A copy of a step at another place, which then belongs to the first entry point.
void repeat_step(Random& random, PlanTables& tables) {
  if (tables.steps.empty() || tables.steps.size() >= kMaxRecords || tables.entries.empty()) return;
  const package::StepRecord copy = *any(random, tables.steps);
  tables.steps.insert(tables.steps.begin() + below(random, tables.steps.size() + 1), copy);
  auto& added = tables.entries.back();
  ++added.step_count;
}

void drop_step(Random& random, PlanTables& tables) {
  if (tables.steps.empty() || tables.entries.empty()) return;
  tables.steps.erase(tables.steps.begin() + below(random, tables.steps.size()));
  --tables.entries.back().step_count;
}

// A new tensor like an operand of a step, perhaps a little beside it, for an operand of that step.
void add_tensor(Random& random, PlanTables& tables) {
  auto* step = any(random, tables.steps);
  if (step == nullptr || tables.tensors.size() >= kMaxRecords) return;
  const std::size_t count = std::size_t{step->input_count} + step->output_count;
  if (count == 0 || step->operand_begin + count > tables.operands.size()) return;
  const std::uint32_t like = tables.operands[step->operand_begin + below(random, count)];
  if (like >= tables.tensors.size()) return;
  package::TensorRecord tensor = tables.tensors[like];
  if (below(random, 2) == 0) {
    tensor.pitch += tensor.pitch == inner_of(tensor);
    tensor.offset += (1 + below(random, tensor.pitch)) * sizeof(float);
  }
  const std::uint32_t added = static_cast<std::uint32_t>(tables.tensors.size());
  const auto operand = tables.operands.begin() + step->operand_begin + below(random, count);
  if (below(random, 2) == 0) {
    *operand = added;
  } else {  // here and in all that follows, so that what is written here is what is read there
    std::replace(operand, tables.operands.end(), std::uint32_t{*operand}, added);
  }
  tables.tensors.push_back(tensor);
}

// Operands of its own for a step: another step with the same operands keeps them.
void own_operands(Random& random, PlanTables& tables) {
  auto* step = any(random, tables.steps);
  if (step == nullptr || tables.operands.size() >= 4 * kMaxRecords) return;
  const std::size_t count = std::size_t{step->input_count} + step->output_count;
  if (step->operand_begin + count > tables.operands.size()) return;
  const std::vector<std::uint32_t> copy(tables.operands.begin() + step->operand_begin,
                                        tables.operands.begin() + step->operand_begin + count);
  step->operand_begin = static_cast<std::uint32_t>(tables.operands.size());
  tables.operands.insert(tables.operands.end(), copy.begin(), copy.end());
}

void change_operand(Random& random, PlanTables& tables) {
  auto* operand = any(random, tables.operands);
  if (operand == nullptr) return;
  const std::uint32_t which = below(random, 32);
  *operand = which == 0 ? package::kNoTensor : below(random, tables.tensors.size() + (which == 1));
}

void change_entry(Random& random, PlanTables& tables) {
  auto* entry = any(random, tables.entries);
  if (entry == nullptr) return;
  switch (below(random, 7)) {
    case 0:
      return change(random, entry->kind);
    case 1:
      return change(random, entry->step_begin);
    case 2:
      return change(random, entry->step_count);
    case 3:
      return change(random, entry->operand_begin);
    case 4:
      return change(random, entry->input_count);
    case 5:
      return change(random, entry->output_count);
    default:
      if (tables.entries.size() < package::kMaxEntries) {
        package::EntryRecord next = *entry;
        next.step_begin = static_cast<std::uint32_t>(tables.steps.size());
        next.step_count = 0;
        tables.entries.push_back(next);
      }
  }
}

void change_header(Random& random, PlanTables& tables) {
  switch (below(random, 6)) {
    case 5:
      return change(random, tables.header.state_bytes);
    case 0:
      return change(random, tables.header.weights_bytes);
    case 1:
      return change(random, tables.header.arena_bytes);
    case 2:
      tables.header.scratch_bytes = below(random, 1024) * 64u;
      return;
    default:
      tables.header.arena_bytes = (1 + below(random, 1024)) * 64u;
  }
}

void mutate(Random& random, PlanTables& tables) {
  switch (below(random, 17)) {
    case 0:
      return interleave(random, tables);
    case 1:
    case 2:
      return change_tensor(random, tables);
    case 3:
    case 4:
      return change_size_everywhere(random, tables);
    case 5:
      return spread_tensors(tables);
    case 6:
      return change_step(random, tables);
    case 7:
      return repeat_step(random, tables);
    case 8:
      return drop_step(random, tables);
    case 9:
      return add_tensor(random, tables);
    case 10:
      return own_operands(random, tables);
    case 11:
    case 12:
      return change_operand(random, tables);
    case 13:
      if (auto* word = any(random, tables.attributes)) change(random, *word);
      return;
    case 14:
      return change_header(random, tables);
    default:
      return change_entry(random, tables);
  }
}

PlanTables seed_plan(Random& random) {
  const auto kernel = static_cast<ops::Kernel>(below(random, 2));
  switch (below(random, 8)) {
    case 0:
      return sequence_plan(kernel).builder.tables;
    case 1:
      return branches_plan(kernel).builder.tables;
    case 2:
      return convolutions_plan(kernel).tables;
    case 3:
      return residuals_plan(kernel).tables;
    case 4:
      return enlarging_plan(kernel).tables;
    case 5:
    case 6:
      return language_plan(kernel).tables;
    default:
      return functions_plan(kernel).tables;
  }
}

}  // namespace

std::vector<std::byte> mutate_plan(ByteSpan plan, std::uint32_t seed) {
  Random random(seed);
  random.discard(2);
  if (below(random, 64) == 0) return {};
  auto tables = PlanTables::decode(plan);
  if (!tables || below(random, 256) == 0) tables = seed_plan(random);
  for (std::uint32_t i = below(random, 4) + 1; i > 0; --i) mutate(random, *tables);
  if (below(random, 3) == 0) refit(*tables);
  return tables->encode();
}

}  // namespace sz::engine::testing
