#include "compiler/plan/program_builder.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "ops/movement/attributes.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

std::uint64_t elements(const Dims& dims) {
  std::uint64_t count = 1;
  for (const std::uint32_t dim : dims) count *= dim;
  return count;
}

std::uint32_t inner(const Dims& dims) { return dims.empty() ? 1 : dims.back(); }

std::string describe(const ProgramTensor& tensor) {
  std::string text;
  for (const std::uint32_t dim : tensor.dims)
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text;
}

}  // namespace

TensorId ProgramBuilder::add(ProgramTensor tensor) {
  if (program_.tensors.size() >= package::kMaxTensors) {
    fail(graph_, "the network needs more than " + std::to_string(package::kMaxTensors) +
                     " tensors, the limit of a plan");
  }
  program_.tensors.push_back(std::move(tensor));
  return static_cast<TensorId>(program_.tensors.size() - 1);
}

TensorId ProgramBuilder::fresh(const std::string& name, Dims dims, DType dtype) {
  const std::uint32_t pitch = inner(dims);
  program_.storages.push_back({name, elements(dims) * dtype_bytes(dtype), nullptr});
  storage_is_input_.push_back(false);
  const auto storage = static_cast<std::uint32_t>(program_.storages.size() - 1);
  return add({name, storage, 0, std::move(dims), pitch, dtype});
}

TensorId ProgramBuilder::constant(const std::string& name, Dims dims, DType dtype, Blob data) {
  weight_bytes_ += align_up(data->size(), package::kTensorAlignment);
  if (weight_bytes_ > package::kMaxRegionBytes) {
    fail(graph_, "the packed weights are larger than 1 GiB, the limit of a plan");
  }
  const TensorId id = fresh(name, std::move(dims), dtype);
  program_.storages.back().data = std::move(data);
  return id;
}

TensorId ProgramBuilder::view(TensorId id, Dims dims) {
  if (tensor(id).dims == dims) return id;
  const std::uint32_t pitch = inner(dims);
  const ProgramTensor& same = tensor(id);
  return add({same.name, same.storage, same.offset, std::move(dims), pitch, same.dtype});
}

TensorId ProgramBuilder::dense(const std::string& name, TensorId id) {
  if (tensor(id).pitch == inner(tensor(id).dims)) return id;
  const TensorId result = fresh(tensor(id).name, tensor(id).dims, tensor(id).dtype);
  copy(name, id, result);
  return result;
}

TensorId ProgramBuilder::slice(TensorId wide, std::uint64_t begin, Dims dims) {
  const ProgramTensor& whole = tensor(wide);
  const std::uint64_t offset = whole.offset + begin * dtype_bytes(whole.dtype);
  return add({whole.name, whole.storage, offset, std::move(dims), whole.pitch, whole.dtype});
}

TensorId ProgramBuilder::columns(const std::string& name, TensorId id, std::uint64_t begin,
                                 Dims dims) {
  const ProgramTensor whole = tensor(id);
  const std::uint64_t rows = whole.view().rows();
  bool same_rows = true;
  for (const ProgramTensor& other : program_.tensors) {
    if (other.storage != whole.storage) continue;
    const TensorView view = other.view();
    const bool gaps = view.pitch != view.inner() && view.rows() > 1;
    if (gaps && (view.pitch != whole.pitch || view.rows() != rows)) same_rows = false;
  }
  if (!same_rows) {
    const TensorId copied = fresh(whole.name, whole.dims, whole.dtype);
    copy(name, id, copied);
    id = copied;
  }
  return slice(id, begin, std::move(dims));
}

bool ProgramBuilder::place_in(TensorId id, TensorId wide, std::uint64_t begin) {
  const ProgramTensor part = tensor(id);
  const ProgramTensor whole = tensor(wide);
  if (is_constant(id) || storage_is_input_[part.storage] || part.dtype != whole.dtype ||
      part.storage == whole.storage || !covers_storage(program_, part) ||
      part.pitch != part.view().inner()) {
    return false;
  }
  const std::uint64_t rows = part.view().rows();
  for (const ProgramTensor& other : program_.tensors) {
    if (other.storage != part.storage) continue;
    // Columns of the same rows, no other view.
    if (other.pitch != part.pitch || other.view().rows() != rows) return false;
  }
  std::vector<TensorId> moved;
  std::vector<ProgramTensor> before;
  for (TensorId i = 0; i < program_.tensors.size(); ++i) {
    ProgramTensor& other = program_.tensors[i];
    if (other.storage != part.storage) continue;
    moved.push_back(i);
    before.push_back(other);
    other.storage = whole.storage;
    // Less than a row: columns only.
    other.offset += whole.offset + begin * dtype_bytes(whole.dtype);
    other.pitch = whole.pitch;
  }
  if (!steps_take(moved)) {
    for (std::size_t i = 0; i < moved.size(); ++i) program_.tensors[moved[i]] = before[i];
    return false;
  }
  program_.storages[part.storage].bytes = 0;  // nothing lies there any more
  return true;
}

