// Speed of Linear, and of the rows' preparation, on models shaped like those of the TinyStories
// family with random weights.
//
// usage: transformer_bench [MODEL] [--rows N] [--runs N] [--threads N] [--only FORMAT] [--avx2]
//
// Prints for each format the time of a pass (all matrices once, N rows of activations), weights
// read in GB/s and multiply-adds in GMAC/s, beside the speed at which the same thread reads memory:
// the best of N runs of each, taken in turns. One thread: CPU time; several: wall-clock time. With
// one format, and counted by bench/instructions' plugin with two numbers of runs, the difference is
// the instructions of a pass.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cores/host/thread_pool.h"
#include "ops/isa.h"
#include "ops/operator.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {
namespace {

struct Model {
  const char* name;
  std::uint32_t width, hidden, key_value, layers, vocabulary;
};
constexpr Model kModels[] = {
    {"260K", 64, 172, 32, 5, 512},
    {"15M", 288, 768, 288, 6, 32000},
    {"42M", 512, 1376, 512, 8, 32000},
    {"110M", 768, 2048, 768, 12, 32000},
};

struct Options {
  std::string model = "110M", format;
  std::uint32_t rows = 1, runs = 20, threads = 1;
};

struct Aligned {
  void* memory = nullptr;
  explicit Aligned(std::size_t bytes) : memory(std::aligned_alloc(64, (bytes + 63) / 64 * 64)) {}
  ~Aligned() { std::free(memory); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  std::byte* bytes() const { return static_cast<std::byte*>(memory); }
};

TensorView matrix(std::byte* data, DType type, std::uint32_t rows, std::uint64_t columns) {
  TensorView view;
  view.data = data;
  view.dims[0] = rows;
  view.dims[1] = view.pitch = static_cast<std::uint32_t>(columns);
  view.rank = 2;
  view.dtype = type;
  return view;
}

TensorView list(std::byte* data, DType type, std::uint64_t count) {
  TensorView view;
  view.data = data;
  view.dims[0] = view.pitch = static_cast<std::uint32_t>(count);
  view.rank = 1;
  view.dtype = type;
  return view;
}

// A step with its operands.
struct BenchStep {
  OpCode code;
  std::vector<TensorView> inputs;
  TensorView output;
  std::vector<std::uint32_t> attributes;

  // Set by prepare().
  const Operator* op = nullptr;
  std::uint64_t cost = 0;

  template <typename Body>
  auto with_step(Body body) const {
    const TensorView* operands[3];
    for (std::size_t i = 0; i < inputs.size(); ++i) operands[i] = &inputs[i];
    const TensorView* outputs[] = {&output};
    const std::span<const TensorView* const> all(operands, inputs.size());
    return body(Step{Kernel::kVector, all, outputs, attributes});
  }
  void prepare(std::size_t stride) {
    op = find_operator(static_cast<std::uint16_t>(code));
    with_step([&](const Step& step) {
      if (op->check(step) != Status::kOk || op->scratch_bytes(step) > stride) std::abort();
      cost = op->cost(step);
    });
  }
  void run(Workers& workers, std::byte* scratch, std::size_t stride) const {
    const RunContext context{workers, scratch, stride, cost};
    const Status status = with_step([&](const Step& step) { return op->run(step, context); });
    if (status != Status::kOk) std::abort();
  }
};

template <typename Attributes>
std::vector<std::uint32_t> words(const Attributes& attributes) {
  std::vector<std::uint32_t> result(sizeof(attributes) / 4);
  std::memcpy(result.data(), &attributes, sizeof(attributes));
  return result;
}

// The matrices of a model in one format, and the activations between them.
class Pass {
 public:
  Pass(const Model& model, BlockFormat format, std::uint32_t rows)
      : format_(format), rows_(rows), widest_(std::max(3 * model.width, 2 * model.hidden)) {
    widest_ = std::max(widest_, model.vocabulary);
    const std::uint32_t qkv = model.width + 2 * model.key_value;
    std::size_t bytes = 0;
    for (const bool count : {true, false}) {
      if (!count) {
        weights_ = std::make_unique<Aligned>(bytes);
        fill(bytes);
        bytes_ = bytes;
      }
      bytes = 0;
      for (std::uint32_t i = 0; i < model.layers; ++i) {
        add(count, bytes, model.width, qkv, LinearEpilogue::kNone);
        add(count, bytes, model.width, model.width, LinearEpilogue::kResidual);
        add(count, bytes, model.width, model.hidden, LinearEpilogue::kSwiglu);
        add(count, bytes, model.hidden, model.width, LinearEpilogue::kResidual);
      }
      add(count, bytes, model.width, model.vocabulary, LinearEpilogue::kNone);
    }
    for (BenchStep& step : steps_) step.prepare(kStride);
  }

