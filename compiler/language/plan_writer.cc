#include "compiler/language/plan_writer.h"

#include <algorithm>

#include "base/checked.h"
#include "base/status_text.h"
#include "compiler/error.h"
#include "compiler/plan/placement.h"

namespace sz::compiler {

using package::RegionKind;

std::uint32_t PlanWriter::add_tensor(RegionKind region, std::uint64_t offset, Dims dims, DType dtype) {
  package::TensorRecord record{};
  record.offset = offset;
  record.dims.fill(1);
  std::copy(dims.begin(), dims.end(), record.dims.begin());
  record.pitch = dims.size() == 0 ? 1 : std::data(dims)[dims.size() - 1];
  record.dtype = static_cast<std::uint8_t>(dtype);
  record.rank = static_cast<std::uint8_t>(dims.size());
  record.region = static_cast<std::uint8_t>(region);
  parts_.tensors.push_back(record);
  return static_cast<std::uint32_t>(parts_.tensors.size() - 1);
}

TensorView PlanWriter::view(std::uint32_t tensor) const {
  const package::TensorRecord& record = parts_.tensors[tensor];
  return {.data = nullptr,
          .dims = record.dims,
          .pitch = record.pitch,
          .dtype = DType{record.dtype},
          .rank = record.rank};
}

std::uint64_t PlanWriter::bytes(std::vector<std::byte> data) {
  const std::uint64_t offset = align_up(weights_.size(), package::kTensorAlignment);
  if (offset + data.size() > package::kMaxRegionBytes) {
    throw CompileError(source_ + ": the packed weights are larger than 1 GiB, the limit of a plan; "
                                 "--quantize q8_0 or q4_0 makes them smaller");
  }
  weights_.resize(offset);
  weights_.insert(weights_.end(), data.begin(), data.end());
  return offset;
}

std::uint32_t PlanWriter::constant(const std::string& name, Dims dims, DType dtype,
                                   std::vector<std::byte> data) {
  std::uint64_t size = dtype_bytes(dtype);
  for (const std::uint32_t dim : dims) size *= dim;
  if (size != data.size()) throw InternalError(source_ + ": " + name + ": packed to a wrong size");
  return add_tensor(RegionKind::kWeights, bytes(std::move(data)), dims, dtype);
}

std::uint32_t PlanWriter::state(Dims dims, DType dtype) {
  std::uint64_t& end = parts_.header.state_bytes;
  end = align_up(end, package::kTensorAlignment);
  const std::uint32_t tensor = add_tensor(RegionKind::kState, end, dims, dtype);
  end += view(tensor).footprint();
  return tensor;
}

std::uint32_t PlanWriter::begin_entry(package::EntryKind kind, Dims dims, DType dtype) {
  blocks_.clear();
  first_of_entry_ = static_cast<std::uint32_t>(parts_.tensors.size());
  const std::uint32_t input = fresh(dims, dtype);
  parts_.entries.push_back({.kind = static_cast<std::uint32_t>(kind),
                            .step_begin = steps(),
                            .step_count = 0,
                            .operand_begin = static_cast<std::uint32_t>(parts_.operands.size()),
                            .input_count = 1,
                            .output_count = 1});
  parts_.operands.push_back(input);
  parts_.operands.push_back(input);  // the output's place: end_entry knows it
  return input;
}

std::uint32_t PlanWriter::fresh(Dims dims, DType dtype) {
  const std::uint32_t tensor = add_tensor(RegionKind::kArena, 0, dims, dtype);
  blocks_.push_back({align_up(view(tensor).footprint(), package::kTensorAlignment),
                     {steps(), steps()}});
  return tensor;
}

void PlanWriter::use(std::uint32_t tensor) {
  if (tensor != package::kNoTensor && tensor >= first_of_entry_) {
    blocks_[tensor - first_of_entry_].life.last = steps();
  }
}

void PlanWriter::add_step(const std::string& name, ops::OpCode op, Tensors inputs, Tensors outputs,
                          std::span<const std::uint32_t> attributes) {
  std::vector<TensorView> views;
  views.reserve(inputs.size() + outputs.size());
  std::vector<const TensorView*> pointers;
  const auto add = [&](std::uint32_t tensor) {
    views.push_back(tensor == package::kNoTensor ? TensorView() : view(tensor));
    pointers.push_back(tensor == package::kNoTensor ? nullptr : &views.back());
    use(tensor);
    parts_.operands.push_back(tensor);
  };
  const auto operand_begin = static_cast<std::uint32_t>(parts_.operands.size());
  for (const std::uint32_t tensor : inputs) add(tensor);
  for (const std::uint32_t tensor : outputs) add(tensor);
  const std::span<const TensorView* const> operands(pointers);
  const ops::Step step = {.kernel = ops::Kernel::kVector,
                          .inputs = operands.first(inputs.size()),
                          .outputs = operands.subspan(inputs.size()),
                          .attributes = attributes};
  const ops::Operator* row = ops::find_operator(static_cast<std::uint16_t>(op));
  const Status status = row->check(step);
  if (status != Status::kOk) {
    throw InternalError(source_ + ": " + name + ": its operator refuses it: " +
                        std::string(status_name(static_cast<std::uint32_t>(status))));
  }
  parts_.header.scratch_bytes = std::max(parts_.header.scratch_bytes, row->scratch_bytes(step));
  parts_.steps.push_back({.op = static_cast<std::uint16_t>(op),
                          .kernel = static_cast<std::uint16_t>(ops::Kernel::kVector),
                          .input_count = static_cast<std::uint16_t>(inputs.size()),
                          .output_count = static_cast<std::uint16_t>(outputs.size()),
                          .operand_begin = operand_begin,
                          .attribute_begin = static_cast<std::uint32_t>(parts_.attributes.size()),
                          .attribute_count = static_cast<std::uint32_t>(attributes.size()),
                          .reserved = 0});
  parts_.attributes.insert(parts_.attributes.end(), attributes.begin(), attributes.end());
}

void PlanWriter::end_entry(std::uint32_t output) {
  package::EntryRecord& entry = parts_.entries.back();
  entry.step_count = steps() - entry.step_begin;
  parts_.operands[entry.operand_begin + 1] = output;
  use(output);
  if (keep_) {
    for (Block& block : blocks_) block.life = {entry.step_begin, steps()};
  }
  const Placement placement = place(blocks_);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    parts_.tensors[first_of_entry_ + i].offset = placement.offsets[i];
  }
  parts_.header.arena_bytes = std::max(parts_.header.arena_bytes, placement.arena_bytes);
  for (std::uint32_t moment = entry.step_begin; moment <= steps(); ++moment) {
    std::uint64_t live = 0;
    for (const Block& block : blocks_) {
      if (block.life.first <= moment && moment <= block.life.last) live += block.bytes;
    }
    live_bound_ = std::max(live_bound_, live);
  }
}

void PlanWriter::describe(const package::LanguageRecord& record, std::uint64_t language_bytes) {
  parts_.language = {record};
  parts_.header.language_bytes = language_bytes;
}

std::vector<std::byte> PlanWriter::finish() { return plan_bytes(parts_, weights_, source_); }

}  // namespace sz::compiler
