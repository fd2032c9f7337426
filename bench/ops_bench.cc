// Speed of the vector kernels on one core, on the layers of SqueezeNet 1.0 and MobileNet v1, as
// GFLOP/s and as a share of what this core's multiply-add units can do. That peak is measured in
// the same run with a loop that uses registers only, for each instruction set.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cores/host/thread_pool.h"
#include "ops/attributes.h"
#include "ops/gemm/pack.h"
#include "ops/isa.h"
#include "ops/operator.h"
#include "ops/vector_target.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/ops_bench.cc"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sz::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Multiply-adds on registers alone. Returns the floating-point operations done.
double spin_fma(std::size_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  constexpr std::size_t kChains = 12;
  hn::Vec<decltype(d)> sums[kChains];
  const auto x = hn::Set(d, 0.5f);
  // Different numbers: equal chains would be computed only once.
  HWY_UNROLL(12) for (std::size_t j = 0; j < kChains; ++j) {
    sums[j] = hn::Set(d, *sink + static_cast<float>(j));
  }
  for (std::size_t i = 0; i < rounds; ++i) {
    HWY_UNROLL(12) for (std::size_t j = 0; j < kChains; ++j) sums[j] = hn::MulAdd(sums[j], x, x);
  }
  auto total = hn::Zero(d);
  HWY_UNROLL(12) for (auto& sum : sums) total = hn::Add(total, sum);
  *sink = hn::GetLane(total);
  return 2.0 * static_cast<double>(rounds * kChains * hn::Lanes(d));
}

}  // namespace sz::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sz::ops {
namespace {

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kNeon:
      return "neon";
    case Isa::kNone:
      break;
  }
  return "none";
}

// Seconds of CPU that this thread has used: other processes on the machine do not count.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// FLOP/s of one core's multiply-add units: the best of several short runs.
double measure_peak(Isa isa) {
  limit_vector_isa(isa);
  auto* spin = SZ_VECTOR_SELECT(spin_fma);
  if (spin == nullptr) return 1;
  double best = 0;
  float sink = 1;
  for (int run = 0; run < 10; ++run) {
    const double start = cpu_seconds();
    const double operations = spin(200000, &sink);
    best = std::max(best, operations / (cpu_seconds() - start));
  }
  benchmark::DoNotOptimize(sink);
  return best;
}

struct Layer {
  const char* name;
  std::uint32_t size, inputs, outputs, kernel, stride, pad;
  bool depthwise = false;
};

// 224 x 224 x 3 input. Max pools between them are left out; `size` is the input's side.
constexpr Layer kSqueezeNet[] = {
    {"conv1", 224, 3, 96, 7, 2, 0},          {"fire2/squeeze", 54, 96, 16, 1, 1, 0},
    {"fire2/expand1", 54, 16, 64, 1, 1, 0},  {"fire2/expand3", 54, 16, 64, 3, 1, 1},
    {"fire3/squeeze", 54, 128, 16, 1, 1, 0}, {"fire3/expand1", 54, 16, 64, 1, 1, 0},
    {"fire3/expand3", 54, 16, 64, 3, 1, 1},  {"fire4/squeeze", 54, 128, 32, 1, 1, 0},
    {"fire4/expand1", 54, 32, 128, 1, 1, 0}, {"fire4/expand3", 54, 32, 128, 3, 1, 1},
    {"fire5/squeeze", 27, 256, 32, 1, 1, 0}, {"fire5/expand1", 27, 32, 128, 1, 1, 0},
    {"fire5/expand3", 27, 32, 128, 3, 1, 1}, {"fire6/squeeze", 27, 256, 48, 1, 1, 0},
    {"fire6/expand1", 27, 48, 192, 1, 1, 0}, {"fire6/expand3", 27, 48, 192, 3, 1, 1},
    {"fire7/squeeze", 27, 384, 48, 1, 1, 0}, {"fire7/expand1", 27, 48, 192, 1, 1, 0},
    {"fire7/expand3", 27, 48, 192, 3, 1, 1}, {"fire8/squeeze", 27, 384, 64, 1, 1, 0},
    {"fire8/expand1", 27, 64, 256, 1, 1, 0}, {"fire8/expand3", 27, 64, 256, 3, 1, 1},
    {"fire9/squeeze", 13, 512, 64, 1, 1, 0}, {"fire9/expand1", 13, 64, 256, 1, 1, 0},
    {"fire9/expand3", 13, 64, 256, 3, 1, 1}, {"conv10", 13, 512, 1000, 1, 1, 0},
};

