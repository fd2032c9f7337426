// Test support for the quantised operators (host only): tensors of any type in guarded memory, and
// ways to run one step with the reference and all vector kernels.
#pragma once

#include <cstring>
#include <vector>

#include "ops/quantized/attributes.h"
#include "ops/testing/test_support.h"

namespace sz::ops::testing {

// As Tensor, of any type. Memory ends `kGuardBytes` after the tensor.
class ByteTensor {
 public:
  ByteTensor(DType type, std::vector<std::uint32_t> dims, std::uint32_t gap = 0);

  const TensorView& view() const { return view_; }
  TensorView shape() const;
  std::size_t elements() const { return view_.elements(); }
  DType type() const { return view_.dtype; }

  // Element by its place in the dense tensor.
  template <typename T>
  T get(std::size_t index) const {
    T value;
    std::memcpy(&value, memory_.data() + position(index), sizeof(T));
    return value;
  }
  template <typename T>
  void set(std::size_t index, T value) {
    std::memcpy(memory_.data() + position(index), &value, sizeof(T));
  }
  // The value of an i8, u8 or i32.
  std::int32_t integer(std::size_t index) const;
  void set_integer(std::size_t index, std::int32_t value);

  // All bit patterns of an integer type alike; one in four times mostly extreme ones.
  void fill_random(Random& random);
  void fill_floats(Random& random, float magnitude, bool extreme);

  std::vector<std::byte> bytes() const;  // dense
  bool guards_intact() const;
  std::byte* data() { return memory_.data() + kGuardBytes; }
  void refresh() { view_.data = data(); }  // after a copy

 private:
  static constexpr std::size_t kGuardBytes = 64;
  std::size_t position(std::size_t index) const;

  std::vector<std::byte> memory_;
  TensorView view_;
};

struct ByteCase {
  OpCode op;
  std::vector<ByteTensor> inputs;
  std::vector<ByteTensor> outputs;
  std::vector<std::uint32_t> attributes;
  std::uint32_t rows = 0xffffffffu, position = 0;  // of the RunContext
};

Status check_bytes(const ByteCase& test, Kernel kernel = Kernel::kVector);

// As run_case(): the dense bytes of all outputs, one after the other.
std::vector<std::byte> run_bytes(const ByteCase& test, Kernel kernel, Workers& workers);

// As expect_same_bits(), with and without dot product instructions.
std::vector<std::byte> expect_same_bytes(const ByteCase& test);

// Random parts of attributes. Multipliers as models have them, or, one in four times, extreme.
QuantFactor random_factor(Random& random, Rescaling mode);
QuantOutput random_output(Random& random);
std::int32_t random_zero(Random& random);  // of i8
std::vector<std::uint32_t> random_dims(Random& random, std::uint32_t rank, std::uint32_t largest);
std::uint32_t random_gap(Random& random);

}  // namespace sz::ops::testing
