#include "compiler/plan/bands.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "compiler/plan/liveness.h"
#include "compiler/plan/row_rules.h"
#include "compiler/plan/schedule.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

constexpr std::size_t kLongestChain = 8;
constexpr std::uint32_t kBandCounts[] = {2, 3, 4, 6, 8, 12, 16, 24, 32};
constexpr int kMostChains = 24;

bool dense(const ProgramTensor& tensor) { return tensor.pitch == tensor.view().inner(); }

// Steps of a program one of which feeds the next, by number.
using Chain = std::vector<std::uint32_t>;

// Makes the program in which a chain is computed in bands.
class Cutter {
 public:
  Cutter(const Program& program, const Chain& chain, std::uint32_t bands)
      : program_(program), chain_(chain), bands_(bands) {
    for (const std::uint32_t step : chain) {
      rules_.push_back(*RowRule::of(program, program.steps[step]));
    }
    result_ = program;
    result_.steps.clear();
  }

  Program run() {
    for (std::uint32_t i = 0; i < program_.steps.size(); ++i) {
      if (i == chain_.back()) add_bands();
      if (std::find(chain_.begin(), chain_.end(), i) != chain_.end()) continue;
      result_.steps.push_back(program_.steps[i]);
    }
    return std::move(result_);
  }

 private:
  // What a band has of the result of one step of the chain: a tensor with these rows.
  struct Piece {
    std::uint32_t tensor = 0;
    Rows rows;
  };

  const ProgramStep& step(std::size_t link) const { return program_.steps[chain_[link]]; }
  std::uint32_t height(std::size_t link) const {
    return program_.tensors[step(link).output].dims[1];
  }

  // The rows `rows` of an image that has the rows `all`.
  std::uint32_t view(std::uint32_t tensor, Rows all, Rows rows) {
    if (rows == all) return tensor;
    ProgramTensor part = result_.tensors[tensor];
    const std::uint64_t row = std::uint64_t{part.dims[2]} * part.pitch * dtype_bytes(part.dtype);
    part.offset += (rows.begin - all.begin) * row;
    part.dims[1] = rows.size();
    result_.tensors.push_back(std::move(part));
    return static_cast<std::uint32_t>(result_.tensors.size() - 1);
  }

  // An image like the result of step `link`, but with these rows only.
  Piece fresh(std::size_t link, Rows rows) {
    ProgramTensor tensor = program_.tensors[step(link).output];
    tensor.dims[1] = rows.size();
    tensor.offset = 0;
    tensor.storage = static_cast<std::uint32_t>(result_.storages.size());
    result_.storages.push_back({tensor.name, tensor.bytes(), nullptr});
    result_.tensors.push_back(std::move(tensor));
    return {static_cast<std::uint32_t>(result_.tensors.size() - 1), rows};
  }

  void add_bands() {
    const std::size_t last = chain_.size() - 1;
    const std::uint32_t rows = height(last);
    std::vector<Piece> before(chain_.size());  // of the band before
    for (std::uint32_t band = 0; band < bands_; ++band) {
      const Rows wanted{boundary(last, rows * band / bands_),
                        boundary(last, rows * (band + 1) / bands_)};
      // What each step has to add, and what of its result the next step reads.
      std::vector<Rows> fresh_rows(chain_.size()), read(chain_.size());
      fresh_rows[last] = wanted;
      for (std::size_t link = last; link-- > 0;) {
        read[link] = fresh_rows[link + 1].size() == 0
                         ? Rows{before[link].rows.end, before[link].rows.end}
                         : rules_[link + 1].needed(fresh_rows[link + 1]);
        read[link].end = boundary(link, read[link].end);
        fresh_rows[link] = {std::max(read[link].begin, before[link].rows.end),
                            std::max(read[link].end, before[link].rows.end)};
      }
      for (std::size_t link = 0; link < last; ++link) {
        if (read[link].size() == 0) continue;
        const Piece piece = fresh(link, read[link]);
        keep_rows(link, before[link], piece);
        const Rows added = fresh_rows[link];
        if (added.size() > 0)
          run_step(link, before_of(link), added, view(piece.tensor, piece.rows, added));
        before[link] = piece;
        current_ = piece;
      }
      run_step(last, before_of(last), wanted, view(step(last).output, {0, rows}, wanted));
    }
  }

