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
