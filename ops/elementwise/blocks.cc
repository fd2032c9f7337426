// Binary by way of blocks: types other than f32, comparisons, and functions without vectors.
#include "ops/elements.h"
#include "ops/elementwise/combine.h"
#include "ops/elementwise/elementwise.h"
#include "ops/rules.h"

namespace sz::ops {
namespace {

// One row's operands from their first element of it.
struct Run {
  std::size_t a, b, y;         // elements
  std::size_t a_step, b_step;  // 0 or 1
};

void run_f32(const Binary& binary, const Run& run, std::size_t count) {
  const float* a = reinterpret_cast<const float*>(binary.a) + run.a;
  const float* b = reinterpret_cast<const float*>(binary.b) + run.b;
  float* y = reinterpret_cast<float*>(binary.y) + run.y;
  for (std::size_t i = 0; i < count; ++i) {
    const float value = combine(binary.kind, a[i * run.a_step], b[i * run.b_step]);
    y[i] = finish(value, binary.clamp);
  }
}

void compare_f32(const Binary& binary, const Run& run, std::size_t count) {
  const float* a = reinterpret_cast<const float*>(binary.a) + run.a;
  const float* b = reinterpret_cast<const float*>(binary.b) + run.b;
  auto* y = reinterpret_cast<std::uint8_t*>(binary.y) + run.y;
  for (std::size_t i = 0; i < count; ++i) {
    y[i] = compare(binary.kind, a[i * run.a_step], b[i * run.b_step]);
  }
}

void run_block(const Binary& binary, const Run& run, std::size_t count) {
  std::int64_t a[kBlock];
  std::int64_t b[kBlock];
  load_block(binary.type, binary.a, run.a, run.a_step, count, a);
  load_block(binary.type, binary.b, run.b, run.b_step, count, b);
  if (is_comparison(binary.kind)) {
    for (std::size_t i = 0; i < count; ++i) a[i] = compare(binary.kind, a[i], b[i]);
  } else {
    const std::uint32_t bits = bits_of(binary.type);
    for (std::size_t i = 0; i < count; ++i) a[i] = combine(binary.kind, a[i], b[i], bits);
  }
  store_block(binary.result, binary.y, run.y, count, a);
}

}  // namespace

void binary_run(const Binary& binary, const RowWalk& row, std::size_t begin, std::size_t count) {
  const std::size_t a_step = binary.shape.repeats(0) ? 0 : 1;
  const std::size_t b_step = binary.shape.repeats(1) ? 0 : 1;
  Run run{row.offset(0) + begin * a_step, row.offset(1) + begin * b_step, row.offset(2) + begin,
          a_step, b_step};
  if (binary.type == DType::kF32) {
    return binary.all_f32() ? run_f32(binary, run, count) : compare_f32(binary, run, count);
  }
  while (count > 0) {
    const std::size_t now = count < kBlock ? count : kBlock;
    run_block(binary, run, now);
    run.a += now * a_step;
    run.b += now * b_step;
    run.y += now;
    count -= now;
  }
}

}  // namespace sz::ops
