// What works element by element: operands get the rank of the result; special cases become
// combinations of what the device has.
#include <cmath>
#include <cstring>

#include "compiler/passes/families.h"

namespace sz::compiler {
namespace {

using ops::BinaryKind;
using ops::UnaryKind;

// Emits nodes in the place of one.
class Builder {
 public:
  Builder(Rewriter& rewriter, const Node& node) : rewriter_(rewriter), node_(node) {}

  const Graph& graph() const { return rewriter_.graph(); }
  DType type(ValueId id) const { return graph().value(id).dtype; }
  const Shape& shape(ValueId id) const { return graph().shape(id); }

  ValueId temporary(DType type, const Shape& shape) {
    return rewriter_.temporary(node_.name + ".part", type, shape);
  }
  void emit(Op op, std::vector<ValueId> inputs, ValueId output, Attributes attributes = {}) {
    rewriter_.emit({op, node_.name, std::move(inputs), output, std::move(attributes), {}});
  }
  void unary(UnaryKind kind, ValueId x, ValueId output) {
    emit(Op::kUnary, {x}, output, UnaryFunction{kind, 0, 0});
  }
  void binary(BinaryKind kind, ValueId a, ValueId b, ValueId output) {
    const std::size_t rank = shape(output).size();
    emit(Op::kBinary, {ranked(a, rank), ranked(b, rank)}, output, BinaryOperation{kind});
  }
  // x as another type; x itself if it has it.
  ValueId cast(ValueId x, DType to) {
    if (type(x) == to) return x;
    const ValueId result = temporary(to, shape(x));
    emit(Op::kCast, {x}, result, CastAttributes{to});
    return result;
  }
  // A number of this type, in so many dimensions of 1.
  ValueId number(DType dtype, double value, std::size_t rank) {
    auto constant = std::make_shared<Constant>();
    constant->dtype = dtype;
    constant->shape = Shape(rank, 1);
    constant->bytes.resize(dtype_bytes(dtype));
    const auto integer = static_cast<std::int64_t>(value);
    const auto real = static_cast<float>(value);
    std::memcpy(constant->bytes.data(),
                dtype == DType::kF32 ? static_cast<const void*>(&real) : &integer,
                constant->bytes.size());
    return rewriter_.graph().add_constant(node_.name + ".number", std::move(constant));
  }
  // x with dimensions of 1 in front, so that layouts can be compared dimension by dimension.
  ValueId ranked(ValueId id, std::size_t rank) {
    Graph& all = rewriter_.graph();
    Shape wanted = all.shape(id);
    if (wanted.size() >= rank) return id;
    wanted.insert(wanted.begin(), rank - wanted.size(), 1);
    const Constant* constant = all.constant(id);
    if (constant == nullptr) {
      const ValueId view = rewriter_.temporary(all.value(id).name, type(id), wanted);
      emit(Op::kReshape, {id}, view, ReshapeAttributes{});
      return view;
    }
    if (constant->bytes.size() > all.constant_budget) {
      fail(all, node_, "its constants take too much memory");
    }
    all.constant_budget -= constant->bytes.size();
    return all.add_constant(all.value(id).name, reshaped(*constant, wanted));
  }

