#include "ops/testing/test_support.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace sz::ops::testing {
namespace {

constexpr std::uint32_t kGuardBits = 0xdeadbeefu;
constexpr std::size_t kGuard = 16;  // elements before and after; keeps 64-byte alignment irrelevant

float guard() { return std::bit_cast<float>(kGuardBits); }

bool is_guard(float value) { return std::bit_cast<std::uint32_t>(value) == kGuardBits; }

// Scratch for several workers, of exactly `bytes` each, with guards.
class Scratch {
 public:
  Scratch(std::uint64_t bytes, std::uint32_t workers)
      : bytes_(bytes), stride_((bytes + 63) / 64 * 64 + 64), workers_(workers) {
    memory_.assign(stride_ * workers + 64, std::byte{0xa5});
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    base_ = memory_.data() + (64 - address % 64) % 64;
  }
  std::byte* base() { return base_; }
  std::size_t stride() const { return stride_; }
  bool intact() const {
    for (std::uint32_t w = 0; w < workers_; ++w) {
      for (std::size_t i = bytes_; i < stride_; ++i) {
        if (base_[w * stride_ + i] != std::byte{0xa5}) return false;
      }
    }
    return true;
  }

 private:
  std::vector<std::byte> memory_;
  std::byte* base_ = nullptr;
  std::uint64_t bytes_;
  std::size_t stride_;
  std::uint32_t workers_;
};

// Calls use(step) with the operands of `test`; `with_data` as while running.
template <typename Use>
auto with_step(const Case& test, Kernel kernel, bool with_data, Use use) {
  std::vector<TensorView> views;
  for (const Tensor& input : test.inputs) views.push_back(with_data ? input.view() : input.shape());
  TensorView output = with_data ? test.output.view() : test.output.shape();
  if (test.in_place) output = views[0];
  std::vector<const TensorView*> inputs;
  for (const TensorView& view : views) inputs.push_back(&view);
  const TensorView* const outputs[] = {&output};
  const Step step{kernel, inputs, outputs, test.attributes};
  return use(step);
}

// Names the first difference only: outputs are long.
void expect_equal_bits(const std::vector<std::uint32_t>& got,
                       const std::vector<std::uint32_t>& expected, const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], expected[i])
        << what << ", element " << i << " of " << got.size() << ": " << std::bit_cast<float>(got[i])
        << " instead of " << std::bit_cast<float>(expected[i]);
  }
}

const Operator& operator_of(const Case& test) {
  return *find_operator(static_cast<std::uint16_t>(test.op));
}

}  // namespace

float Random::extreme() {
  using Limits = std::numeric_limits<float>;
  return pick<float>({Limits::infinity(), -Limits::infinity(), std::bit_cast<float>(0x7fc00000u),
                      std::bit_cast<float>(0xffc12345u), std::bit_cast<float>(0x7f800001u), 0.0f,
                      -0.0f, Limits::denorm_min(), -Limits::denorm_min(), 1e-40f, Limits::min(),
                      Limits::max(), Limits::lowest(), 1e30f, -1e30f, 88.0f, -103.0f});
}

std::uint64_t test_seed() {
  const char* text = std::getenv("SMARTZONE_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 1;
}

Tensor::Tensor(std::vector<std::uint32_t> dims, std::uint32_t gap) {
  view_.rank = static_cast<std::uint8_t>(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) view_.dims[i] = dims[i];
  view_.dtype = DType::kF32;
  view_.pitch = view_.inner() + gap;
  memory_.assign(view_.footprint() / sizeof(float) + 2 * kGuard, guard());
  for (std::size_t i = 0; i < elements(); ++i) at(i) = 0.0f;
}

TensorView Tensor::shape() const {
  TensorView shape = view_;
  shape.data = nullptr;
  return shape;
}

std::size_t Tensor::position(std::size_t index) const {
  return kGuard + index / view_.inner() * view_.pitch + index % view_.inner();
}

float& Tensor::at(std::size_t index) {
  view_.data = reinterpret_cast<std::byte*>(memory_.data() + kGuard);
  return memory_[position(index)];
}

void Tensor::fill_random(Random& random) {
  for (std::size_t i = 0; i < elements(); ++i) at(i) = random.real();
}

void Tensor::fill_extreme(Random& random, std::uint32_t one_in) {
  for (std::size_t i = 0; i < elements(); ++i) {
    at(i) = random.chance(one_in) ? random.extreme() : random.real();
  }
}

std::vector<std::uint32_t> Tensor::bits() const {
  std::vector<std::uint32_t> result(elements());
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = std::bit_cast<std::uint32_t>(at(i));
  return result;
}

bool Tensor::guards_intact() const {
  const std::size_t rows = view_.rows();
  for (std::size_t i = 0; i < kGuard; ++i) {
    if (!is_guard(memory_[i]) || !is_guard(memory_[memory_.size() - 1 - i])) return false;
  }
  for (std::size_t r = 0; r + 1 < rows; ++r) {
    for (std::size_t i = view_.inner(); i < view_.pitch; ++i) {
      if (!is_guard(memory_[kGuard + r * view_.pitch + i])) return false;
    }
  }
  return true;
}

void WildWorkers::run(const Work& work) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < work.chunks; ++i) {
    order.push_back(i);
    if (random_.chance(3)) order.push_back(i);
  }
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random_.integer(0, static_cast<std::uint32_t>(i) - 1)]);
  }
  for (const std::uint32_t chunk : order) {
    work.run(work.context, chunk, random_.integer(0, count() - 1));
  }
}

