#include "compiler/plan/schedule.h"

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "compiler/plan/liveness.h"

namespace sz::compiler {
namespace {

using Order = std::vector<std::uint32_t>;

// Who must run before whom.
struct Dependencies {
  std::vector<std::vector<std::uint32_t>> before, after;
};

Dependencies find_dependencies(const Program& program) {
  std::vector<std::vector<std::uint32_t>> writers(program.storages.size());
  const auto count = static_cast<std::uint32_t>(program.steps.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    writers[program.tensors[program.steps[i].output].storage].push_back(i);
  }
  Dependencies result;
  result.before.resize(count);
  result.after.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::set<std::uint32_t> needed;
    for (const std::uint32_t input : program.steps[i].inputs) {
      const ProgramTensor& tensor = program.tensors[input];
      for (const std::uint32_t writer : writers[tensor.storage]) {
        if (writer != i && overlap(tensor, program.tensors[program.steps[writer].output])) {
          needed.insert(writer);
        }
      }
    }
    result.before[i].assign(needed.begin(), needed.end());
    for (const std::uint32_t other : needed) result.after[other].push_back(i);
  }
  return result;
}

// Builds an order step by step: always the step that adds least to the memory in use.
class Greedy {
 public:
  Greedy(const Program& program, const Dependencies& dependencies)
      : program_(program), dependencies_(dependencies), readers_(program.storages.size(), 0) {
    for (const ProgramStep& step : program.steps) {
      std::set<std::uint32_t> read;
      for (const std::uint32_t input : step.inputs) {
        const std::uint32_t storage = program.tensors[input].storage;
        if (!program.storages[storage].constant()) read.insert(storage);
      }
      for (const std::uint32_t storage : read) ++readers_[storage];
      read_.emplace_back(read.begin(), read.end());
    }
    for (const std::uint32_t tensor : program.outputs) ++readers_[program.tensors[tensor].storage];
  }

  // `eager_weight` says how much more freeing counts than taking. With `noise` percent chance
  // another ready step is taken than the best one.
  Order run(std::int64_t eager_weight, unsigned noise, std::uint32_t seed) const {
    std::minstd_rand random(seed + 1);
    State state{readers_, std::vector<bool>(program_.storages.size(), false)};
    std::vector<std::size_t> waiting;
    std::vector<std::uint32_t> ready;
    for (std::uint32_t i = 0; i < program_.steps.size(); ++i) {
      waiting.push_back(dependencies_.before[i].size());
      if (waiting[i] == 0) ready.push_back(i);
    }
    Order order;
    while (!ready.empty()) {
      const auto cheaper = [&](std::uint32_t a, std::uint32_t b) {
        const std::int64_t x = growth(a, state, eager_weight);
        const std::int64_t y = growth(b, state, eager_weight);
        return x != y ? x < y : a < b;
      };
      auto best = std::min_element(ready.begin(), ready.end(), cheaper);
      if (noise != 0 && random() % 100 < noise) {
        best = ready.begin() + static_cast<std::ptrdiff_t>(random() % ready.size());
      }
      const std::uint32_t step = *best;
      ready.erase(best);
      order.push_back(step);
      for (const std::uint32_t storage : read_[step]) --state.left[storage];
      state.written[output_of(step)] = true;
      for (const std::uint32_t next : dependencies_.after[step]) {
        if (--waiting[next] == 0) ready.push_back(next);
      }
    }
    return order;
  }

 private:
  struct State {
    std::vector<std::uint32_t> left;  // readers that have not run yet
    std::vector<bool> written;
  };

  std::uint32_t output_of(std::uint32_t step) const {
    return program_.tensors[program_.steps[step].output].storage;
  }

  // Bytes that the step takes less those that nobody needs after it.
  std::int64_t growth(std::uint32_t step, const State& state, std::int64_t eager_weight) const {
    std::int64_t bytes = 0;
    const std::uint32_t output = output_of(step);
    if (!state.written[output]) bytes += static_cast<std::int64_t>(program_.storages[output].bytes);
    for (const std::uint32_t storage : read_[step]) {
      if (state.left[storage] == 1) {
        bytes -= eager_weight * static_cast<std::int64_t>(program_.storages[storage].bytes);
      }
    }
    return bytes;
  }

  const Program& program_;
  const Dependencies& dependencies_;
  std::vector<std::uint32_t> readers_;
  std::vector<std::vector<std::uint32_t>> read_;  // by step: the storages it reads
};

// Each step as late as its first reader wants it: depth first from the last step back. `reversed`
// visits the inputs of a step in the other order.
Order depth_first(const Dependencies& dependencies, bool reversed) {
  Order order;
  const std::size_t count = dependencies.before.size();
  std::vector<bool> seen(count, false);
  struct Frame {
    std::uint32_t step;
    std::size_t next;
  };
  std::vector<Frame> stack;
  const auto visit = [&](std::uint32_t root) {
    if (!seen[root]) stack.push_back({root, 0});
    seen[root] = true;
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const auto& inputs = dependencies.before[frame.step];
      if (frame.next == inputs.size()) {
        order.push_back(frame.step);
        stack.pop_back();
        continue;
      }
      const std::size_t at = frame.next++;
      const std::uint32_t input = inputs[reversed ? inputs.size() - 1 - at : at];
      if (seen[input]) continue;
      seen[input] = true;
      stack.push_back({input, 0});
    }
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    if (dependencies.after[i].empty()) visit(i);
  }
  return order;
}

}  // namespace

Schedule schedule(const Program& program) {
  Schedule best;
  auto best_peak = std::numeric_limits<std::uint64_t>::max();
  const auto consider = [&](Order order, const std::string& name) {
    const std::uint64_t peak = analyse(program, order).peak;
    if (peak >= best_peak) return;
    best_peak = peak;
    best = {std::move(order), name};
  };
  Order file(program.steps.size());
  for (std::uint32_t i = 0; i < file.size(); ++i) file[i] = i;
  consider(std::move(file), "order of the file");

  const Dependencies dependencies = find_dependencies(program);
  consider(depth_first(dependencies, false), "depth first");
  consider(depth_first(dependencies, true), "depth first, reversed");
  const Greedy greedy(program, dependencies);
  consider(greedy.run(1, 0, 0), "greedy");
  consider(greedy.run(4, 0, 0), "greedy, eager to free");
  constexpr std::size_t kMostStepsForSearch = 1024;
  constexpr std::uint32_t kTries = 24;
  for (std::uint32_t seed = 0; program.steps.size() <= kMostStepsForSearch && seed < kTries;
       ++seed) {
    consider(greedy.run(1, 10, seed), "greedy with noise");
  }
  return best;
}

}  // namespace sz::compiler
