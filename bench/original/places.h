// What lies in the plan's arena at some step, and which buffer of the baseline holds it.
#pragma once

#include <cstdint>
#include <vector>

#include "package/plan_format.h"

namespace sz::original {

using Numbers = std::vector<std::uint32_t>;

// Where a tensor of the plan is: a buffer, and for each of the plan's dimensions the distance of
// neighbours in it.
struct Operand {
  std::uint32_t buffer = 0;
  Numbers dims;
  Numbers strides;
};

Numbers dims_of(const package::TensorRecord& record);
std::uint32_t count(const Numbers& dims);

// Strides of a dense tensor in the plan's order, and of an image [N,H,W,C] that lies as [N,C,H,W].
Numbers plain_strides(const Numbers& dims);
Numbers image_strides(const Numbers& dims);

// Whether both put every element at the same place: dimensions of size 1 do not count.
bool same_memory(const Numbers& dims, const Numbers& a, const Numbers& b);
inline bool is_plain(const Operand& operand) {
  return same_memory(operand.dims, operand.strides, plain_strides(operand.dims));
}
inline bool is_image(const Operand& operand) {
  return operand.dims.size() == 4 &&
         same_memory(operand.dims, operand.strides, image_strides(operand.dims));
}

// A tensor that a step has written and that nothing has overwritten since.
struct Value {
  package::TensorRecord record;
  Operand operand;
};

class Places {
 public:
  // `record` is written: what it overlaps is no more.
  void write(const package::TensorRecord& record, Operand operand);

  // The value with exactly this place and shape; nullptr if there is none.
  const Value* exact(const package::TensorRecord& record) const;

  // The value that is all of these bytes, dense, under another shape; nullptr if there is none.
  const Value* reshaped(const package::TensorRecord& record) const;

  // The values that lie within these bytes, by offset.
  std::vector<Value> parts(const package::TensorRecord& record) const;

 private:
  std::vector<Value> values_;
};

// Rows (all dimensions but the innermost) and innermost dimension of a record.
std::uint32_t rows_of(const package::TensorRecord& record);
std::uint32_t inner_of(const package::TensorRecord& record);
inline bool is_dense(const package::TensorRecord& record) {
  return record.pitch == inner_of(record) || rows_of(record) == 1;
}

}  // namespace sz::original
