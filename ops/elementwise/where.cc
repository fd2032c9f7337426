#include "base/memory.h"
#include "ops/check.h"
#include "ops/elementwise/elementwise.h"
#include "ops/split.h"

namespace sz::ops {
namespace {

struct Where {
  Broadcast shape;  // of the condition, a, b and y
  const std::uint8_t* condition = nullptr;
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* y = nullptr;
  std::size_t element = 4;  // bytes
};

struct WhereJob {
  const Where& where;
  RowSplit split;
};

Where unpack(const Step& step) {
  Where where;
  where.shape = broadcast_of(step);
  where.condition = reinterpret_cast<const std::uint8_t*>(step.inputs[0]->data);
  where.a = step.inputs[1]->data;
  where.b = step.inputs[2]->data;
  where.y = step.outputs[0]->data;
  where.element = dtype_bytes(step.outputs[0]->dtype);
  return where;
}

// Columns [begin, begin + count) of a row; T has the element's size.
template <typename T>
void select_run(const Where& where, const RowWalk& row, std::size_t begin, std::size_t count) {
  const std::size_t c_step = where.shape.repeats(0) ? 0 : 1;
  const std::size_t a_step = where.shape.repeats(1) ? 0 : 1;
  const std::size_t b_step = where.shape.repeats(2) ? 0 : 1;
  const std::uint8_t* c = where.condition + row.offset(0) + begin * c_step;
  const T* a = reinterpret_cast<const T*>(where.a) + row.offset(1) + begin * a_step;
  const T* b = reinterpret_cast<const T*>(where.b) + row.offset(2) + begin * b_step;
  T* y = reinterpret_cast<T*>(where.y) + row.offset(3) + begin;
  for (std::size_t i = 0; i < count; ++i) {
    y[i] = c[i * c_step] != 0 ? a[i * a_step] : b[i * b_step];
  }
}

void where_chunk(void* context, std::uint32_t chunk, std::uint32_t) noexcept {
  const auto& job = *static_cast<const WhereJob*>(context);
  const RowSplit::Part part = job.split.part(chunk);
  RowWalk at(job.where.shape, part.row_begin);
  for (std::size_t r = part.row_begin; r < part.row_end; ++r, at.next()) {
    if (job.where.element == 1) {
      select_run<std::uint8_t>(job.where, at, part.column_begin, part.columns());
    } else if (job.where.element == 4) {
      select_run<std::uint32_t>(job.where, at, part.column_begin, part.columns());
    } else {
      select_run<std::uint64_t>(job.where, at, part.column_begin, part.columns());
    }
  }
}

void where_reference(const Where& where) {
  const Broadcast& shape = where.shape;
  RowWalk at(shape, 0);
  for (std::size_t row = 0; row < shape.rows(); ++row, at.next()) {
    for (std::size_t i = 0; i < shape.inner(); ++i) {
      const auto place = [&](std::uint32_t operand) {
        return at.offset(operand) + (shape.repeats(operand) ? 0 : i);
      };
      const bool first = where.condition[place(0)] != 0;
      const std::byte* from =
          first ? where.a + place(1) * where.element : where.b + place(2) * where.element;
      copy_bytes(where.y + (at.offset(3) + i) * where.element, from, where.element);
    }
  }
}

}  // namespace

Status check_where(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  if (!step.attributes.empty()) return Status::kBadAttribute;
  const DType type = step.outputs[0]->dtype;
  if (step.inputs[0]->dtype != DType::kBool || step.inputs[1]->dtype != type ||
      step.inputs[2]->dtype != type) {
    return Status::kDtypeMismatch;
  }
  return is_broadcast(step) ? Status::kOk : Status::kShapeMismatch;
}

Status run_where(const Step& step, const RunContext& context) noexcept {
  const Where where = unpack(step);
  if (step.kernel == Kernel::kReference) {
    where_reference(where);
    return Status::kOk;
  }
  WhereJob job{where,
               RowSplit(where.shape.rows(), where.shape.inner(), true, context.wanted_chunks())};
  context.share(where_chunk, &job, job.split.chunks());
  return Status::kOk;
}

}  // namespace sz::ops