  void run(Workers& workers) {
    for (const BenchStep& step : steps_) step.run(workers, scratch_.bytes(), kStride);
  }
  double bytes() const { return static_cast<double>(bytes_); }
  double products() const { return products_; }

 private:
  static constexpr std::size_t kStride = std::size_t{4} << 20;

  // Any numbers, but ordinary ones: scales and halves about 0.01.
  void fill(std::size_t bytes) {
    std::mt19937 random(1);
    auto* to = reinterpret_cast<std::uint32_t*>(weights_->bytes());
    const bool blocks = format_ == BlockFormat::kQ8_0 || format_ == BlockFormat::kQ4_0;
    const std::size_t period = panel_bytes(format_, kBlock) / 4;
    for (std::size_t i = 0; i < bytes / 4; ++i) {
      to[i] = static_cast<std::uint32_t>(random());
      const bool scales = blocks && i % period < 8;
      if (format_ == BlockFormat::kF16 || scales) to[i] = (to[i] & 0x03ff03ffu) | 0x20002000u;
      if (format_ == BlockFormat::kF32) to[i] = (to[i] & 0x807fffffu) | 0x3c000000u;
    }
    x_ = std::make_unique<Aligned>(std::size_t{rows_} * widest_ * 4);
    y_ = std::make_unique<Aligned>(std::size_t{rows_} * widest_ * 4);
    residual_ = std::make_unique<Aligned>(std::size_t{rows_} * widest_ * 4);
    quantized_ = std::make_unique<Aligned>(rows_ * quantized_row_bytes(widest_));
    for (std::size_t i = 0; i < std::size_t{rows_} * widest_; ++i) {
      const float value = static_cast<float>(random() % 2000) / 1000.0f - 1.0f;
      std::memcpy(x_->bytes() + 4 * i, &value, 4);
      std::memcpy(residual_->bytes() + 4 * i, &value, 4);
    }
  }

  void add(bool count, std::size_t& bytes, std::uint32_t inputs, std::uint32_t outputs,
           LinearEpilogue epilogue) {
    const std::uint64_t each = epilogue == LinearEpilogue::kSwiglu ? 2 : 1;
    const std::uint64_t size = each * packed_bytes(format_, outputs, inputs);
    const std::size_t at = bytes;
    bytes += (size + 63) / 64 * 64;
    if (count) return;
    products_ += static_cast<double>(each) * inputs * outputs * rows_;
    const bool blocks = format_ == BlockFormat::kQ8_0 || format_ == BlockFormat::kQ4_0;
    TensorView x = matrix(x_->bytes(), DType::kF32, rows_, inputs);
    if (blocks) {
      const TensorView q =
          matrix(quantized_->bytes(), DType::kU8, rows_, quantized_row_bytes(inputs));
      steps_.push_back(
          {OpCode::kQuantizeRows, {x}, q, words(QuantizeRowsAttributes{inputs}), {}, {}});
      x = q;
    }
    BenchStep step{OpCode::kLinear,
                   {x, list(weights_->bytes() + at, DType::kU8, size)},
                   matrix(y_->bytes(), DType::kF32, rows_, outputs),
                   words(LinearAttributes{format_, inputs, outputs, epilogue}),
                   {},
                   {}};
    if (epilogue == LinearEpilogue::kResidual) {
      step.inputs.push_back(matrix(residual_->bytes(), DType::kF32, rows_, outputs));
    }
    steps_.push_back(step);
  }

