#include "ops/movement/strided_copy.h"

#include "ops/movement/check.h"

namespace sz::ops {
namespace {

struct Attributes {
  StridedCopyHead head;
  StridedCopyLoop loop[kMaxLoops];
};

bool read(std::span<const std::uint32_t> words, Attributes* to) {
  constexpr std::uint32_t kHead = kAttributeWords<StridedCopyHead>;
  constexpr std::uint32_t kLoop = kAttributeWords<StridedCopyLoop>;
  if (words.size() < kHead) return false;
  read_structs(words, 0, &to->head, 1);
  if (to->head.loops > kMaxLoops || to->head.inner_loops > to->head.loops ||
      words.size() != kHead + std::size_t{to->head.loops} * kLoop) {
    return false;
  }
  read_structs(words, kHead, to->loop, to->head.loops);
  return true;
}

// The places that a walk can reach along one direction, from the first to the last.
struct Reach {
  std::int64_t low, high;

  // False once it is out of all bounds, so that no sum overflows.
  bool extend(std::int64_t step, std::int64_t rounds) {
    const std::int64_t way = step * (rounds - 1);  // below 2^31 * 2^32
    constexpr std::int64_t kFar = std::int64_t{1} << 33;
    if (way > kFar || way < -kFar) return false;
    (way < 0 ? low : high) += way;
    return true;
  }
  bool within(std::uint64_t size) const {
    return low >= 0 && high < static_cast<std::int64_t>(size);
  }
};

Status check_loops(const Attributes& a, const TensorView& x, const TensorView& y) {
  Reach row{a.head.row, a.head.row};
  Reach column{a.head.column, a.head.column};
  std::uint64_t rows = 1;
  std::uint64_t columns = 1;
  for (std::uint32_t i = 0; i < a.head.loops; ++i) {
    const StridedCopyLoop& loop = a.loop[i];
    if (loop.begin >= loop.end || loop.end > loop.size) return Status::kBadAttribute;
    const std::int64_t rounds = std::int64_t{loop.end} - loop.begin;
    if (!row.extend(loop.row_step, rounds) || !column.extend(loop.column_step, rounds)) {
      return Status::kBadAttribute;
    }
    std::uint64_t* product = i + a.head.inner_loops < a.head.loops ? &rows : &columns;
    if (!checked_mul(*product, loop.size, product)) return Status::kShapeMismatch;
  }
  if (rows != y.rows() || columns != y.inner()) return Status::kShapeMismatch;
  return row.within(x.rows()) && column.within(x.inner()) ? Status::kOk : Status::kBadAttribute;
}

}  // namespace

Status check_strided_copy(const Step& step) {
  if (const Status status = check_views(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  if (x.dtype != y.dtype) return Status::kDtypeMismatch;
  Attributes attributes;
  if (!read(step.attributes, &attributes)) return Status::kBadAttribute;
  return check_loops(attributes, x, y);
}

Status run_strided_copy(const Step& step, const RunContext& context) noexcept {
  Attributes a;
  (void)read(step.attributes, &a);  // checked before
  const TensorView& x = *step.inputs[0];
  const TensorView& y = *step.outputs[0];
  StridedCopy copy;
  copy.element = dtype_bytes(x.dtype);
  copy.x = x.data + (std::size_t{a.head.row} * x.pitch + a.head.column) * copy.element;
  copy.y = y.data;
  copy.loops = a.head.loops;
  copy.fill = a.head.fill[0] | std::uint64_t{a.head.fill[1]} << 32;
  std::size_t y_step = 1;
  for (std::uint32_t back = 0; back < a.head.loops; ++back) {
    const std::uint32_t i = a.head.loops - 1 - back;
    const StridedCopyLoop& loop = a.loop[i];
    if (back == a.head.inner_loops) y_step = y.pitch;
    copy.loop[i] = {loop.size, loop.begin, loop.end,
                    std::ptrdiff_t{loop.row_step} * x.pitch + loop.column_step, y_step};
    y_step *= loop.size;
  }
  if (step.kernel == Kernel::kReference) {
    strided_copy_reference(copy);
  } else {
    strided_copy_vector(copy, context);
  }
  return Status::kOk;
}

void strided_copy_reference(const StridedCopy& copy) {
  std::size_t elements = 1;
  for (std::uint32_t i = 0; i < copy.loops; ++i) elements *= copy.loop[i].size;
  for (std::size_t element = 0; element < elements; ++element) {
    std::size_t rest = element;
    std::ptrdiff_t from = 0;
    std::size_t to = 0;
    bool copied = true;
    for (std::uint32_t back = 0; back < copy.loops; ++back) {
      const StridedCopy::Loop& loop = copy.loop[copy.loops - 1 - back];
      const std::size_t index = rest % loop.size;
      rest /= loop.size;
      to += index * loop.y_step;
      copied = copied && index >= loop.begin && index < loop.end;
      from += (static_cast<std::ptrdiff_t>(index) - static_cast<std::ptrdiff_t>(loop.begin)) *
              loop.x_step;
    }
    std::byte* y = copy.y + to * copy.element;
    const auto* fill = reinterpret_cast<const std::byte*>(&copy.fill);
    const std::byte* x = copied ? copy.x + from * static_cast<std::ptrdiff_t>(copy.element) : fill;
    for (std::uint32_t i = 0; i < copy.element; ++i) y[i] = x[i];
  }
}

}  // namespace sz::ops
