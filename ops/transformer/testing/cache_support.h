// What the tests of Rotary and Attention share (host only): steps with several outputs, run on a
// part of a context; and a key-value cache whose layout is written out once more, from
// ops/transformer/blocks.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/testing/any_step.h"
#include "math/half.h"
#include "ops/transformer/transformer.h"

namespace sz::ops::testing {

using Bytes = std::vector<std::byte>;

// A step of rows in a context.
struct RowsStep {
  OpCode op;
  std::vector<AnyTensor> inputs;
  std::vector<AnyTensor> outputs;
  std::vector<std::uint32_t> attributes;
  std::uint32_t rows = 0xffffffffu;
  std::uint32_t position = 0;

  Status check() const {
    RowsStep copy = *this;
    return copy.with(Kernel::kVector, false,
                     [](const Operator& found, const Step& step) { return found.check(step); });
  }

  // Checks and runs on a copy; the bytes of all outputs, one behind the other.
  Status run(Kernel kernel, Workers& workers, Bytes* result) const {
    if (const Status status = check(); status != Status::kOk) return status;
    RowsStep copy = *this;
    const Status status = copy.with(kernel, true, [&](const Operator& found, const Step& step) {
      const std::size_t stride = (found.scratch_bytes(step) + 63) / 64 * 64;
      // NaNs: what was in the scratch before must not matter.
      std::vector<float> scratch(stride * workers.count() / 4, std::nanf(""));
      const std::uint64_t cost = workers.count() > 1 ? ~std::uint64_t{0} : 0;
      RunContext context{workers, reinterpret_cast<std::byte*>(scratch.data()), stride, cost};
      context.rows = rows;
      context.position = position;
      return found.run(step, context);
    });
    result->clear();
    for (AnyTensor& output : copy.outputs) {
      result->insert(result->end(), output.bytes().begin(), output.bytes().end());
    }
    return status;
  }

  Bytes run_vector() const {
    SingleWorker single;
    Bytes bytes;
    EXPECT_EQ(run(Kernel::kVector, single, &bytes), Status::kOk);
    return bytes;
  }

  // The same bytes from the reference and from the vector kernels, for any workers.
  Bytes expect_same(Status expected = Status::kOk) const {
    SingleWorker single;
    Bytes reference, other;
    EXPECT_EQ(run(Kernel::kReference, single, &reference), expected);
    for (const Isa isa : isas()) {
      limit_vector_isa(isa);
      WildWorkers wild(reference.size() + position);
      EXPECT_EQ(run(Kernel::kVector, single, &other), expected);
      EXPECT_TRUE(other == reference) << "one worker, instructions " << static_cast<int>(isa);
      EXPECT_EQ(run(Kernel::kVector, wild, &other), expected);
      EXPECT_TRUE(other == reference) << "wild workers, instructions " << static_cast<int>(isa);
    }
    limit_vector_isa(Isa::kAvx512);
    return reference;
  }

