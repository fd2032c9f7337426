#include "ops/quantized/testing/byte_support.h"

namespace sz::ops::testing {
namespace {

constexpr std::byte kPattern{0xb7};

const Operator& operator_of(const ByteCase& test) {
  return *find_operator(static_cast<std::uint16_t>(test.op));
}

std::vector<const TensorView*> pointers(const std::vector<TensorView>& views) {
  std::vector<const TensorView*> result;
  for (const TensorView& view : views) result.push_back(&view);
  return result;
}

std::vector<TensorView> views_of(const std::vector<ByteTensor>& tensors, bool with_data) {
  std::vector<TensorView> views;
  for (const ByteTensor& tensor : tensors) {
    views.push_back(with_data ? tensor.view() : tensor.shape());
  }
  return views;
}

template <typename Use>
auto with_step(const ByteCase& test, Kernel kernel, bool with_data, Use use) {
  const std::vector<TensorView> inputs = views_of(test.inputs, with_data);
  const std::vector<TensorView> outputs = views_of(test.outputs, with_data);
  const auto in = pointers(inputs);
  const auto out = pointers(outputs);
  return use(Step{kernel, in, out, test.attributes});
}

// Scratch of exactly `bytes` for each worker, with guards between.
struct ByteScratch {
  ByteScratch(std::uint64_t size, std::uint32_t worker_count)
      : bytes(size), stride((size + 63) / 64 * 64 + 64), workers(worker_count) {
    memory.assign(stride * workers + 64, kPattern);
    base = memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
  }
  bool intact() const {
    for (std::uint32_t w = 0; w < workers; ++w) {
      for (std::size_t i = bytes; i < stride; ++i) {
        if (base[w * stride + i] != kPattern) return false;
      }
    }
    return true;
  }
  std::uint64_t bytes;
  std::size_t stride;
  std::uint32_t workers;
  std::vector<std::byte> memory;
  std::byte* base;
};

void expect_equal(const std::vector<std::byte>& got, const std::vector<std::byte>& expected,
                  const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(static_cast<int>(got[i]), static_cast<int>(expected[i]))
        << what << ", byte " << i << " of " << got.size();
  }
}

}  // namespace

ByteTensor::ByteTensor(DType type, std::vector<std::uint32_t> dims, std::uint32_t gap) {
  view_.rank = static_cast<std::uint8_t>(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) view_.dims[i] = dims[i];
  view_.dtype = type;
  view_.pitch = view_.inner() + gap;
  memory_.assign(view_.footprint() + 2 * kGuardBytes, kPattern);
  for (std::size_t i = 0; i < elements(); ++i) {
    std::memset(memory_.data() + position(i), 0, dtype_bytes(type));
  }
}

TensorView ByteTensor::shape() const {
  TensorView shape = view_;
  shape.data = nullptr;
  return shape;
}

std::size_t ByteTensor::position(std::size_t index) const {
  const std::size_t at = index / view_.inner() * view_.pitch + index % view_.inner();
  return kGuardBytes + at * dtype_bytes(view_.dtype);
}

std::int32_t ByteTensor::integer(std::size_t index) const {
  if (type() == DType::kI32) return get<std::int32_t>(index);
  return type() == DType::kU8 ? get<std::uint8_t>(index) : get<std::int8_t>(index);
}

void ByteTensor::set_integer(std::size_t index, std::int32_t value) {
  if (type() == DType::kI32) return set(index, value);
  set(index, static_cast<std::int8_t>(value));
}

void ByteTensor::fill_random(Random& random) {
  const bool extreme = random.chance(4);
  for (std::size_t i = 0; i < elements(); ++i) {
    auto value = static_cast<std::int32_t>(random.integer(0, 0xffffffffu));
    if (extreme && !random.chance(4)) {
      value = type() == DType::kI32 ? random.pick<std::int32_t>({-0x7fffffff - 1, 0x7fffffff, 0})
                                    : random.pick<std::int32_t>({-128, 127, 0, -1, 255});
    }
    set_integer(i, value);
  }
}

void ByteTensor::fill_floats(Random& random, float magnitude, bool extreme) {
  for (std::size_t i = 0; i < elements(); ++i) {
    set(i, extreme && random.chance(5) ? random.extreme() : random.real() * magnitude);
  }
}

std::vector<std::byte> ByteTensor::bytes() const {
  const std::size_t size = dtype_bytes(type());
  std::vector<std::byte> result(elements() * size);
  for (std::size_t i = 0; i < elements(); ++i) {
    std::memcpy(result.data() + i * size, memory_.data() + position(i), size);
  }
  return result;
}