  // The first row from `row` on where a band of step `link` may begin.
  std::uint32_t boundary(std::size_t link, std::uint32_t row) const {
    const std::uint32_t granularity = rules_[link].granularity();
    return std::min((row + granularity - 1) / granularity * granularity, height(link));
  }

  // The image that step `link` reads in this band.
  Piece before_of(std::size_t link) const {
    if (link > 0) return current_;
    const std::uint32_t tensor = step(0).inputs[0];
    return {tensor, {0, program_.tensors[tensor].dims[1]}};
  }

  // Copies the rows that the band before has computed already.
  void keep_rows(std::size_t link, const Piece& before, const Piece& piece) {
    const Rows kept{piece.rows.begin, std::min(piece.rows.end, before.rows.end)};
    if (kept.end <= kept.begin) return;
    const std::uint32_t from = view(before.tensor, before.rows, kept);
    const std::uint32_t to = view(piece.tensor, piece.rows, kept);
    result_.steps.push_back({step(link).name + " (rows kept)", ops::OpCode::kCopy, {from}, to, {}});
  }

  void run_step(std::size_t link, const Piece& input, Rows rows, std::uint32_t output) {
    ProgramStep part = step(link);
    const RowRule& rule = rules_[link];
    part.inputs[0] = view(input.tensor, input.rows, rule.needed(rows));
    for (const std::uint32_t companion : rule.companions()) {
      part.inputs[companion] = view(part.inputs[companion], {0, height(link)}, rows);
    }
    part.output = output;
    part.attributes = rule.attributes(rows);
    result_.steps.push_back(std::move(part));
  }

  const Program& program_;
  const Chain& chain_;
  const std::uint32_t bands_;
  std::vector<RowRule> rules_;
  Piece current_;
  Program result_;
};

// Every step passes its operator's check: a band can be too thin for a window.
bool valid(const Program& program) {
  return std::all_of(program.steps.begin(), program.steps.end(),
                     [&](const ProgramStep& step) { return check(program, step) == Status::kOk; });
}

// Looks for the cut that lowers the peak most.
class Search {
 public:
  Search(const Program& program, std::uint32_t least_rows)
      : program_(program), least_rows_(least_rows), order_(program.steps.size()) {
    std::iota(order_.begin(), order_.end(), 0u);
    find_links();
  }

  std::uint64_t peak() const { return analyse(program_, order_).peak; }

  struct Cut {
    Chain chain;
    std::uint32_t bands = 0;
    std::uint64_t peak = 0;
  };