 private:
  template <typename Body>
  Status with(Kernel kernel, bool data, Body body) {
    std::vector<TensorView> views;
    for (AnyTensor& tensor : inputs) views.push_back(tensor.view());
    for (AnyTensor& tensor : outputs) views.push_back(tensor.view());
    std::vector<const TensorView*> pointers;
    for (TensorView& view : views) {
      if (!data) view.data = nullptr;
      pointers.push_back(&view);
    }
    const std::span<const TensorView* const> all(pointers);
    return body(*find_operator(static_cast<std::uint16_t>(op)),
                Step{kernel, all.first(inputs.size()), all.subspan(inputs.size()), attributes});
  }
};

inline AnyTensor empty_cache(const CacheAttributes& cache, bool keys) {
  return AnyTensor(DType::kU8,
                   {cache.kv_heads, static_cast<std::uint32_t>(cache_head_bytes(
                                        cache.format, keys, cache.context, cache.head))});
}

// One number of a cache: where it and its scale are.
class CacheNumber {
 public:
  CacheNumber(const CacheAttributes& cache, bool keys, Bytes& bytes, std::size_t head,
              std::size_t place, std::size_t d)
      : format_(cache.format) {
    const std::size_t size = format_ == BlockFormat::kF32   ? 4
                             : format_ == BlockFormat::kF16 ? 2
                                                            : 1;
    const std::size_t places = (cache.context + 15) / 16 * 16;
    const bool scaled = format_ == BlockFormat::kQ8_0;
    const std::size_t scale_bytes = scaled ? 2 * ((cache.head + 31) / 32) : 0;
    if (keys) {
      const std::size_t group =
          (head * places + place) / 16 * 16 * (cache.head * size + scale_bytes);
      number_ = group + (d * 16 + place % 16) * size + (scaled ? (d / 32 + 1) * 32 : 0);
      scale_ = group + d / 32 * (32 + 32 * 16) + place % 16 * 2;
    } else {
      const std::size_t row = (cache.head * size + scale_bytes + 3) / 4 * 4;
      number_ = (head * places + place) * row + d * size;
      scale_ = (head * places + place) * row + cache.head + d / 32 * 2;
    }
    at_ = bytes.data();
  }

  float value() const {
    if (format_ == BlockFormat::kF32) return load<float>(number_);
    if (format_ == BlockFormat::kF16) return math::half_to_float(load<std::uint16_t>(number_));
    return static_cast<float>(load<std::int8_t>(number_)) * scale();
  }
  float scale() const { return math::half_to_float(load<std::uint16_t>(scale_)); }

  // f32 and f16: the number, rounded. q8_0: the byte nearest to 127 times the number, and a scale
  // that is about 1/127 but another for every block.
  void set(float value) {
    if (format_ == BlockFormat::kF32) return store(number_, value);
    if (format_ == BlockFormat::kF16) return store(number_, math::float_to_half(value));
    const float jitter = 1.0f + static_cast<float>(scale_ / 2 % 7) * 0.0625f;
    store(scale_, math::float_to_half(value == value ? jitter / 127.0f : value));
    const float byte = value == value ? std::fmax(-127.0f, std::fmin(127.0f, value * 127)) : 1.0f;
    store(number_, static_cast<std::int8_t>(byte));
  }

  // Sets the bytes of the number, and of its block's scale, to the pattern of unwritten memory.
  void erase() {
    const std::size_t size = format_ == BlockFormat::kF32   ? 4
                             : format_ == BlockFormat::kF16 ? 2
                                                            : 1;
    std::fill_n(at_ + number_, size, std::byte{0xa5});
    if (format_ == BlockFormat::kQ8_0) std::fill_n(at_ + scale_, 2, std::byte{0xa5});
  }

 private:
  template <typename T>
  T load(std::size_t offset) const {
    T value;
    std::memcpy(&value, at_ + offset, sizeof(T));
    return value;
  }
  template <typename T>
  void store(std::size_t offset, T value) {
    std::memcpy(at_ + offset, &value, sizeof(T));
  }

  BlockFormat format_;
  std::byte* at_ = nullptr;
  std::size_t number_ = 0, scale_ = 0;
};

// Any cache that the operators take: small and large, all formats.
inline CacheAttributes random_cache_shape(Random& random) {
  CacheAttributes cache;
  cache.format = random.pick({BlockFormat::kF32, BlockFormat::kF16, BlockFormat::kQ8_0});
  cache.head = random.pick({4u, 8u, 12u, 16u, 20u, 24u, 28u, 32u, 40u, 48u, 64u, 72u, 80u, 128u});
  if (cache.format == BlockFormat::kQ8_0) cache.head = (cache.head + 7) / 8 * 8;
  cache.kv_heads = random.integer(1, 3);
  cache.heads = cache.kv_heads * random.pick({1u, 1u, 2u, 3u, 4u, 5u, 7u, 8u});
  cache.context = random.integer(1, random.pick({20u, 70u, 200u}));
  return cache;
}

}  // namespace sz::ops::testing