Status check_case(const Case& test, Kernel kernel) {
  return with_step(test, kernel, false,
                   [&](const Step& step) { return operator_of(test).check(step); });
}

std::vector<std::uint32_t> run_case(const Case& test, Kernel kernel, Workers& workers) {
  const Status checked = check_case(test, kernel);
  EXPECT_EQ(checked, Status::kOk);
  if (checked != Status::kOk) return {};
  Case copy = test;
  for (Tensor& input : copy.inputs) (void)input.at(0);  // points the copied views at the copies
  (void)copy.output.at(0);
  with_step(copy, kernel, true, [&](const Step& step) {
    Scratch scratch(operator_of(copy).scratch_bytes(step), workers.count());
    // Several workers get as many chunks as there can be, however small the tensors are.
    const std::uint64_t cost = workers.count() > 1 ? ~std::uint64_t{0} : 0;
    const RunContext context{workers, scratch.base(), scratch.stride(), cost};
    EXPECT_EQ(operator_of(copy).run(step, context), Status::kOk);
    EXPECT_TRUE(scratch.intact()) << "wrote beyond its scratch";
    return 0;
  });
  for (std::size_t i = 0; i < copy.inputs.size(); ++i) {
    EXPECT_TRUE(copy.inputs[i].guards_intact()) << "wrote beside input " << i;
    if (copy.in_place && i == 0) continue;
    EXPECT_EQ(copy.inputs[i].bits(), test.inputs[i].bits()) << "wrote input " << i;
  }
  EXPECT_TRUE(copy.output.guards_intact()) << "wrote beside the output";
  return copy.in_place ? copy.inputs[0].bits() : copy.output.bits();
}

std::vector<Isa> isas() {
  limit_vector_isa(Isa::kAvx512);
  const Isa best = vector_isa();
  if (best == Isa::kAvx512) return {Isa::kAvx2, Isa::kAvx512};
  return {best};
}

std::vector<std::uint32_t> expect_same_bits(const Case& test) {
  SingleWorker single;
  const std::vector<std::uint32_t> expected = run_case(test, Kernel::kReference, single);
  for (const Isa isa : isas()) {
    SCOPED_TRACE("instruction set " + std::to_string(static_cast<int>(isa)));
    limit_vector_isa(isa);
    WildWorkers wild(checksum(expected));
    expect_equal_bits(run_case(test, Kernel::kVector, single), expected, "one worker");
    expect_equal_bits(run_case(test, Kernel::kVector, wild), expected, "wild workers");
  }
  limit_vector_isa(Isa::kAvx512);
  return expected;
}

std::uint64_t checksum(std::span<const std::uint32_t> bits, std::uint64_t start) {
  std::uint64_t hash = start;
  for (const std::uint32_t word : bits) {
    for (int shift = 0; shift < 32; shift += 8) {
      hash = (hash ^ (word >> shift & 0xff)) * 1099511628211ull;
    }
  }
  return hash;
}

Clamp random_clamp(Random& random) {
  using Limits = std::numeric_limits<float>;
  return random.pick<Clamp>({Clamp{}, Clamp{0.0f, Limits::infinity()}, Clamp{-0.0f, 6.0f},
                             Clamp{-0.25f, 0.25f}, Clamp{-Limits::infinity(), 0.0f}});
}

}  // namespace sz::ops::testing