 private:
  Rewriter& rewriter_;
  const Node& node_;
};

void align_ranks(Rewriter& rewriter, Node& node) {
  Builder build(rewriter, node);
  const std::size_t rank = rewriter.graph().shape(node.output).size();
  for (ValueId& id : node.inputs) id = build.ranked(id, rank);
  rewriter.emit(node);
}

// Of integers; the device's functions are f32.
void unary(Rewriter& rewriter, Node& node) {
  Builder build(rewriter, node);
  const ValueId x = node.inputs[0];
  const DType type = build.type(x);
  if (type == DType::kF32) return rewriter.emit(node);
  const Shape& shape = build.shape(x);
  const ValueId zero = build.number(type, 0, shape.size());
  switch (node.get<UnaryFunction>().kind) {
    case UnaryKind::kNeg:
      return build.emit(Op::kSub, {zero, x}, node.output);
    case UnaryKind::kAbs: {
      if (type == DType::kU8) return rewriter.replace(node.output, x);
      const ValueId turned = build.temporary(type, shape);
      build.emit(Op::kSub, {zero, x}, turned);
      return build.binary(BinaryKind::kMax, x, turned, node.output);
    }
    default: {  // Sign: (0 < x) - (x < 0)
      const ValueId above = build.temporary(DType::kBool, shape);
      const ValueId below = build.temporary(DType::kBool, shape);
      build.binary(BinaryKind::kLess, zero, x, above);
      build.binary(BinaryKind::kLess, x, zero, below);
      const ValueId first = build.cast(above, type);
      return build.emit(Op::kSub, {first, build.cast(below, type)}, node.output);
    }
  }
}

// The value of a constant with one f32 element; NaN if it is none.
float single(const Graph& graph, ValueId id) {
  const Constant* constant = graph.constant(id);
  if (constant == nullptr || constant->dtype != DType::kF32 || constant->f32().size() != 1) {
    return NAN;
  }
  return constant->f32()[0];
}

// The exponent gets the type of the base, or both become f32 where that one is a float and the
// base is not.
void power(Rewriter& rewriter, Node& node) {
  Builder build(rewriter, node);
  const ValueId base = node.inputs[0];
  const DType type = build.type(base);
  if (type == DType::kF32 && single(build.graph(), node.inputs[1]) == 2.0f &&
      build.shape(base) == build.shape(node.output)) {
    return build.emit(Op::kMul, {base, base}, node.output);
  }
  const DType exponent = build.type(node.inputs[1]);
  if (type == DType::kF32 || exponent != DType::kF32) {
    node.inputs[1] = build.cast(node.inputs[1], type);
    return align_ranks(rewriter, node);
  }
  const ValueId result = build.temporary(DType::kF32, build.shape(node.output));
  build.binary(BinaryKind::kPow, build.cast(base, DType::kF32), node.inputs[1], result);
  build.emit(Op::kCast, {result}, node.output, CastAttributes{type});
}

// x == x is false for NaN only.
void is_nan(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  const Shape& shape = build.shape(node.output);
  const ValueId equal = build.temporary(DType::kBool, shape);
  build.binary(BinaryKind::kEqual, node.inputs[0], node.inputs[0], equal);
  build.binary(BinaryKind::kXor, equal, build.number(DType::kBool, 1, shape.size()), node.output);
}

void is_inf(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  const auto& which = node.get<IsInfAttributes>();
  const Shape& shape = build.shape(node.output);
  ValueId x = node.inputs[0];
  if (which.negative && which.positive) {
    const ValueId size = build.temporary(DType::kF32, shape);
    build.unary(UnaryKind::kAbs, x, size);
    x = size;
  }
  // Without either, nothing is: NaN equals nothing.
  const double wanted = which.positive ? INFINITY : which.negative ? -INFINITY : NAN;
  build.binary(BinaryKind::kEqual, x, build.number(DType::kF32, wanted, shape.size()), node.output);
}

bool has_fixed_bounds(const Graph& graph, const Node& node) {
  float bounds[] = {-INFINITY, INFINITY};
  for (std::size_t i = 0; i < 2; ++i) {
    if (node.input(i + 1) != kNoValue) bounds[i] = single(graph, node.inputs[i + 1]);
  }
  return bounds[0] <= bounds[1];
}

// min(max(x, low), high) with bounds that the network computes, of another type than f32, or of
// which the lower one is above the other.
void clip(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  ValueId x = node.inputs[0];
  const Shape& shape = build.shape(x);
  const auto bound = [&](std::size_t input) {
    ValueId id = node.inputs[input];
    if (shape.empty() && build.shape(id) != Shape{}) {  // one element in a dimension of its own
      const ValueId scalar = build.temporary(build.type(id), {});
      build.emit(Op::kReshape, {id}, scalar, ReshapeAttributes{});
      id = scalar;
    }
    return id;
  };
  const bool low = node.input(1) != kNoValue;
  const bool high = node.input(2) != kNoValue;
  if (!low && !high) return rewriter.replace(node.output, x);
  if (low) {
    const ValueId result = high ? build.temporary(build.type(x), shape) : node.output;
    build.binary(BinaryKind::kMax, x, bound(1), result);
    x = result;
  }
  if (high) build.binary(BinaryKind::kMin, x, bound(2), node.output);
}

void relu_of_integers(Rewriter& rewriter, const Node& node) {
  Builder build(rewriter, node);
  const ValueId x = node.inputs[0];
  const ValueId zero = build.number(build.type(x), 0, build.shape(x).size());
  build.binary(BinaryKind::kMax, x, zero, node.output);
}

}  // namespace

bool canonicalize_elementwise(Rewriter& rewriter, Node& node) {
  const Graph& graph = rewriter.graph();
  switch (node.op) {
    case Op::kUnary:
      unary(rewriter, node);
      return true;
    case Op::kBinary:
      if (node.get<BinaryOperation>().kind == BinaryKind::kPow) {
        power(rewriter, node);
      } else {
        align_ranks(rewriter, node);
      }
      return true;
    case Op::kAdd:
    case Op::kSub:
    case Op::kMul:
    case Op::kDiv:
    case Op::kWhere:
      align_ranks(rewriter, node);
      return true;
    case Op::kNot: {
      Builder build(rewriter, node);
      const ValueId one = build.number(DType::kBool, 1, graph.shape(node.output).size());
      build.binary(BinaryKind::kXor, node.inputs[0], one, node.output);
      return true;
    }
    case Op::kIsNan:
      is_nan(rewriter, node);
      return true;
    case Op::kIsInf:
      is_inf(rewriter, node);
      return true;
    case Op::kCast:
      rewriter.emit(node);
      return true;
    case Op::kClip:
      if (has_fixed_bounds(graph, node)) return false;
      clip(rewriter, node);
      return true;
    case Op::kClamp:
      if (graph.value(node.output).dtype == DType::kF32) return false;
      relu_of_integers(rewriter, node);
      return true;
    default:
      return false;
  }
}

}  // namespace sz::compiler