constexpr Layer kMobileNet[] = {
    {"conv1", 224, 3, 32, 3, 2, 1},   {"dw2", 112, 32, 32, 3, 1, 1, true},
    {"pw2", 112, 32, 64, 1, 1, 0},    {"dw3", 112, 64, 64, 3, 2, 1, true},
    {"pw3", 56, 64, 128, 1, 1, 0},    {"dw4", 56, 128, 128, 3, 1, 1, true},
    {"pw4", 56, 128, 128, 1, 1, 0},   {"dw5", 56, 128, 128, 3, 2, 1, true},
    {"pw5", 28, 128, 256, 1, 1, 0},   {"dw6", 28, 256, 256, 3, 1, 1, true},
    {"pw6", 28, 256, 256, 1, 1, 0},   {"dw7", 28, 256, 256, 3, 2, 1, true},
    {"pw7", 14, 256, 512, 1, 1, 0},   {"dw8", 14, 512, 512, 3, 1, 1, true},
    {"pw8", 14, 512, 512, 1, 1, 0},   {"dw13", 14, 512, 512, 3, 2, 1, true},
    {"pw13", 7, 512, 1024, 1, 1, 0},  {"dw14", 7, 1024, 1024, 3, 1, 1, true},
    {"pw14", 7, 1024, 1024, 1, 1, 0},
};

// A dense tensor with random content.
struct Buffer {
  std::vector<float> values;
  TensorView view;

  explicit Buffer(std::vector<std::uint32_t> dims) {
    view.rank = static_cast<std::uint8_t>(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) view.dims[i] = dims[i];
    view.dtype = DType::kF32;
    view.pitch = view.inner();
    values.resize(view.elements());
    std::mt19937 engine(1);
    for (float& value : values) value = static_cast<float>(engine() >> 8) / 16777216.0f - 0.5f;
    view.data = reinterpret_cast<std::byte*>(values.data());
  }
};

