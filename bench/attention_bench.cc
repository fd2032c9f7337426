// Speed of Rotary and Attention on one core, one layer, for the shapes of known language models.
//
// usage: attention_bench [MODEL] [--rows N] [--position P] [--format f32|f16|q8] [--runs N]
//                        [--op rotary|attention] [--avx2]
//
// Prints for each model the best CPU time of N runs of either operator, and of attention: the bytes
// of the cache that a second reads if every chunk reads them once, and multiply-adds in a second.
// With one model, and counted by bench/instructions' plugin with two numbers of runs, the
// difference is the instructions of a run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/memory.h"
#include "ops/attributes.h"
#include "ops/isa.h"
#include "ops/operator.h"
#include "ops/transformer/transformer.h"

namespace sz::ops {
namespace {

struct Model {
  const char* name;
  std::uint32_t heads, kv_heads, head;
};
constexpr Model kModels[] = {{"stories260K", 8, 4, 8},      {"stories15M", 6, 6, 48},
                             {"stories110M", 12, 12, 64},   {"smollm-135M", 9, 3, 64},
                             {"tinyllama-1.1B", 32, 4, 64}, {"llama-7B", 32, 32, 128},
                             {"llama-8B", 32, 8, 128}};

struct Options {
  std::string model, op;
  BlockFormat format = BlockFormat::kF16;
  std::uint32_t rows = 1, position = 255;
  int runs = 20;
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// A tensor and its memory, aligned as in a plan.
class Operand {
 public:
  Operand(DType type, std::vector<std::uint32_t> dims) {
    view_.dtype = type;
    view_.rank = static_cast<std::uint8_t>(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) view_.dims[i] = dims[i];
    view_.pitch = view_.inner();
    memory_.resize(view_.footprint() + 64);
    const std::size_t past = reinterpret_cast<std::uintptr_t>(memory_.data()) % 64;
    view_.data = memory_.data() + (64 - past) % 64;
  }
  Operand(const Operand&) = delete;
  const TensorView* view() const { return &view_; }
  void fill(std::mt19937& random) {
    for (std::uint64_t i = 0; i < view_.elements(); ++i) {
      view_.mutable_f32()[i] = static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f;
    }
  }

 private:
  TensorView view_;
  std::vector<std::byte> memory_;
};

template <typename Attributes>
std::vector<std::uint32_t> words_of(const Attributes& attributes) {
  std::vector<std::uint32_t> words(kAttributeWords<Attributes>);
  copy_bytes(words.data(), &attributes, sizeof(attributes));
  return words;
}

// Best time of `runs` runs after one that fills the caches; 0 runs: not at all.
double best_time(OpCode code, const Step& step, std::uint32_t rows, std::uint32_t position,
                 int runs) {
  const Operator& op = *find_operator(static_cast<std::uint16_t>(code));
  if (op.check(step) != Status::kOk) throw std::runtime_error("the step is refused");
  SingleWorker worker;
  std::vector<std::uint64_t> scratch(op.scratch_bytes(step) / 8 + 1);
  RunContext context{worker, reinterpret_cast<std::byte*>(scratch.data()), scratch.size() * 8,
                     op.cost(step)};
  context.rows = rows;
  context.position = position;
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    const double start = cpu_seconds();
    if (op.run(step, context) != Status::kOk) throw std::runtime_error("the step fails");
    best = std::min(best, cpu_seconds() - start);
  }
  return best;
}

void measure(const Model& model, const Options& options) {
  const std::uint32_t context = (options.position + options.rows + 15) / 16 * 16;
  const CacheAttributes cache{options.format, context, model.heads, model.kv_heads, model.head};
  const RotaryAttributes rotary{cache, model.head, 1.0f};
  const AttentionAttributes attention{cache, 0.125f};
  const auto head_bytes = [&](bool keys) {
    return static_cast<std::uint32_t>(cache_head_bytes(cache.format, keys, context, cache.head));
  };
  std::mt19937 random(1);
  // As many rows as there are places: the cache is filled by Rotary.
  Operand x(DType::kF32, {context, (model.heads + 2 * model.kv_heads) * model.head});
  Operand frequencies(DType::kF32, {model.head / 2});
  Operand q(DType::kF32, {context, model.heads * model.head});
  Operand keys(DType::kU8, {model.kv_heads, head_bytes(true)});
  Operand values(DType::kU8, {model.kv_heads, head_bytes(false)});
  Operand y(DType::kF32, {context, model.heads * model.head});
  x.fill(random);
  frequencies.fill(random);

  const TensorView* rotary_in[] = {x.view(), frequencies.view()};
  const TensorView* rotary_out[] = {q.view(), keys.view(), values.view()};
  const TensorView* attention_in[] = {q.view(), keys.view(), values.view()};
  const TensorView* attention_out[] = {y.view()};
  const auto rotary_words = words_of(rotary), attention_words = words_of(attention);
  const Step turn{Kernel::kVector, rotary_in, rotary_out, rotary_words};
  const Step attend{Kernel::kVector, attention_in, attention_out, attention_words};

  best_time(OpCode::kRotary, turn, context, 0, 1);
  const bool turns = options.op != "attention", attends = options.op != "rotary";
  std::printf("%-16s", model.name);
  if (turns) {
    const double time =
        best_time(OpCode::kRotary, turn, options.rows, options.position, options.runs);
    std::printf(" rotary %9.2f us", time * 1e6);
  }
  if (attends) {
    const double time =
        best_time(OpCode::kAttention, attend, options.rows, options.position, options.runs);
    const double seen = options.position + (options.rows + 1) / 2.0;
    const double bytes = double{1} * (head_bytes(true) + head_bytes(false)) * model.kv_heads;
    const double products = 2.0 * options.rows * seen * model.heads * model.head;
    std::printf(" attention %9.2f us %7.2f GB/s %7.2f GMAC/s", time * 1e6, bytes / time * 1e-9,
                products / time * 1e-9);
  }
  std::printf("\n");
}

BlockFormat format_of(const std::string& name) {
  if (name == "f32") return BlockFormat::kF32;
  if (name == "f16") return BlockFormat::kF16;
  if (name == "q8") return BlockFormat::kQ8_0;
  throw std::runtime_error("unknown format " + name);
}

int run(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const auto value = [&] {
      if (++i == count) throw std::runtime_error(argument + " needs a value");
      return std::string(arguments[i]);
    };
    const auto number = [&] { return static_cast<std::uint32_t>(std::stoul(value())); };
    if (argument == "--rows") {
      options.rows = std::max(1u, number());
    } else if (argument == "--position") {
      options.position = number();
    } else if (argument == "--runs") {
      options.runs = static_cast<int>(number());
    } else if (argument == "--format") {
      options.format = format_of(value());
    } else if (argument == "--op") {
      options.op = value();
    } else if (argument == "--avx2") {
      limit_vector_isa(Isa::kAvx2);
    } else {
      options.model = argument;
    }
  }
  for (const Model& model : kModels) {
    if (options.model.empty() || options.model == model.name) measure(model, options);
  }
  return 0;
}

}  // namespace
}  // namespace sz::ops

int main(int count, char** arguments) {
  try {
    return sz::ops::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attention_bench: %s\n", error.what());
    return 1;
  }
}