bool ByteTensor::guards_intact() const {
  std::vector<bool> ours(memory_.size());
  for (std::size_t i = 0; i < elements(); ++i) {
    for (std::size_t b = 0; b < dtype_bytes(type()); ++b) ours[position(i) + b] = true;
  }
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (!ours[i] && memory_[i] != kPattern) return false;
  }
  return true;
}

Status check_bytes(const ByteCase& test, Kernel kernel) {
  return with_step(test, kernel, false,
                   [&](const Step& step) { return operator_of(test).check(step); });
}

std::vector<std::byte> run_bytes(const ByteCase& test, Kernel kernel, Workers& workers) {
  const Status checked = check_bytes(test, kernel);
  EXPECT_EQ(checked, Status::kOk);
  if (checked != Status::kOk) return {};
  ByteCase copy = test;
  for (ByteTensor& input : copy.inputs) input.refresh();
  for (ByteTensor& output : copy.outputs) output.refresh();
  with_step(copy, kernel, true, [&](const Step& step) {
    ByteScratch scratch(operator_of(copy).scratch_bytes(step), workers.count());
    const std::uint64_t cost = workers.count() > 1 ? ~std::uint64_t{0} : 0;
    const RunContext context{workers, scratch.base, scratch.stride, cost, copy.rows,
                             copy.position};
    EXPECT_EQ(operator_of(copy).run(step, context), Status::kOk);
    EXPECT_TRUE(scratch.intact()) << "wrote beyond its scratch";
    return 0;
  });
  std::vector<std::byte> result;
  for (std::size_t i = 0; i < copy.inputs.size(); ++i) {
    EXPECT_TRUE(copy.inputs[i].guards_intact()) << "wrote beside input " << i;
    EXPECT_EQ(copy.inputs[i].bytes(), test.inputs[i].bytes()) << "wrote input " << i;
  }
  for (const ByteTensor& output : copy.outputs) {
    EXPECT_TRUE(output.guards_intact()) << "wrote beside an output";
    const std::vector<std::byte> bytes = output.bytes();
    result.insert(result.end(), bytes.begin(), bytes.end());
  }
  return result;
}

std::vector<std::byte> expect_same_bytes(const ByteCase& test) {
  SingleWorker single;
  const std::vector<std::byte> expected = run_bytes(test, Kernel::kReference, single);
  for (const Isa isa : isas()) {
    for (const bool dot : {false, true}) {
      SCOPED_TRACE("instruction set " + std::to_string(static_cast<int>(isa)) +
                   (dot ? " with dot products" : ""));
      limit_vector_isa(isa);
      limit_dot_product(dot);
      WildWorkers wild(expected.size());
      expect_equal(run_bytes(test, Kernel::kVector, single), expected, "one worker");
      expect_equal(run_bytes(test, Kernel::kVector, wild), expected, "wild workers");
    }
  }
  limit_vector_isa(Isa::kAvx512);
  return expected;
}

QuantFactor random_factor(Random& random, Rescaling mode) {
  QuantFactor factor;
  factor.mode = mode;
  if (mode == Rescaling::kFloat) {
    factor.scale = random.pick({0.001f, 0.0173f, 0.5f, 1.0f, 0.0078125f, 1e-6f});
    if (random.chance(4)) factor.scale = random.pick({1e-40f, 3e38f, 1e-30f, 100.0f});
  } else if (mode == Rescaling::kFixedPoint) {
    factor.multiplier = static_cast<std::int32_t>(random.integer(0x40000000u, 0x7fffffffu));
    factor.shift = -static_cast<std::int32_t>(random.integer(0, 12));
    if (random.chance(4)) {
      factor.multiplier =
          random.pick<std::int32_t>({0, 1, -1, 0x7fffffff, -0x7fffffff, 0x40000000, -0x40000000});
      factor.shift = static_cast<std::int32_t>(random.integer(0, 61)) - 31;
    }
  }
  return factor;
}

QuantOutput random_output(Random& random) {
  const std::int32_t zero = random_zero(random);
  return random.pick<QuantOutput>({{zero, -128, 127},
                                   {zero, zero, 127},
                                   {zero, -128, -128},
                                   {zero, 127, 127},
                                   {zero, -100, 5}});
}

std::int32_t random_zero(Random& random) {
  if (random.chance(4)) return random.pick<std::int32_t>({-128, 127, 0});
  return static_cast<std::int32_t>(random.integer(0, 255)) - 128;
}

std::vector<std::uint32_t> random_dims(Random& random, std::uint32_t rank, std::uint32_t largest) {
  std::vector<std::uint32_t> dims(rank);
  for (std::uint32_t& size : dims) size = random.chance(4) ? 1 : random.integer(1, largest);
  return dims;
}

std::uint32_t random_gap(Random& random) { return random.chance(2) ? 0 : random.integer(1, 9); }

}  // namespace sz::ops::testing
