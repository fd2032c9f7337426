// Reductions become sums, products and extremes with kept dimensions, and what stands around them;
// Hardmax becomes a comparison with ArgMax.
#include <algorithm>
#include <limits>

#include "compiler/graph/shape_inference.h"
#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

using ops::UnaryKind;

// Emits nodes in the place of one.
class Builder {
 public:
  Builder(Rewriter& rewriter, const Node& node) : rewriter_(rewriter), node_(node) {}

  const Graph& graph() const { return rewriter_.graph(); }
  const Shape& shape(ValueId id) const { return rewriter_.graph().shape(id); }
  DType type(ValueId id) const { return rewriter_.graph().value(id).dtype; }

  ValueId emit(Op op, std::vector<ValueId> inputs, DType type, const Shape& shape,
               Attributes attributes = {}) {
    const ValueId result = rewriter_.temporary(node_.name + ".part", type, shape);
    rewriter_.emit({op, node_.name, std::move(inputs), result, std::move(attributes), {}});
    return result;
  }
  ValueId unary(UnaryKind kind, ValueId x) {
    return emit(Op::kUnary, {x}, DType::kF32, shape(x), UnaryFunction{kind, 0, 0});
  }
  ValueId reshaped(ValueId x, const Shape& wanted) {
    if (shape(x) == wanted) return x;
    return emit(Op::kReshape, {x}, type(x), wanted, ReshapeAttributes{});
  }
  ValueId constant(ConstantPtr value) {
    return rewriter_.graph().add_constant(node_.name + ".constant", std::move(value));
  }
  // Lets the readers of the node's result read `id`, which may have its dimensions of 1 elsewhere.
  void finish(ValueId id) {
    const ValueId output = node_.output;
    rewriter_.emit({Op::kReshape, node_.name, {id}, output, ReshapeAttributes{}, {}});
  }

 private:
  Rewriter& rewriter_;
  const Node& node_;
};

// The reduction with its dimensions kept, as the device has it.
ValueId kept(Builder& build, Op op, Reduction kind, ValueId x, const std::vector<bool>& axes) {
  Shape shape = build.shape(x);
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i]) continue;
    shape[i] = 1;
    list.push_back(static_cast<std::int64_t>(i));
  }
  const ValueId wanted = build.constant(make_i64({static_cast<std::int64_t>(list.size())}, list));
  return build.emit(op, {x, wanted}, build.type(x), shape, ReduceAttributes{true, true, kind});
}

// log(sum(exp(x))), with the largest element taken out: e^x may not fit. A largest element that is
// infinite is taken for the largest float, as inf - inf would be NaN.
ValueId log_sum_exp(Builder& build, Rewriter& rewriter, const Node& node, ValueId x,
                    const std::vector<bool>& axes) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const ValueId largest = kept(build, Op::kReduce, Reduction::kMax, x, axes);
  const ValueId bounded =
      rewriter.temporary(node.name + ".largest", DType::kF32, build.shape(largest));
  rewriter.emit({Op::kClamp, node.name, {largest}, bounded, {}, {-kMost, kMost}});
  const ValueId shifted = build.emit(Op::kSub, {x, bounded}, DType::kF32, build.shape(x));
  const ValueId total =
      kept(build, Op::kReduce, Reduction::kSum, build.unary(UnaryKind::kExp, shifted), axes);
  const ValueId log = build.unary(UnaryKind::kLog, total);
  return build.emit(Op::kAdd, {log, bounded}, DType::kF32, build.shape(log));
}

// The axes; where there are none, of x seen as a column of rows of one element, since some kinds
// change single elements.
std::vector<bool> some_axes(Builder& build, const Node& node, ValueId& x) {
  const Shape shape = build.shape(x);
  auto axes = reduced_axes(build.graph(), node, shape.size());
  if (std::find(axes.begin(), axes.end(), true) != axes.end()) return axes;
  x = build.reshaped(x, {element_count(shape), 1});
  return {false, true};
}

void reduce(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  ValueId x = node.inputs[0];
  const auto axes = some_axes(build, node, x);
  const Reduction kind = node.get<ReduceAttributes>().kind;
  switch (kind) {
    case Reduction::kL2:
      return build.finish(
          build.unary(UnaryKind::kSqrt, kept(build, Op::kReduce, Reduction::kSumSquare, x, axes)));
    case Reduction::kLogSum:
      return build.finish(
          build.unary(UnaryKind::kLog, kept(build, Op::kReduce, Reduction::kSum, x, axes)));
    case Reduction::kLogSumExp:
      return build.finish(log_sum_exp(build, rewriter, node, x, axes));
    default:
      return build.finish(kept(build, Op::kReduce, kind, x, axes));
  }
}

// Over height and width of images: the device's pool.
bool is_image_mean(const Shape& x, const std::vector<bool>& axes) {
  return axes == std::vector<bool>{false, false, true, true} && x.size() == 4;
}

void reduce_mean(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  ValueId x = node.inputs[0];
  const auto axes = some_axes(build, node, x);
  const Shape shape = build.shape(x);
  if (!is_image_mean(shape, axes)) {
    return build.finish(kept(build, Op::kReduceMean, Reduction::kSum, x, axes));
  }
  const Shape kept_shape = {shape[0], shape[1], 1, 1};
  build.finish(build.emit(Op::kGlobalAveragePool, {x}, DType::kF32, kept_shape));
}

// With kept dimensions; the Reshape behind drops the axis.
void arg(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  const ValueId x = node.inputs[0];
  ArgAttributes attributes = node.get<ArgAttributes>();
  Shape shape = build.shape(x);
  const std::size_t axis = normal_axis(rewriter.graph(), node, attributes.axis, shape.size());
  shape[axis] = 1;
  attributes.axis = static_cast<std::int64_t>(axis);
  attributes.keep_dims = true;
  build.finish(build.emit(Op::kArg, {x}, DType::kI64, shape, attributes));
}

// 1 where the index along the axis is that of the largest element, else 0.
void hardmax(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  const auto& attributes = node.get<SoftmaxAttributes>();
  Shape shape = build.shape(node.inputs[0]);
  std::size_t axis =
      normal_axis(rewriter.graph(), node, attributes.axis, shape.size(), attributes.flattened);
  if (attributes.flattened) {  // before opset 13: over all dimensions from the axis on
    Shape flat = {1, 1};
    for (std::size_t i = 0; i < shape.size(); ++i) flat[i < axis ? 0 : 1] *= shape[i];
    shape = flat;
    axis = 1;
  }
  const ValueId x = build.reshaped(node.inputs[0], shape);
  Shape one = shape;
  one[axis] = 1;
  ArgAttributes which;
  which.axis = static_cast<std::int64_t>(axis);
  const ValueId place = build.emit(Op::kArg, {x}, DType::kI64, one, which);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(shape[axis]));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i);
  Shape line(shape.size(), 1);
  line[axis] = shape[axis];
  const ValueId indices = build.constant(make_i64(line, numbers));
  const ValueId equal = build.emit(Op::kBinary, {indices, place}, DType::kBool, shape,
                                   BinaryOperation{ops::BinaryKind::kEqual});
  build.finish(build.emit(Op::kCast, {equal}, DType::kF32, shape, CastAttributes{DType::kF32}));
}

}  // namespace

bool canonicalize_reduction(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kReduce:
      reduce(rewriter, node);
      return true;
    case Op::kReduceMean:
      reduce_mean(rewriter, node);
      return true;
    case Op::kArg:
      arg(rewriter, node);
      return true;
    case Op::kHardmax:
      hardmax(rewriter, node);
      return true;
    case Op::kCumSum:
      rewriter.emit(node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