  BlockFormat format_;
  std::uint32_t rows_, widest_;
  std::unique_ptr<Aligned> weights_, x_, y_, residual_, quantized_;
  Aligned scratch_{kStride * 16};
  std::vector<BenchStep> steps_;
  std::size_t bytes_ = 0;
  double products_ = 0;
};

// Reads memory as fast as plain code can.
struct Reader {
  static constexpr std::size_t kChunks = 64;
  static constexpr std::size_t kWords = std::size_t{8} << 20;  // 64 MiB
  std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(kWords, 1);
  std::uint64_t sums[kChunks] = {};

  static void chunk(void* context, std::uint32_t number, std::uint32_t) noexcept {
    auto& reader = *static_cast<Reader*>(context);
    const std::uint64_t* from = reader.memory.data() + number * (kWords / kChunks);
    std::uint64_t part[16] = {};
    for (std::size_t i = 0; i < kWords / kChunks; i += 16) {
      for (std::size_t j = 0; j < 16; ++j) part[j] += from[i + j];
    }
    for (const std::uint64_t one : part) reader.sums[number] += one;
  }
  void run(Workers& workers) { workers.run({chunk, this, kChunks, ~std::uint64_t{0}}); }
};

double now(bool wall) {
  timespec time{};
  clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <typename Body>
double seconds(bool wall, Body body) {
  const double begin = now(wall);
  body();
  return now(wall) - begin;
}

void measure(const Options& options, const Model& model, BlockFormat format, const char* name) {
  Pass pass(model, format, options.rows);
  cores::ThreadPool pool(options.threads);
  SingleWorker single;
  Workers& workers = options.threads > 1 ? static_cast<Workers&>(pool) : single;
  const bool wall = options.threads > 1, many = options.runs > 2;
  auto reader = many ? std::make_unique<Reader>() : nullptr;
  double best = 1e9, best_read = 1e9;
  for (std::uint32_t i = 0; i < options.runs; ++i) {
    best = std::min(best, seconds(wall, [&] { pass.run(workers); }));
    if (!many) continue;
    best_read = std::min(best_read, seconds(wall, [&] { reader->run(workers); }));
  }
  std::printf(
      "%-5s %-5s %4u rows %u threads: %9.3f ms, %7.2f GB/s, %8.2f GMAC/s; reading %.2f GB/s\n",
      model.name, name, options.rows, options.threads, best * 1e3, pass.bytes() / best * 1e-9,
      pass.products() / best * 1e-9,
      many ? static_cast<double>(Reader::kWords) * 8 / best_read * 1e-9 : 0.0);
}

int run(const Options& options) {
  const std::pair<BlockFormat, const char*> formats[] = {{BlockFormat::kF32, "f32"},
                                                         {BlockFormat::kF16, "f16"},
                                                         {BlockFormat::kQ8_0, "q8_0"},
                                                         {BlockFormat::kQ4_0, "q4_0"}};
  bool found = false;
  for (const Model& model : kModels) {
    if (options.model != model.name) continue;
    for (const auto& [format, name] : formats) {
      if (!options.format.empty() && options.format != name) continue;
      measure(options, model, format, name);
      found = true;
    }
  }
  if (!found) std::fprintf(stderr, "transformer_bench: no such model or format\n");
  return found ? 0 : 2;
}

}  // namespace
}  // namespace sz::ops

int main(int count, char** arguments) {
  sz::ops::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = arguments[i];
    const bool more = i + 1 < count;
    const auto number = [&] { return static_cast<std::uint32_t>(std::atoi(arguments[++i])); };
    if (word == "--rows" && more) {
      options.rows = number();
    } else if (word == "--runs" && more) {
      options.runs = number();
    } else if (word == "--threads" && more) {
      options.threads = number();
    } else if (word == "--only" && more) {
      options.format = arguments[++i];
    } else if (word == "--avx2") {
      sz::ops::limit_vector_isa(sz::ops::Isa::kAvx2);
    } else if (word[0] != '-') {
      options.model = word;
    } else {
      std::fprintf(stderr, "transformer_bench: what is %s?\n", word.c_str());
      return 2;
    }
  }
  if (options.rows < 1 || options.runs < 1 || options.threads < 1 || options.threads > 16) return 2;
  return sz::ops::run(options);
}
