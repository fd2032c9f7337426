// What the operators' tests share (host only): random numbers that are the same everywhere,
// tensors in guarded memory, workers that try to break things, and a way to run one step.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ops/attributes.h"
#include "ops/isa.h"
#include "ops/operator.h"

namespace sz::ops::testing {

// Numbers from a seed, equal on every machine (std::mt19937_64 is specified, std distributions
// are not).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // In [low, high].
  std::uint32_t integer(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(engine_() % (std::uint64_t{high} - low + 1));
  }
  // In [-1, 1).
  float real() {
    return static_cast<float>(static_cast<std::int64_t>(engine_() >> 40)) / 8388608.0f - 1.0f;
  }
  bool chance(std::uint32_t one_in) { return integer(1, one_in) == 1; }
  // Infinities, NaNs of all kinds, zeroes, denormal and huge numbers.
  float extreme();
  template <typename T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[integer(0, static_cast<std::uint32_t>(values.size()) - 1)];
  }

 private:
  std::mt19937_64 engine_;
};

// The seed of random tests: 1, or the environment variable SMARTZONE_TEST_SEED.
std::uint64_t test_seed();

// A tensor that owns its memory. Gaps between rows and the memory around it hold a pattern, so
// that stray writes are found; reads beyond the end are AddressSanitizer's business (the memory
// ends with the tensor when there are no guards).
class Tensor {
 public:
  // `gap` elements between rows.
  explicit Tensor(std::vector<std::uint32_t> dims, std::uint32_t gap = 0);

  const TensorView& view() const { return view_; }
  // The view without its data, as `check` sees it.
  TensorView shape() const;
  std::size_t elements() const { return view_.elements(); }
  // Element by its place in the dense tensor.
  float& at(std::size_t index);
  float at(std::size_t index) const { return const_cast<Tensor*>(this)->at(index); }

  void fill_random(Random& random);
  // One in `one_in` elements is an extreme value.
  void fill_extreme(Random& random, std::uint32_t one_in);

  // The dense content, as bits.
  std::vector<std::uint32_t> bits() const;
  // True if nothing but elements was written since construction.
  bool guards_intact() const;

 private:
  std::size_t position(std::size_t index) const;

  std::vector<float> memory_;
  TensorView view_;
};

// Runs chunks in random order, on random workers, some of them several times.
class WildWorkers final : public Workers {
 public:
  explicit WildWorkers(std::uint64_t seed) : random_(seed) {}
  std::uint32_t count() const override { return 4; }
  void run(const Work& work) override;

 private:
  Random random_;
};

// A step and its operands.
struct Case {
  OpCode op;
  std::vector<Tensor> inputs;
  Tensor output;
  std::vector<std::uint32_t> attributes;
  bool in_place = false;  // the output takes the place of input 0
};

template <typename Attributes>
std::vector<std::uint32_t> words_of(const Attributes& attributes) {
  std::vector<std::uint32_t> words(kAttributeWords<Attributes>);
  copy_bytes(words.data(), &attributes, sizeof(attributes));
  return words;
}

// What the operator's check says about the case.
Status check_case(const Case& test, Kernel kernel = Kernel::kVector);

// Checks and runs the case on a copy of its tensors, in scratch of exactly the size asked for.
// Returns the output's bits; reports stray writes as test failures.
std::vector<std::uint32_t> run_case(const Case& test, Kernel kernel, Workers& workers);

// Runs the case with the reference kernel and with the vector kernel of every instruction set of
// this machine, on one worker and on wild ones, and expects the same bits. Returns them.
std::vector<std::uint32_t> expect_same_bits(const Case& test);

// FNV-1a over bits.
std::uint64_t checksum(std::span<const std::uint32_t> bits,
                       std::uint64_t start = 14695981039346656037ull);

// The instruction sets that vector kernels can use here.
std::vector<Isa> isas();

// Random attributes.
Clamp random_clamp(Random& random);

}  // namespace sz::ops::testing