  std::optional<Cut> best() const {
    std::vector<Cut> cuts;
    for (std::uint32_t first = 0; first < program_.steps.size(); ++first) {
      if (!starts(first)) continue;
      Chain chain = {first};
      while (chain.size() < kLongestChain && next_[chain.back()] != kNone) {
        chain.push_back(next_[chain.back()]);
        try_bands(chain, &cuts);
      }
    }
    return cheapest(cuts);
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  // next_[s]: the one step that reads the result of s, if rows can pass from s to it.
  void find_links() {
    const std::size_t count = program_.steps.size();
    next_.assign(count, kNone);
    std::vector<std::uint32_t> views(program_.storages.size(), 0), reads(views), reader(views);
    std::vector<bool> fixed(program_.storages.size(), false);
    for (const ProgramTensor& tensor : program_.tensors) ++views[tensor.storage];
    for (const auto* list : {&program_.inputs, &program_.outputs}) {
      for (const std::uint32_t id : *list) fixed[program_.tensors[id].storage] = true;
    }
    for (std::uint32_t s = 0; s < count; ++s) {
      for (const std::uint32_t id : program_.steps[s].inputs) {
        ++reads[program_.tensors[id].storage];
        reader[program_.tensors[id].storage] = s;
      }
    }
    for (std::uint32_t s = 0; s < count; ++s) {
      const ProgramTensor& result = program_.tensors[program_.steps[s].output];
      rule_.push_back(RowRule::of(program_, program_.steps[s]).has_value());
      const bool alone = views[result.storage] == 1 && reads[result.storage] == 1 &&
                         !fixed[result.storage] && covers_storage(program_, result);
      if (rule_[s] && alone && dense(result)) next_[s] = reader[result.storage];
    }
    for (std::uint32_t s = 0; s < count; ++s) {
      if (next_[s] == kNone) continue;
      const ProgramStep& next = program_.steps[next_[s]];
      const auto rule = RowRule::of(program_, next);
      if (!rule || next.inputs[0] != program_.steps[s].output) next_[s] = kNone;
    }
  }

  bool starts(std::uint32_t step) const {
    const ProgramStep& s = program_.steps[step];
    return rule_[step] && next_[step] != kNone && dense(program_.tensors[s.inputs[0]]) &&
           companions_are_dense(s);
  }

  bool companions_are_dense(const ProgramStep& step) const {
    return std::all_of(step.inputs.begin(), step.inputs.end(), [&](std::uint32_t id) {
      return dense(program_.tensors[id]) || program_.tensors[id].dims.size() != 4;
    });
  }

  void try_bands(const Chain& chain, std::vector<Cut>* cuts) const {
    const ProgramStep& last = program_.steps[chain.back()];
    const ProgramTensor& output = program_.tensors[last.output];
    if (!dense(output) || !companions_are_dense(last)) return;
    for (const std::uint32_t bands : kBandCounts) {
      if (output.dims[1] / bands < least_rows_) return;
      const Program cut = Cutter(program_, chain, bands).run();
      if (cut.steps.size() > package::kMaxSteps || cut.tensors.size() > package::kMaxTensors)
        return;
      if (!valid(cut)) continue;
      Order order(cut.steps.size());
      std::iota(order.begin(), order.end(), 0u);
      cuts->push_back({chain, bands, analyse(cut, order).peak});
    }
  }

  // Of those that lower the peak about as far as can be, the one with the fewest steps.
  static std::optional<Cut> cheapest(const std::vector<Cut>& cuts) {
    std::uint64_t lowest = std::numeric_limits<std::uint64_t>::max();
    for (const Cut& cut : cuts) lowest = std::min(lowest, cut.peak);
    std::optional<Cut> best;
    for (const Cut& cut : cuts) {
      const std::size_t steps = cut.chain.size() * cut.bands;
      if (cut.peak > lowest + lowest / 32) continue;
      if (!best || steps < best->chain.size() * best->bands) best = cut;
    }
    return best;
  }

  using Order = std::vector<std::uint32_t>;
  const Program& program_;
  const std::uint32_t least_rows_;
  Order order_;
  std::vector<std::uint32_t> next_;
  std::vector<bool> rule_;
};

// The program with its steps in the best order that is known.
Program in_order(const Program& program) {
  Program result = program;
  result.steps.clear();
  for (const std::uint32_t step : schedule(program).order) {
    result.steps.push_back(program.steps[step]);
  }
  return result;
}

}  // namespace

Banded compute_in_bands(const Program& program, const BandOptions& options) {
  Banded result{in_order(program), {}};
  for (int round = 0; round < kMostChains; ++round) {
    const Search search(result.program, options.least_rows);
    const std::uint64_t peak = search.peak();
    if (peak < options.small_peak) break;
    const auto cut = search.best();
    if (!cut || cut->peak > peak - peak / 32) break;
    result.chains.push_back({result.program.steps[cut->chain.front()].name,
                             result.program.steps[cut->chain.back()].name,
                             static_cast<std::uint32_t>(cut->chain.size()), cut->bands});
    result.program = Cutter(result.program, cut->chain, cut->bands).run();
  }
  return result;
}

}  // namespace sz::compiler
