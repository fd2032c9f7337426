#include "compiler/plan/placement.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

#include "base/checked.h"
#include "package/plan_format.h"

namespace sz::compiler {
namespace {

using Order = std::vector<std::uint32_t>;

std::uint64_t rounded(const Block& block) {
  return align_up(block.bytes, package::kTensorAlignment);
}

std::uint64_t duration(const Block& block) { return block.life.last - block.life.first + 1u; }

// Puts the blocks down one after the other, each into a gap between those that are there already
// and live at the same time: the lowest that is wide enough, or the tightest.
Placement put_down(std::span<const Block> blocks, const Order& order, bool tightest) {
  Placement result;
  result.offsets.assign(blocks.size(), 0);
  std::vector<std::uint32_t> placed;  // by offset
  for (const std::uint32_t block : order) {
    const std::uint64_t wanted = rounded(blocks[block]);
    std::uint64_t end = 0;  // of all neighbours so far
    std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t smallest = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint32_t other : placed) {
      if (!blocks[other].life.meets(blocks[block].life)) continue;
      const std::uint64_t begin = result.offsets[other];
      if (begin >= end && begin - end >= wanted && begin - end < smallest) {
        at = end;
        smallest = tightest ? begin - end : 0;
      }
      end = std::max(end, begin + rounded(blocks[other]));
    }
    if (at == std::numeric_limits<std::uint64_t>::max()) at = end;
    result.offsets[block] = at;
    result.arena_bytes = std::max(result.arena_bytes, at + wanted);
    const auto before = [&](std::uint32_t a, std::uint64_t offset) {
      return result.offsets[a] < offset;
    };
    placed.insert(std::lower_bound(placed.begin(), placed.end(), at, before), block);
  }
  return result;
}

template <typename Key>
Order sorted(std::span<const Block> blocks, Key key) {
  Order order(blocks.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return key(blocks[a]) > key(blocks[b]);
  });
  return order;
}

// No placement can be smaller than this.
std::uint64_t bound_of(std::span<const Block> blocks) {
  std::uint64_t most = 0;
  for (const Block& at : blocks) {  // a sum is largest where some block begins
    std::uint64_t sum = 0;
    for (const Block& block : blocks) {
      if (block.life.first <= at.life.first && at.life.first <= block.life.last) {
        sum += rounded(block);
      }
    }
    most = std::max(most, sum);
  }
  return most;
}

}  // namespace

Placement place(std::span<const Block> blocks) {
  const std::uint64_t bound = bound_of(blocks);
  Placement best;
  best.arena_bytes = std::numeric_limits<std::uint64_t>::max();
  Order best_order;
  const auto consider = [&](const Order& order, const std::string& name) {
    for (const bool tightest : {false, true}) {
      Placement placement = put_down(blocks, order, tightest);
      if (placement.arena_bytes >= best.arena_bytes) continue;
      best = std::move(placement);
      best.heuristic = name + (tightest ? ", tightest gap" : ", lowest gap");
      best_order = order;
    }
  };
  consider(sorted(blocks, [](const Block& b) { return b.bytes; }), "by size");
  consider(sorted(blocks, [](const Block& b) { return b.bytes * duration(b); }),
           "by size and time");
  consider(sorted(blocks, [](const Block& b) { return std::pair(duration(b), b.bytes); }),
           "by time");
  consider(sorted(blocks, [](const Block& b) { return ~std::uint64_t{b.life.first}; }),
           "by first use");

  // Local search: exchange two blocks in the order; keep what is no worse.
  constexpr std::size_t kMostBlocksForSearch = 400;
  constexpr int kTries = 2000;
  std::minstd_rand random(1);
  const bool worthwhile = blocks.size() >= 2 && blocks.size() <= kMostBlocksForSearch;
  for (int i = 0; worthwhile && i < kTries && best.arena_bytes > bound; ++i) {
    Order order = best_order;
    std::swap(order[random() % order.size()], order[random() % order.size()]);
    consider(order, "local search");
  }
  if (blocks.empty()) best = {{}, 0, "nothing to place"};
  return best;
}

}  // namespace sz::compiler
