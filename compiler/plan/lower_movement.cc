// Moves become StridedCopy steps, or views where nothing moves.
#include <algorithm>
#include <cstring>

#include "compiler/graph/move.h"
#include "compiler/plan/families.h"
#include "ops/movement/attributes.h"

namespace sz::compiler {
namespace {

using ops::StridedCopyHead;
using ops::StridedCopyLoop;

// A loop of StridedCopy, with room for products.
struct Loop {
  std::int64_t size, begin, end, row_step, column_step;

  bool fills() const { return begin != 0 || end != size; }
};

// A Move as a walk through memory.
struct MemoryWalk {
  std::vector<Loop> rows, columns;  // that count y's rows, and walk along them
  std::int64_t row = 0, column = 0;
};

// How far apart the neighbours along a dimension (ONNX's) of x are.
struct Stride {
  std::int64_t row = 0, column = 0;
};

std::vector<Stride> strides_of(const Shape& shape, const Order& order) {
  std::vector<Stride> strides(shape.size());
  std::int64_t rows = 1;
  for (std::size_t place = order.size(); place-- > 0;) {
    const std::size_t axis = order[place];
    if (place + 1 == order.size()) {
      strides[axis].column = 1;
    } else {
      strides[axis].row = rows;
      rows *= shape[axis];
    }
  }
  return strides;
}

void append(std::vector<Loop>& loops, const Loop& loop) {
  if (loop.size == 1) return;
  if (!loops.empty() && !loop.fills() && loops.back().row_step == loop.row_step * loop.size &&
      loops.back().column_step == loop.column_step * loop.size) {
    Loop& outer = loops.back();
    outer = {outer.size * loop.size, outer.begin * loop.size, outer.end * loop.size, loop.row_step,
             loop.column_step};
    return;
  }
  loops.push_back(loop);
}

MemoryWalk walk_of(const MoveAttributes& move, const Shape& x, const Order& x_order,
                   const Order& y_order) {
  const std::vector<Stride> strides = strides_of(x, x_order);
  MemoryWalk walk;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    walk.row += move.start[axis] * strides[axis].row;
    walk.column += move.start[axis] * strides[axis].column;
  }
  for (std::size_t place = 0; place < y_order.size(); ++place) {
    std::vector<Loop>& loops = place + 1 == y_order.size() ? walk.columns : walk.rows;
    for (const MoveLoop& loop : move.axes[y_order[place]]) {
      const Stride stride = loop.step == 0 ? Stride{} : strides[loop.x_axis];
      append(loops,
             {loop.size, loop.begin, loop.end, loop.step * stride.row, loop.step * stride.column});
    }
  }
  return walk;
}

// The loops walk through neighbours, rows or columns, without a gap: how many, or 0.
std::int64_t straight(const std::vector<Loop>& loops, bool columns) {
  if (loops.empty()) return 1;
  if (loops.size() != 1 || loops[0].fills()) return 0;
  const Loop& loop = loops[0];
  const bool next = columns ? loop.column_step == 1 && loop.row_step == 0
                            : loop.column_step == 0 && loop.row_step == 1;
  return next ? loop.size : 0;
}

// All of a dense x in its order.
bool is_identity(const MemoryWalk& walk, const TensorView& x) {
  if (walk.row != 0 || walk.column != 0) return false;
  std::vector<Loop> all = walk.rows;
  all.insert(all.end(), walk.columns.begin(), walk.columns.end());
  std::int64_t expected = 1;
  for (std::size_t i = all.size(); i-- > 0;) {
    const Loop& loop = all[i];
    if (loop.fills() || loop.row_step * x.inner() + loop.column_step != expected) return false;
    expected *= loop.size;
  }
  return static_cast<std::uint64_t>(expected) == x.elements();
}

class MoveLowering {
 public:
  MoveLowering(Lowering& l, const Node& node)
      : graph_(l.graph),
        builder_(l.builder),
        layout_(l.layout),
        node_(node),
        move_(node.get<MoveAttributes>()),
        x_shape_(l.graph.shape(node.inputs[0])),
        y_shape_(l.graph.shape(node.output)) {}

  void run() {
    const bool plain = layout_.prefers_plain(node_.output);
    const Order y_order = plain ? plain_order(y_shape_.size()) : native_order(y_shape_.size());
    const bool native = layout_.prefers_native_input(node_.inputs[0]);
    const Order x_order = native ? native_order(x_shape_.size()) : plain_order(x_shape_.size());
    const TensorId x = native ? layout_.native(node_.inputs[0]) : layout_.plain(node_.inputs[0]);
    const MemoryWalk walk = walk_of(move_, x_shape_, x_order, y_order);
    const Dims dims = ordered_dims(y_shape_, y_order);
    TensorId y = 0;
    if (!view(walk, x, dims, &y)) {
      y = plain ? layout_.make_plain(node_.output) : layout_.make_native(node_.output);
      step(walk, x, y);
    } else if (plain) {
      layout_.set_plain(node_.output, y);
    } else {
      layout_.set_native(node_.output, y);
    }
  }

 private:
  // Where y is x, or columns of it, nothing needs to be done.
  bool view(const MemoryWalk& walk, TensorId x, const Dims& dims, TensorId* y) {
    const TensorView memory = builder_.tensor(x).view();
    if (memory.dense() && is_identity(walk, memory)) {
      *y = builder_.view(builder_.dense(node_.name, x), dims);
      return true;
    }
    const auto rows = static_cast<std::uint64_t>(straight(walk.rows, false));
    if (builder_.is_constant(x) || dims.size() < 2 || walk.row != 0 || rows != memory.rows() ||
        straight(walk.columns, true) == 0 || walk.columns.empty()) {
      return false;
    }
    *y = builder_.columns(node_.name, x, static_cast<std::uint64_t>(walk.column), dims);
    return true;
  }

  void step(const MemoryWalk& walk, TensorId x, TensorId y) {
    std::vector<Loop> all = walk.rows;
    all.insert(all.end(), walk.columns.begin(), walk.columns.end());
    if (all.size() > ops::kMaxLoops) {
      fail(graph_, node_,
           "would need " + std::to_string(all.size()) + " nested loops on the device; it has " +
               std::to_string(ops::kMaxLoops));
    }
    StridedCopyHead head;
    head.loops = static_cast<std::uint32_t>(all.size());
    head.inner_loops = static_cast<std::uint32_t>(walk.columns.size());
    head.row = static_cast<std::uint32_t>(walk.row);
    head.column = static_cast<std::uint32_t>(walk.column);
    std::memcpy(head.fill, &move_.fill, sizeof(head.fill));
    AttributeWords words;
    words.add(head);
    for (const Loop& loop : all) {
      words.add(StridedCopyLoop{
          static_cast<std::uint32_t>(loop.size), static_cast<std::uint32_t>(loop.begin),
          static_cast<std::uint32_t>(loop.end), static_cast<std::int32_t>(loop.row_step),
          static_cast<std::int32_t>(loop.column_step)});
    }
    builder_.step_words(node_, ops::OpCode::kStridedCopy, {x}, y, std::move(words.words));
  }

  const Graph& graph_;
  ProgramBuilder& builder_;
  Layout& layout_;
  const Node& node_;
  const MoveAttributes& move_;
  const Shape& x_shape_;
  const Shape& y_shape_;
};

}  // namespace

bool lower_movement(Lowering& lowering, const Node& node) {
  if (node.op != Op::kMove) return false;
  MoveLowering(lowering, node).run();
  return true;
}

}  // namespace sz::compiler
