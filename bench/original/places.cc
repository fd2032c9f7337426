#include "bench/original/places.h"

#include <algorithm>
#include <utility>

#include "engine/extent.h"
#include "tensor/tensor.h"

namespace sz::original {
namespace {

engine::Extent extent(const package::TensorRecord& record) {
  TensorView view;
  view.dims = record.dims;
  view.pitch = record.pitch;
  view.dtype = DType{record.dtype};
  view.rank = record.rank;
  return engine::extent_of(record, view);
}

}  // namespace

Numbers dims_of(const package::TensorRecord& record) {
  return {record.dims.begin(), record.dims.begin() + record.rank};
}

std::uint32_t count(const Numbers& dims) {
  std::uint32_t n = 1;
  for (const std::uint32_t size : dims) n *= size;
  return n;
}

Numbers plain_strides(const Numbers& dims) {
  Numbers strides(dims.size());
  std::uint32_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims[i];
  }
  return strides;
}

Numbers image_strides(const Numbers& dims) {
  const std::uint32_t plane = dims[1] * dims[2];
  return {plane * dims[3], dims[2], 1, plane};
}

bool same_memory(const Numbers& dims, const Numbers& a, const Numbers& b) {
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1 && a[i] != b[i]) return false;
  }
  return true;
}

std::uint32_t rows_of(const package::TensorRecord& record) {
  std::uint32_t rows = 1;
  for (std::uint32_t i = 0; i + 1 < record.rank; ++i) rows *= record.dims[i];
  return rows;
}

std::uint32_t inner_of(const package::TensorRecord& record) {
  return record.rank == 0 ? 1 : record.dims[record.rank - 1u];
}

void Places::write(const package::TensorRecord& record, Operand operand) {
  const engine::Extent written = extent(record);
  std::erase_if(values_,
                [&](const Value& value) { return engine::overlap(written, extent(value.record)); });
  values_.push_back({record, std::move(operand)});
}

const Value* Places::exact(const package::TensorRecord& record) const {
  for (const Value& value : values_) {
    const package::TensorRecord& other = value.record;
    const bool same_rows = other.pitch == record.pitch || (is_dense(other) && is_dense(record));
    if (other.offset == record.offset && other.rank == record.rank && other.dims == record.dims &&
        same_rows) {
      return &value;
    }
  }
  return nullptr;
}

const Value* Places::reshaped(const package::TensorRecord& record) const {
  if (!is_dense(record)) return nullptr;
  for (const Value& value : values_) {
    if (value.record.offset == record.offset && is_dense(value.record) &&
        count(value.operand.dims) == count(dims_of(record))) {
      return &value;
    }
  }
  return nullptr;
}

std::vector<Value> Places::parts(const package::TensorRecord& record) const {
  const engine::Extent wanted = extent(record);
  std::vector<Value> found;
  for (const Value& value : values_) {
    if (engine::overlap(wanted, extent(value.record))) found.push_back(value);
  }
  std::sort(found.begin(), found.end(),
            [](const Value& a, const Value& b) { return a.record.offset < b.record.offset; });
  return found;
}

}  // namespace sz::original
