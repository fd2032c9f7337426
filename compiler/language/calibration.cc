#include "compiler/language/calibration.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "compiler/host/language_runner.h"
#include "compiler/language/language_plan.h"
#include "language/sampler.h"
#include "ops/operator.h"

namespace sz::compiler {
namespace {

using Tokens = std::vector<std::uint32_t>;

constexpr std::uint32_t kBatch = 64;
constexpr std::uint32_t kMostOfOneText = 256;

LanguageRunner runner_of(const LanguageModel& model, ops::BlockFormat format, bool keep) {
  LanguageOptions options;
  options.quantize = format;
  options.context = std::min(model.context, kMostOfOneText);
  options.batch = kBatch;
  const LanguagePlan plan = plan_language(model, options, {.keep = keep});
  return LanguageRunner(plan.plan, plan.weights);
}

// Texts from the beginning on, each as long as the context or until the model ends it.
std::vector<Tokens> write_texts(const LanguageModel& model, std::uint32_t tokens) {
  LanguageRunner runner = runner_of(model, ops::BlockFormat::kQ8_0, false);
  language::SamplerSettings settings;
  settings.temperature = 1.0f;
  language::SamplerState random = language::start_sampler(1);
  std::vector<std::uint64_t> work((language::sampler_work_bytes(model.vocabulary) + 7) / 8);
  const std::uint32_t bos = model.tokenizer.bos < model.vocabulary ? model.tokenizer.bos : 0;
  const std::uint32_t most = runner.record().context;
  std::vector<Tokens> texts;
  for (std::uint32_t written = 0; written < tokens;) {
    Tokens text = {bos};
    runner.reset();
    while (text.size() < most) {
      std::vector<float> logits = runner.feed(std::span(text).last(1));
      const std::uint32_t token = language::sample(logits, text, settings, &random,
                                                   std::as_writable_bytes(std::span(work)));
      if (token == model.tokenizer.eos) break;
      text.push_back(token);
    }
    written += static_cast<std::uint32_t>(text.size());
    texts.push_back(std::move(text));
  }
  return texts;
}

// The matrices that the kLinear steps of an entry point compute with, in their order.
std::vector<std::vector<const LanguageMatrix*>> matrices_in_order(const LanguageModel& model) {
  std::vector<std::vector<const LanguageMatrix*>> order;
  for (const LanguageLayer& layer : model.layers) {
    order.push_back({layer.q.get(), layer.k.get(), layer.v.get()});
    order.push_back({layer.o.get()});
    order.push_back({layer.gate.get(), layer.up.get()});
    order.push_back({layer.down.get()});
  }
  return order;
}

// Adds what the last run through `entry` left in the arena.
void add_inputs(const LanguageRunner& runner, std::uint32_t entry, std::size_t rows,
                const std::vector<std::shared_ptr<InputProducts>>& products) {
  const package::PlanView& plan = runner.plan();
  const package::EntryRecord& record = plan.entries()[entry];
  std::size_t place = 0;
  for (std::uint32_t i = 0; i < record.step_count && place < products.size(); ++i) {
    const package::StepRecord& step = plan.steps()[record.step_begin + i];
    if (step.op != static_cast<std::uint16_t>(ops::OpCode::kLinear)) continue;
    const package::TensorRecord& input = plan.tensors()[plan.operands()[step.operand_begin]];
    const auto* numbers = reinterpret_cast<const float*>(runner.arena().data() + input.offset);
    InputProducts& sums = *products[place++];
    for (std::size_t row = 0; row < rows; ++row) sums.add(numbers + row * sums.inputs);
  }
}

}  // namespace

ProductsOf observe_inputs(const LanguageModel& model, std::uint32_t tokens) {
  ProductsOf result;
  std::vector<std::shared_ptr<InputProducts>> products;
  for (const auto& matrices : matrices_in_order(model)) {
    const std::uint32_t inputs = matrices.front()->inputs;
    products.push_back(std::make_shared<InputProducts>(
        InputProducts{inputs, std::vector<float>(std::size_t{inputs} * inputs)}));
    for (const LanguageMatrix* matrix : matrices) result[matrix] = products.back();
  }
  const std::vector<Tokens> texts = write_texts(model, tokens);
  LanguageRunner runner = runner_of(model, ops::BlockFormat::kF32, true);
  for (const Tokens& text : texts) {
    runner.reset();
    for (std::size_t at = 0; at < text.size(); at += kBatch) {
      const auto batch = std::span(text).subspan(at, std::min<std::size_t>(kBatch, text.size() - at));
      runner.feed(batch);
      const package::LanguageRecord& record = runner.record();
      add_inputs(runner, batch.size() == 1 ? record.decode_entry : record.prefill_entry, batch.size(),
                 products);
    }
  }
  return result;
}

}  // namespace sz::compiler
