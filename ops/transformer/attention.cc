#include "ops/transformer/attention.h"

#include "ops/check.h"

namespace sz::ops {

namespace {

// Operations for a query and a position beside the multiply-adds: scaling, exponential, sum.
constexpr std::uint64_t kCostOfScore = 16;

bool finite(float x) { return x - x == 0.0f; }

// Of `rows` rows that see `seen` positions each.
std::uint64_t cost_of(const CacheAttributes& cache, std::uint64_t rows, std::uint64_t seen) {
  return rows * seen * cache.heads * (2 * std::uint64_t{cache.head} + kCostOfScore);
}

}  // namespace

Status check_attention(const Step& step) {
  if (const Status status = check_typed_operands(step); status != Status::kOk) return status;
  const TensorView& q = *step.inputs[0];
  const TensorView& keys = *step.inputs[1];
  const TensorView& values = *step.inputs[2];
  const TensorView& y = *step.outputs[0];
  if (q.dtype != DType::kF32 || keys.dtype != DType::kU8 || values.dtype != DType::kU8 ||
      y.dtype != DType::kF32) {
    return Status::kDtypeMismatch;
  }
  AttentionAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const CacheAttributes& cache = attributes.cache;
  if (const Status status = check_cache(cache); status != Status::kOk) return status;
  if (!finite(attributes.scale)) return Status::kBadAttribute;
  const std::uint64_t width = std::uint64_t{cache.heads} * cache.head;
  const bool shapes = is_rows(q, width) && is_rows(y, width) && q.dims[0] == y.dims[0] &&
                      is_cache(keys, cache, true) && is_cache(values, cache, false);
  return shapes ? Status::kOk : Status::kShapeMismatch;
}

std::uint64_t attention_scratch(const Step& step) {
  AttentionAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return 0;
  const CacheAttributes& cache = attributes.cache;
  const std::uint64_t queries = step.inputs[0]->rows() * (cache.heads / cache.kv_heads);
  return AttentionScratch::floats(cache.head, queries < kAttentionTile ? queries : kAttentionTile) *
         sizeof(float);
}

std::uint64_t attention_cost(const Step& step) {
  AttentionAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return 0;
  const CacheAttributes& cache = attributes.cache;
  return cost_of(cache, step.inputs[0]->rows(), (cache.context + 1) / 2);
}

Status run_attention(const Step& step, const RunContext& context) noexcept {
  AttentionAttributes attributes;
  if (!read_attributes(step.attributes, &attributes)) return Status::kBadAttribute;
  const TensorView& q = *step.inputs[0];
  std::size_t count = 0;
  if (!rows_in_use(context, q.rows(), attributes.cache, &count)) return Status::kContextFull;
  const Attention attention{q.f32(),
                            step.inputs[1]->data,
                            step.inputs[2]->data,
                            step.outputs[0]->mutable_f32(),
                            attributes.cache,
                            CacheStrides(attributes.cache),
                            attributes.scale,
                            count,
                            context.position};
  if (count == 0) return Status::kOk;
  if (step.kernel == Kernel::kReference) {
    attention_reference(attention, context.scratch_of(0));
    return Status::kOk;
  }
  RunContext own = context;
  // What it really costs depends on the place. (No cost: not to be shared; all of it: always.)
  if (own.cost != 0 && own.cost != ~std::uint64_t{0}) {
    own.cost = cost_of(attributes.cache, count, context.position + count);
  }
  attention_vector(attention, own);
  return Status::kOk;
}

}  // namespace sz::ops