// A step over the vector kernel that can be run again and again.
class Runner {
 public:
  Runner(OpCode op, std::vector<Buffer> inputs, Buffer output, std::vector<std::uint32_t> words)
      : op_(*find_operator(static_cast<std::uint16_t>(op))),
        inputs_(std::move(inputs)),
        output_(std::move(output)),
        words_(std::move(words)) {
    for (Buffer& input : inputs_) {
      input.view.data = reinterpret_cast<std::byte*>(input.values.data());  // may be a copy
      input_views_.push_back(&input.view);
    }
    output_views_.push_back(&output_.view);
    step_ = {Kernel::kVector, input_views_, output_views_, words_};
    if (op_.check(step_) != Status::kOk) throw std::runtime_error("the layer does not check");
    stride_ = op_.scratch_bytes(step_) / 64 + 1;
    scratch_.resize(stride_ * cores::kMaxWorkers);
  }
  Runner(const Runner&) = delete;
  void run(Workers& workers) {
    (void)op_.run(step_, {.workers = workers,
                          .scratch = scratch_.data()->bytes,
                          .scratch_stride = stride_ * 64,
                          .cost = op_.cost(step_)});
    benchmark::DoNotOptimize(output_.values.data());
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  const Operator& op_;
  std::vector<Buffer> inputs_;
  Buffer output_;
  std::vector<std::uint32_t> words_;
  std::vector<const TensorView*> input_views_, output_views_;
  std::size_t stride_ = 0;  // lines of a worker
  std::vector<Line> scratch_;
  Step step_;
};

template <typename Attributes>
std::vector<std::uint32_t> words_of(const Attributes& attributes) {
  std::vector<std::uint32_t> words(kAttributeWords<Attributes>);
  copy_bytes(words.data(), &attributes, sizeof(attributes));
  return words;
}

std::uint32_t side_of_output(const Layer& l) {
  return (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
}

double operations_of(const Layer& l) {
  const double pixels = double{1} * side_of_output(l) * side_of_output(l);
  return 2.0 * pixels * l.outputs * l.kernel * l.kernel * (l.depthwise ? 1 : l.inputs);
}

std::unique_ptr<Runner> runner_of(const Layer& l) {
  Conv2dAttributes attributes;
  attributes.window = {l.kernel, l.kernel, l.stride, l.stride, 1, 1, l.pad, l.pad, l.pad, l.pad};
  attributes.groups = l.depthwise ? l.inputs : 1;
  attributes.activation.clamp = {0.0f, 6.0f};
  const ConvWeightShape shape{l.inputs, l.outputs, attributes.groups, l.kernel, l.kernel};
  std::vector<Buffer> inputs{Buffer({1, l.size, l.size, l.inputs}),
                             Buffer({static_cast<std::uint32_t>(*packed_conv2d_elements(shape))})};
  const std::uint32_t side = side_of_output(l);
  return std::make_unique<Runner>(OpCode::kConv2d, std::move(inputs),
                                  Buffer({1, side, side, l.outputs}), words_of(attributes));
}

// Runs `body` as often as the benchmark asks for; reports `operations` of each call, and their
// share of the peak measured just before and after (cores that are shared change their speed).
template <typename Body>
void measure(benchmark::State& state, double operations, Isa isa, Body body) {
  using benchmark::Counter;
  const double before = measure_peak(isa);
  for (auto _ : state) body();
  const double peak = std::max(before, measure_peak(isa));
  const double total = operations * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = Counter(total * 1e-9, Counter::kIsRate);
  state.counters["peak"] = peak * 1e-9;
  state.counters["%peak"] = Counter(total / peak * 100, Counter::kIsRate);
}

void bench_layers(benchmark::State& state, const std::vector<Layer>& layers, Isa isa,
                  std::uint32_t threads) {
  limit_vector_isa(isa);
  cores::ThreadPool pool(threads);
  std::vector<std::unique_ptr<Runner>> runners;
  double operations = 0;
  for (const Layer& layer : layers) {
    runners.push_back(runner_of(layer));
    operations += operations_of(layer);
  }
  measure(state, operations, isa, [&] {
    for (auto& runner : runners) runner->run(pool);
  });
}

void bench_fully_connected(benchmark::State& state, std::uint32_t rows, std::uint32_t inputs,
                           std::uint32_t outputs, Isa isa) {
  limit_vector_isa(isa);
  std::vector<Buffer> operands{
      Buffer({rows, inputs}),
      Buffer({static_cast<std::uint32_t>(*packed_elements(outputs, inputs))})};
  Runner runner(OpCode::kFullyConnected, std::move(operands), Buffer({rows, outputs}),
                words_of(FullyConnectedAttributes{}));
  SingleWorker alone;
  measure(state, 2.0 * rows * inputs * outputs, isa, [&] { runner.run(alone); });
}

template <std::size_t kLayers>
void add_network(const std::string& network, const Layer (&layers)[kLayers], Isa isa) {
  const std::string suffix = std::string("/") + name_of(isa);
  const auto add = [&](const std::string& name, std::vector<Layer> some,
                       std::uint32_t threads = 1) {
    benchmark::RegisterBenchmark((network + "/" + name + suffix).c_str(), bench_layers, some, isa,
                                 threads)
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime()
        ->MinTime(0.1);
  };
  for (const Layer& layer : layers) add(layer.name, {layer});
  add("all_convolutions", {layers, layers + kLayers});
  add("all_convolutions_2_threads", {layers, layers + kLayers}, 2);
}

void add_all() {
  limit_vector_isa(Isa::kAvx512);
  std::vector<Isa> isas{vector_isa()};
  if (isas[0] == Isa::kAvx512) isas.push_back(Isa::kAvx2);
  for (const Isa isa : isas) {
    add_network("squeezenet", kSqueezeNet, isa);
    add_network("mobilenet", kMobileNet, isa);
    for (const std::uint32_t rows : {1u, 16u}) {
      const std::string name =
          "fully_connected/" + std::to_string(rows) + "x1024x1000/" + name_of(isa);
      benchmark::RegisterBenchmark(name.c_str(), bench_fully_connected, rows, 1024u, 1000u, isa)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace sz::ops

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  sz::ops::add_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
#endif  // HWY_ONCE
