#include "compiler/graph/move.h"

#include <algorithm>

namespace sz::compiler {
namespace {

MoveLoop plain_loop(std::int64_t size, std::size_t axis, std::int64_t step = 1) {
  return {size, 0, size, axis, step};
}

// A dimension of the intermediate tensor as `first` makes it: digits, each of one loop.
struct Digit {
  const MoveLoop* loop = nullptr;
  std::int64_t weight = 1;         // what one round counts in the dimension
  std::int64_t low = 0, high = 0;  // the rounds that `second` reaches
};

class Composer {
 public:
  Composer(const MoveAttributes& first, const MoveAttributes& second)
      : first_(first), second_(second) {}

  std::optional<MoveAttributes> run() {
    result_.start = first_.start;
    result_.fill = second_.fill;
    for (std::size_t axis = 0; axis < first_.axes.size(); ++axis) begin_axis(axis);
    for (const auto& loops : second_.axes) {
      result_.axes.emplace_back();
      for (const MoveLoop& loop : loops) {
        if (!place(loop)) return {};
      }
    }
    for (const auto& digits : digits_) {
      for (const Digit& digit : digits) {
        if (digit.low < 0 || digit.high >= digit.loop->size) return {};
      }
    }
    return result_;
  }

 private:
  // The digits of the dimension, and those of where `second` starts.
  void begin_axis(std::size_t axis) {
    std::vector<Digit> digits;
    std::int64_t weight = 1;
    const auto& loops = first_.axes[axis];
    for (std::size_t i = loops.size(); i-- > 0;) {
      if (loops[i].size == 1) continue;
      Digit digit{&loops[i], weight};
      digit.low = digit.high = second_.start[axis] / weight % loops[i].size;
      result_.start[loops[i].x_axis] += digit.low * loops[i].step;
      digits.push_back(digit);
      weight *= loops[i].size;
    }
    std::reverse(digits.begin(), digits.end());
    digits_.push_back(std::move(digits));
  }

  // Adds the loop, in the terms of x. One that walks along several digits becomes several.
  bool place(const MoveLoop& loop) {
    const std::int64_t rounds = loop.end - loop.begin;
    std::vector<MoveLoop>& to = result_.axes.back();
    if (loop.step == 0 || rounds == 1) {
      to.push_back({loop.size, loop.begin, loop.end, 0, 0});
      return true;
    }
    const std::int64_t distance = std::abs(loop.step);
    for (Digit& digit : digits_[loop.x_axis]) {
      if (digit.weight > distance) continue;
      if (distance % digit.weight != 0) return false;
      const std::int64_t step = loop.step / digit.weight;
      if (std::abs(step) * (rounds - 1) < digit.loop->size) {
        (step < 0 ? digit.low : digit.high) += step * (rounds - 1);
        to.push_back(
            {loop.size, loop.begin, loop.end, digit.loop->x_axis, step * digit.loop->step});
        return true;
      }
      // The digits above take the rest.
      if (loop.fills() || step != 1 || loop.size % digit.loop->size != 0) return false;
      if (!place(plain_loop(loop.size / digit.loop->size, loop.x_axis,
                            loop.step * digit.loop->size))) {
        return false;
      }
      return place(plain_loop(digit.loop->size, loop.x_axis, loop.step));
    }
    return false;
  }

  const MoveAttributes& first_;
  const MoveAttributes& second_;
  MoveAttributes result_;
  std::vector<std::vector<Digit>> digits_;  // by dimension of what lies between
};

}  // namespace

Shape move_shape(const MoveAttributes& move) {
  Shape shape;
  for (const auto& loops : move.axes) {
    std::int64_t size = 1;
    for (const MoveLoop& loop : loops) size *= loop.size;
    shape.push_back(size);
  }
  return shape;
}

MoveAttributes identity_move(const Shape& x) {
  MoveAttributes move;
  for (std::size_t i = 0; i < x.size(); ++i) move.axes.push_back({plain_loop(x[i], i)});
  move.start.assign(x.size(), 0);
  return move;
}

MoveAttributes slice_move(const std::vector<SliceRange>& ranges) {
  MoveAttributes move;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    move.axes.push_back({plain_loop(ranges[i].size, i, ranges[i].step)});
    move.start.push_back(ranges[i].start);
  }
  return move;
}

MoveAttributes transpose_move(const Shape& x, const std::vector<std::int64_t>& perm) {
  MoveAttributes move;
  for (const std::int64_t from : perm) {
    const auto axis = static_cast<std::size_t>(from);
    move.axes.push_back({plain_loop(x[axis], axis)});
  }
  move.start.assign(x.size(), 0);
  return move;
}

std::optional<MoveAttributes> pad_move(const Shape& x, const std::vector<PadRange>& pads,
                                       std::uint64_t fill) {
  MoveAttributes move = identity_move(x);
  move.fill = fill;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::int64_t cut = std::max<std::int64_t>(0, -pads[i].before);
    MoveLoop& loop = move.axes[i][0];
    loop.size = x[i] + pads[i].before + pads[i].after;
    loop.begin = std::max<std::int64_t>(0, pads[i].before);
    loop.end = loop.begin + x[i] - cut - std::max<std::int64_t>(0, -pads[i].after);
    move.start[i] = cut;
    if (loop.begin >= loop.end) return {};
  }
  return move;
}

MoveAttributes expand_move(const Shape& x, const Shape& shape) {
  MoveAttributes move;
  move.start.assign(x.size(), 0);
  const std::size_t extra = shape.size() - x.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool copies = i >= extra && x[i - extra] == shape[i];
    move.axes.push_back({copies ? plain_loop(shape[i], i - extra) : plain_loop(shape[i], 0, 0)});
  }
  return move;
}

MoveAttributes tile_move(const Shape& x, const std::vector<std::int64_t>& repeats) {
  MoveAttributes move = identity_move(x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (repeats[i] != 1) move.axes[i].insert(move.axes[i].begin(), plain_loop(repeats[i], 0, 0));
  }
  return move;
}

std::optional<MoveAttributes> regrouped(const MoveAttributes& move, const Shape& shape) {
  std::vector<MoveLoop> loops;
  for (const auto& axis : move.axes) {
    for (const MoveLoop& loop : axis) {
      if (loop.size != 1) loops.push_back(loop);
    }
  }
  MoveAttributes result;
  result.start = move.start;
  result.fill = move.fill;
  std::size_t next = 0;
  for (std::int64_t rest : shape) {
    std::vector<MoveLoop>& axis = result.axes.emplace_back();
    while (rest > 1) {
      if (next == loops.size()) return {};
      MoveLoop& loop = loops[next];
      if (rest % loop.size == 0) {
        rest /= loop.size;
        axis.push_back(loop);
        ++next;
      } else {
        if (loop.size % rest != 0 || loop.fills()) return {};
        const std::int64_t inner = loop.size / rest;
        axis.push_back(plain_loop(rest, loop.x_axis, loop.step * inner));
        loop = plain_loop(inner, loop.x_axis, loop.step);
        rest = 1;
      }
    }
  }
  if (next != loops.size()) return {};
  return result;
}

std::optional<MoveAttributes> composed(const MoveAttributes& first, const MoveAttributes& second) {
  for (const auto& axis : first.axes) {
    for (const MoveLoop& loop : axis) {
      if (loop.fills()) return {};
    }
  }
  return Composer(first, second).run();
}

}  // namespace sz::compiler
