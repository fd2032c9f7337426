#include "compiler/host/language_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "base/status_text.h"
#include "language/tokenizer.h"
#include "package/package_file.h"

namespace sz::compiler {
namespace {

constexpr std::size_t kCores = 4;

void demand(Failure failure) {
  if (failure.ok()) return;
  throw std::runtime_error(status_sentence(static_cast<std::uint32_t>(failure.status), failure.detail));
}

// Page-aligned, zeroed.
class Pages {
 public:
  explicit Pages(std::uint64_t bytes)
      : size_(std::max<std::uint64_t>(bytes, 1)),
        data_(static_cast<std::byte*>(
            ::operator new(size_, std::align_val_t{engine::kPageBytes}))) {
    std::memset(data_, 0, size_);
  }
  ~Pages() { ::operator delete(data_, std::align_val_t{engine::kPageBytes}); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  MutableByteSpan bytes() { return {data_, size_}; }

 private:
  std::uint64_t size_;
  std::byte* data_;
};

engine::MemoryNeed need_of(ByteSpan plan) {
  package::PlanHeader header;
  if (plan.size() < sizeof(header)) throw std::runtime_error("no plan");
  std::memcpy(&header, plan.data(), sizeof(header));
  engine::MemoryNeed need;
  demand(engine::memory_need(header, kCores, &need));
  return need;
}

}  // namespace

struct LanguageRunner::State {
  State(ByteSpan plan, ByteSpan constants)
      : need(need_of(plan)),
        control(need.control),
        weights(need.weights),
        arena(need.arena),
        scratch(need.scratch),
        caches(need.state) {
    if (constants.size() != need.weights) throw std::runtime_error("the weights' size is wrong");
    std::memcpy(control.bytes().data(), plan.data(), plan.size());
    std::memcpy(weights.bytes().data(), constants.data(), constants.size());
    demand(model.prepare(control.bytes(), plan.size(), package::sha256_host));
    demand(model.attach({weights.bytes(), arena.bytes(), scratch.bytes(), caches.bytes()}, kCores));
    if (model.language() == nullptr) throw std::runtime_error("not a language model");
  }

  engine::MemoryNeed need;
  Pages control, weights, arena, scratch, caches;
  engine::Model model;
};

LanguageRunner::LanguageRunner(std::span<const std::byte> package) {
  const package::PackageFile file = package::read_package(package, "package");
  state_ = std::make_unique<State>(file.plan, file.weights);
}

LanguageRunner::LanguageRunner(ByteSpan plan, ByteSpan weights)
    : state_(std::make_unique<State>(plan, weights)) {}

ByteSpan LanguageRunner::arena() const { return state_->arena.bytes(); }

const package::PlanView& LanguageRunner::plan() const { return state_->model.plan(); }

LanguageRunner::~LanguageRunner() = default;

const package::LanguageRecord& LanguageRunner::record() const { return *state_->model.language(); }

std::vector<float> LanguageRunner::feed(std::span<const std::uint32_t> tokens, Workers& workers) {
  std::span<float> logits;
  while (!tokens.empty()) {
    const auto count = std::min<std::size_t>(tokens.size(), record().batch);
    const std::uint32_t entry = count == 1 ? record().decode_entry : record().prefill_entry;
    demand(state_->model.run_tokens(entry, tokens.first(count), position_, workers, &logits));
    position_ += static_cast<std::uint32_t>(count);
    tokens = tokens.subspan(count);
  }
  return {logits.begin(), logits.end()};
}

std::vector<std::uint32_t> LanguageRunner::tokens_of(std::string_view text) const {
  language::Tokenizer tokenizer;
  demand(language::Tokenizer::open(state_->model.tokenizer(), &tokenizer));
  std::vector<std::uint64_t> work((language::Tokenizer::work_bytes(text.size()) + 7) / 8);
  std::vector<std::uint32_t> tokens(text.size() + 2);
  std::uint32_t count = 0;
  demand(tokenizer.encode(std::as_bytes(std::span(text)), {.bos = true},
                          std::as_writable_bytes(std::span(work)), tokens, &count));
  tokens.resize(count);
  return tokens;
}

std::vector<float> LanguageRunner::feed(std::span<const std::uint32_t> tokens) {
  SingleWorker worker;
  return feed(tokens, worker);
}

double mean_nll(LanguageRunner& runner, std::span<const std::uint32_t> tokens) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const std::vector<float> logits = runner.feed(tokens.subspan(i, 1));
    const double largest = *std::max_element(logits.begin(), logits.end());
    double all = 0;
    for (const float logit : logits) all += std::exp(logit - largest);
    sum += largest + std::log(all) - logits[tokens[i + 1]];
  }
  return sum / static_cast<double>(tokens.size() - 1);
}

std::uint32_t best(std::span<const float> logits) {
  return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace sz::compiler
