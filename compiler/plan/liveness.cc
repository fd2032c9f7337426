#include "compiler/plan/liveness.h"

#include <algorithm>

#include "ops/attributes.h"

namespace sz::compiler {
namespace {

class Analysis {
 public:
  Analysis(const Program& program, const std::vector<std::uint32_t>& order)
      : program_(program), order_(order), end_(static_cast<std::uint32_t>(order.size()) + 1) {
    find_lifetimes();
  }

  Liveness run() {
    result_.swapped.assign(program_.steps.size(), false);
    merge_in_place();
    make_blocks();
    result_.peak = largest_sum();
    result_.live_bound = bound();
    return std::move(result_);
  }

 private:
  std::uint32_t storage_of(std::uint32_t tensor) const { return program_.tensors[tensor].storage; }

  void touch(std::uint32_t tensor, std::uint32_t moment) {
    const std::uint32_t storage = storage_of(tensor);
    if (program_.storages[storage].constant()) return;
    if (!used_[storage]) life_[storage] = {moment, moment};
    used_[storage] = true;
    life_[storage].last = std::max(life_[storage].last, moment);
  }

  void find_lifetimes() {
    life_.resize(program_.storages.size());
    used_.resize(program_.storages.size(), false);
    parent_.resize(program_.storages.size());
    for (std::uint32_t i = 0; i < parent_.size(); ++i) parent_[i] = i;
    for (const std::uint32_t tensor : program_.inputs) touch(tensor, 0);
    for (std::uint32_t at = 0; at < order_.size(); ++at) {
      const ProgramStep& step = program_.steps[order_[at]];
      for (const std::uint32_t tensor : step.inputs) touch(tensor, at + 1);
      touch(step.output, at + 1);
    }
    for (const std::uint32_t tensor : program_.outputs) touch(tensor, end_);
  }

  std::uint32_t root(std::uint32_t storage) {
    while (parent_[storage] != storage) storage = parent_[storage] = parent_[parent_[storage]];
    return storage;
  }

  // Whether the step may write its output over `input`, which nobody needs afterwards.
  bool fits_in_place(const ProgramStep& step, std::uint32_t input, std::uint32_t moment) {
    const ProgramTensor& from = program_.tensors[step.inputs[input]];
    const ProgramTensor& to = program_.tensors[step.output];
    if (program_.storages[from.storage].constant() || from.dims != to.dims ||
        from.dtype != to.dtype || from.pitch != to.pitch || !covers_storage(program_, from) ||
        !covers_storage(program_, to)) {
      return false;
    }
    for (std::uint32_t i = 0; i < step.inputs.size(); ++i) {
      if (i != input && storage_of(step.inputs[i]) == from.storage) return false;
    }
    // The output's memory must not be needed before, nor the input's after.
    return life_[from.storage].last == moment && life_[to.storage].first == moment;
  }

  void merge_in_place() {
    overwrites_.assign(program_.steps.size(), kNoBlock);
    for (std::uint32_t at = 0; at < order_.size(); ++at) {
      const ProgramStep& step = program_.steps[order_[at]];
      if (!ops::find_operator(static_cast<std::uint16_t>(step.op))->in_place) continue;
      std::uint32_t input = 0;
      if (!fits_in_place(step, 0, at + 1)) {
        if (!commutes(step) || !fits_in_place(step, 1, at + 1)) continue;
        input = 1;
        result_.swapped[order_[at]] = true;
      }
      overwrites_[order_[at]] = step.inputs[input];
      parent_[root(storage_of(step.output))] = root(storage_of(step.inputs[input]));
    }
  }

  static bool commutes(const ProgramStep& step) {
    if (step.op != ops::OpCode::kBinary) return false;
    const auto kind = static_cast<ops::BinaryKind>(step.attributes[0]);
    return kind == ops::BinaryKind::kAdd || kind == ops::BinaryKind::kMul;
  }

  void make_blocks() {
    result_.block_of.assign(program_.storages.size(), kNoBlock);
    for (std::uint32_t storage = 0; storage < program_.storages.size(); ++storage) {
      if (!used_[storage]) continue;
      std::uint32_t& block = result_.block_of[root(storage)];
      if (block == kNoBlock) {
        block = static_cast<std::uint32_t>(result_.blocks.size());
        result_.blocks.push_back({program_.storages[storage].bytes, life_[storage]});
      }
      Block& merged = result_.blocks[block];
      merged.life.first = std::min(merged.life.first, life_[storage].first);
      merged.life.last = std::max(merged.life.last, life_[storage].last);
      result_.block_of[storage] = block;
    }
  }

  std::uint64_t largest(std::vector<std::int64_t> change) const {
    std::int64_t live = 0;
    std::int64_t most = 0;
    for (const std::int64_t delta : change) {
      live += delta;
      most = std::max(most, live);
    }
    return static_cast<std::uint64_t>(most);
  }

  std::uint64_t largest_sum() const {
    std::vector<std::int64_t> change(end_ + 2, 0);
    for (const Block& block : result_.blocks) {
      change[block.life.first] += static_cast<std::int64_t>(block.bytes);
      change[block.life.last + 1] -= static_cast<std::int64_t>(block.bytes);
    }
    return largest(std::move(change));
  }

  // A piece is what one step (or the request) writes.
  struct Piece {
    std::uint32_t tensor;
    Lifetime life;
  };

  std::uint64_t bound() const {
    std::vector<std::vector<Piece>> pieces(program_.storages.size());
    for (const std::uint32_t tensor : program_.inputs) {
      pieces[storage_of(tensor)].push_back({tensor, {0, 0}});
    }
    for (std::uint32_t at = 0; at < order_.size(); ++at) {
      const std::uint32_t tensor = program_.steps[order_[at]].output;
      pieces[storage_of(tensor)].push_back({tensor, {at + 1, at + 1}});
    }
    const auto read = [&](std::uint32_t tensor, std::uint32_t moment) {
      for (Piece& piece : pieces[storage_of(tensor)]) {
        const bool same = piece.tensor == tensor ||
                          overlap(program_.tensors[piece.tensor], program_.tensors[tensor]);
        if (same) piece.life.last = std::max(piece.life.last, moment);
      }
    };
    std::vector<std::int64_t> change(end_ + 2, 0);
    for (std::uint32_t at = 0; at < order_.size(); ++at) {
      const ProgramStep& step = program_.steps[order_[at]];
      for (const std::uint32_t tensor : step.inputs) read(tensor, at + 1);
      if (overwrites_[order_[at]] != kNoBlock) {
        const auto bytes = static_cast<std::int64_t>(program_.tensors[step.output].bytes());
        change[at + 1] -= bytes;
        change[at + 2] += bytes;
      }
    }
    for (const std::uint32_t tensor : program_.outputs) read(tensor, end_);
    for (const auto& list : pieces) {
      for (const Piece& piece : list) {
        const auto bytes = static_cast<std::int64_t>(program_.tensors[piece.tensor].bytes());
        change[piece.life.first] += bytes;
        change[piece.life.last + 1] -= bytes;
      }
    }
    return largest(std::move(change));
  }

  const Program& program_;
  const std::vector<std::uint32_t>& order_;
  const std::uint32_t end_;
  std::vector<Lifetime> life_;  // of storages
  std::vector<bool> used_;
  std::vector<std::uint32_t> parent_;
  std::vector<std::uint32_t> overwrites_;  // by step: the tensor it writes over
  Liveness result_;
};

}  // namespace

Liveness analyse(const Program& program, const std::vector<std::uint32_t>& order) {
  return Analysis(program, order).run();
}

}  // namespace sz::compiler
