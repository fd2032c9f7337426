// Runs one step of an operator on tensors of any type (host only).
#pragma once

#include <cstring>
#include <vector>

#include "ops/testing/test_support.h"

namespace sz::ops::testing {

// A tensor that owns its bytes; those between and behind its rows hold a pattern.
class AnyTensor {
 public:
  AnyTensor(DType type, std::vector<std::uint32_t> dims, std::uint32_t gap = 0) {
    view_.dtype = type;
    view_.rank = static_cast<std::uint8_t>(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) view_.dims[i] = dims[i];
    view_.pitch = view_.inner() + gap;
    bytes_.assign(view_.footprint(), std::byte{0xa5});
  }
  template <typename T>
  AnyTensor(DType type, std::vector<std::uint32_t> dims, std::vector<T> values)
      : AnyTensor(type, std::move(dims)) {
    EXPECT_EQ(values.size() * sizeof(T), bytes_.size());
    std::memcpy(bytes_.data(), values.data(), bytes_.size());
  }

  TensorView view() {
    view_.data = bytes_.data();
    return view_;
  }
  TensorView shape() const { return view_; }
  std::vector<std::byte>& bytes() { return bytes_; }
  void fill_random(Random& random) {
    for (std::byte& byte : bytes_) byte = static_cast<std::byte>(random.integer(0, 255));
  }
  template <typename T>
  std::vector<T> values() const {
    std::vector<T> result(bytes_.size() / sizeof(T));
    std::memcpy(result.data(), bytes_.data(), bytes_.size());
    return result;
  }

 private:
  TensorView view_;
  std::vector<std::byte> bytes_;
};

struct AnyStep {
  OpCode op;
  std::vector<AnyTensor> inputs;
  AnyTensor output;
  std::vector<std::uint32_t> attributes;

  Status check() const {
    std::vector<TensorView> shapes;
    for (const AnyTensor& input : inputs) shapes.push_back(input.shape());
    shapes.push_back(output.shape());
    for (TensorView& shape : shapes) shape.data = nullptr;
    return with(shapes, Kernel::kVector,
                [](const Operator& found, const Step& step) { return found.check(step); });
  }

  // Checks and runs; the output's bytes, gaps included.
  Status run(Kernel kernel, Workers& workers, std::vector<std::byte>* result) const {
    if (const Status status = check(); status != Status::kOk) return status;
    AnyStep copy = *this;
    std::vector<TensorView> views;
    for (AnyTensor& input : copy.inputs) views.push_back(input.view());
    views.push_back(copy.output.view());
    const Status status = with(views, kernel, [&](const Operator& found, const Step& step) {
      const std::size_t stride = (found.scratch_bytes(step) + 63) / 64 * 64;
      std::vector<std::uint64_t> scratch(stride * workers.count() / 8 + 1);
      const std::uint64_t cost = workers.count() > 1 ? ~std::uint64_t{0} : 0;
      return found.run(step, {workers, reinterpret_cast<std::byte*>(scratch.data()), stride, cost});
    });
    *result = copy.output.bytes();
    return status;
  }

  // The same bytes from the reference and from the vector kernels, for any workers.
  std::vector<std::byte> expect_same(Status expected = Status::kOk) const {
    SingleWorker single;
    std::vector<std::byte> reference, other;
    EXPECT_EQ(run(Kernel::kReference, single, &reference), expected);
    for (const Isa isa : isas()) {
      limit_vector_isa(isa);
      WildWorkers wild(reference.size());
      EXPECT_EQ(run(Kernel::kVector, single, &other), expected);
      EXPECT_TRUE(other == reference) << "one worker";
      EXPECT_EQ(run(Kernel::kVector, wild, &other), expected);
      EXPECT_TRUE(other == reference) << "wild workers";
    }
    limit_vector_isa(Isa::kAvx512);
    return reference;
  }

  template <typename T>
  std::vector<T> results() const {
    const std::vector<std::byte> bytes = expect_same();
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }

 private:
  template <typename Body>
  Status with(const std::vector<TensorView>& views, Kernel kernel, Body body) const {
    std::vector<const TensorView*> pointers;
    for (const TensorView& view : views) pointers.push_back(&view);
    const std::span<const TensorView* const> all(pointers);
    const std::size_t count = pointers.size() - 1;
    return body(*find_operator(static_cast<std::uint16_t>(op)),
                Step{kernel, all.first(count), all.subspan(count), attributes});
  }
};

// Appends the words of an attribute struct.
template <typename T>
void append_words(std::vector<std::uint32_t>& words, const T& attributes) {
  const std::vector<std::uint32_t> more = words_of(attributes);
  words.insert(words.end(), more.begin(), more.end());
}

}  // namespace sz::ops::testing
