#include "compiler/plan/program.h"

namespace sz::compiler {

TensorView ProgramTensor::view() const {
  TensorView view;
  for (std::size_t i = 0; i < dims.size(); ++i) view.dims[i] = dims[i];
  view.pitch = pitch;
  view.dtype = dtype;
  view.rank = static_cast<std::uint8_t>(dims.size());
  return view;
}

std::uint64_t ProgramTensor::bytes() const { return view().elements() * dtype_bytes(dtype); }

Status check(const Program& program, const ProgramStep& step) {
  const ops::Operator* op = ops::find_operator(static_cast<std::uint16_t>(step.op));
  if (op == nullptr) return Status::kUnknownOperator;
  std::vector<TensorView> views;
  for (const std::uint32_t id : step.inputs) views.push_back(program.tensors[id].view());
  const TensorView result = program.tensors[step.output].view();
  std::vector<const TensorView*> inputs;
  for (const TensorView& view : views) inputs.push_back(&view);
  const TensorView* output = &result;
  return op->check({program.kernel, inputs, std::span(&output, 1), step.attributes});
}

bool overlap(const ProgramTensor& a, const ProgramTensor& b) {
  if (a.storage != b.storage) return false;
  const ProgramTensor& first = a.offset <= b.offset ? a : b;
  const ProgramTensor& second = a.offset <= b.offset ? b : a;
  if (first.offset + first.view().footprint() <= second.offset) return false;
  if (a.pitch != b.pitch || dtype_bytes(a.dtype) != dtype_bytes(b.dtype)) return true;
  const std::uint64_t column = (second.offset - first.offset) / dtype_bytes(a.dtype) % first.pitch;
  return column < first.view().inner() || column + second.view().inner() > first.pitch;
}

bool covers_storage(const Program& program, const ProgramTensor& tensor) {
  return tensor.offset == 0 && tensor.bytes() == program.storages[tensor.storage].bytes;
}

}  // namespace sz::compiler