bool ProgramBuilder::steps_take(const std::vector<TensorId>& changed) const {
  const auto is_changed = [&](TensorId id) {
    return std::find(changed.begin(), changed.end(), id) != changed.end();
  };
  for (const ProgramStep& step : program_.steps) {
    const bool concerned =
        is_changed(step.output) || std::any_of(step.inputs.begin(), step.inputs.end(), is_changed);
    if (concerned && check(step) != Status::kOk) return false;
  }
  return true;
}

Status ProgramBuilder::check(const ProgramStep& step) const {
  const ops::Operator* op = ops::find_operator(static_cast<std::uint16_t>(step.op));
  std::vector<TensorView> views;
  for (const TensorId id : step.inputs) views.push_back(tensor(id).view());
  const TensorView result = tensor(step.output).view();
  std::vector<const TensorView*> inputs;
  for (const TensorView& view : views) inputs.push_back(&view);
  const TensorView* output = &result;
  return op->check({program_.kernel, inputs, std::span(&output, 1), step.attributes});
}

void ProgramBuilder::add_step(ProgramStep step) {
  if (program_.steps.size() >= package::kMaxSteps) {
    fail(graph_, "the network needs more than " + std::to_string(package::kMaxSteps) +
                     " steps, the limit of a plan");
  }
  const auto refuse = [&](const std::string& why) {
    std::string text = "node '" + step.name + "': the device's operator cannot do this: " + why +
                       " (memory order: ";
    for (const TensorId id : step.inputs) text += describe(tensor(id)) + ", ";
    fail(graph_, text + "to " + describe(tensor(step.output)) + ")");
  };
  if (ops::find_operator(static_cast<std::uint16_t>(step.op)) == nullptr) {
    refuse("there is no such operator");
  }
  switch (check(step)) {
    case Status::kOk:
      break;
    case Status::kBadAttribute:
      refuse("an attribute is out of its range");
      break;
    default:
      refuse("the shapes are not supported");
      break;
  }
  program_.steps.push_back(std::move(step));
}

void ProgramBuilder::copy(const std::string& name, TensorId from, TensorId to) {
  if (tensor(from).dtype == DType::kF32) {
    return add_step({name, ops::OpCode::kCopy, {from}, to, {}});
  }
  std::vector<std::size_t> same(tensor(from).dims.size());
  for (std::size_t i = 0; i < same.size(); ++i) same[i] = i;
  reorder(name, from, to, same);
}

void ProgramBuilder::transpose(const std::string& name, TensorId from, TensorId to,
                               const std::vector<std::size_t>& perm) {
  if (tensor(from).dtype != DType::kF32) return reorder(name, from, to, perm);
  std::vector<std::uint32_t> words(kMaxRank, 0);
  for (std::size_t i = 0; i < perm.size(); ++i) words[i] = static_cast<std::uint32_t>(perm[i]);
  add_step({name, ops::OpCode::kTranspose, {from}, to, std::move(words)});
}

void ProgramBuilder::reorder(const std::string& name, TensorId from, TensorId to,
                             const std::vector<std::size_t>& perm) {
  const Dims& dims = tensor(from).dims;
  const auto rank = static_cast<std::uint32_t>(dims.size());
  AttributeWords words;
  words.add(ops::StridedCopyHead{rank, rank == 0 ? 0u : 1u, 0, 0, {0, 0}});
  for (const std::size_t axis : perm) {
    std::uint32_t rows = 1;
    for (std::size_t i = axis + 1; i + 1 < rank; ++i) rows *= dims[i];
    const bool column = axis + 1 == rank;
    words.add(ops::StridedCopyLoop{dims[axis], 0, dims[axis],
                                   column ? 0 : static_cast<std::int32_t>(rows), column ? 1 : 0});
  }
  add_step({name, ops::OpCode::kStridedCopy, {from}, to, std::move(words.words)});
}

void ProgramBuilder::add_input(TensorId id) {
  program_.inputs.push_back(id);
  storage_is_input_[tensor(id).storage] = true;
}

}  // namespace sz::compiler
