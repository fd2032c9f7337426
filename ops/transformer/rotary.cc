#include "ops/transformer/rotary.h"

#include "ops/check.h"

namespace sz::ops {

namespace {

// Operations for each number: turning it and storing it.
constexpr std::uint64_t kCostOfNumber = 2;

bool finite(float x) { return x - x == 0.0f; }

}  // namespace

Status check_rotary(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const TensorView& x = *step.inputs[0];
  const TensorView& frequencies = *step.inputs[1];
  const TensorView& q = *step.outputs[0];
  const TensorView& keys = *step.outputs[1];
  const TensorView& values = *step.outputs[2];
  if (x.dtype != DType::kF32 || frequencies.dtype != DType::kF32 || q.dtype != DType::kF32 ||
      keys.dtype != DType::kU8 || values.dtype != DType::kU8) {
    return Status::kDtypeMismatch;
  }
  RotaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const CacheAttributes& cache = attributes.cache;
  if (const Status status = check_cache(cache); status != Status::kOk) return status;
  if (attributes.rotated < 2 || attributes.rotated % 2 != 0 || attributes.rotated > cache.head ||
      !finite(attributes.scale)) {
    return Status::kBadAttribute;
  }
  const std::uint64_t head = cache.head;
  const bool shapes = is_rows(x, (cache.heads + 2 * std::uint64_t{cache.kv_heads}) * head) &&
                      is_rows(q, cache.heads * head) && q.dims[0] == x.dims[0] &&
                      frequencies.rank == 1 && frequencies.dims[0] == attributes.rotated / 2 &&
                      is_cache(keys, cache, true) && is_cache(values, cache, false);
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t rotary_scratch(const Step& step) {
  RotaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return 0;
  return 3 * std::uint64_t{attributes.cache.head} * sizeof(float);
}

std::uint64_t rotary_cost(const Step& step) { return step.inputs[0]->elements() * kCostOfNumber; }

Status run_rotary(const Step& step, const RunContext& context) noexcept {
  RotaryAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const TensorView& x = *step.inputs[0];
  std::size_t count = 0;
  if (!rows_in_use(context, x.rows(), attributes.cache, &count)) return Status::kContextFull;
  const Rotary rotary{x.f32(),
                      step.inputs[1]->f32(),
                      step.outputs[0]->mutable_f32(),
                      step.outputs[1]->data,
                      step.outputs[2]->data,
                      attributes.cache,
                      CacheStrides(attributes.cache),
                      attributes.rotated,
                      attributes.scale,
                      count,
                      context.position};
  if (count == 0) return Status::kOk;
  if (step.kernel == Kernel::kReference) {
    rotary_reference(rotary, reinterpret_cast<float*>(context.scratch_of(0)));
  } else {
    RunContext own = context;
    // Of the rows in use. (No cost: not to be shared; all of it: always.)
    if (own.cost != 0 && own.cost != ~std::uint64_t{0}) {
      own.cost = count * rotary.width() * kCostOfNumber;
    }
    rotary_vector(rotary, own);
  }
  return Status::kOk;
}

}  // namespace sz::ops
