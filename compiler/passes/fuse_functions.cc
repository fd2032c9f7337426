#include <cmath>
#include <limits>
#include <optional>

#include "compiler/passes/passes.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

using ops::UnaryKind;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool near(float value, double wanted) {
  return std::abs(value - wanted) <= 1e-6 * std::abs(wanted);
}

// What the nodes before one compute. All but the last serve that one only, so that a function can
// take the place of them all.
class Pattern {
 public:
  Pattern(Rewriter& rewriter, const Node& node) : rewriter_(rewriter), node_(node) {}

  std::optional<UnaryFunction> function(ValueId* x) {
    if (rewriter_.graph().value(node_.output).dtype != DType::kF32 || clamps(node_)) return {};
    if (node_.op == Op::kDiv) return quotient(x);
    if (node_.op != Op::kMul) return {};
    for (const std::size_t first : {0u, 1u}) {
      *x = node_.inputs[first];
      if (auto found = product(*x, node_.inputs[1 - first])) return found;
    }
    return gelu(x);
  }

 private:
  static bool clamps(const Node& node) {
    return node.activation.low != -kInfinity || node.activation.high != kInfinity;
  }

  // The one element of a constant; NaN if it is none.
  float number(ValueId id) const {
    const Constant* constant = rewriter_.graph().constant(id);
    if (constant == nullptr || constant->dtype != DType::kF32 || constant->f32().size() != 1) {
      return std::numeric_limits<float>::quiet_NaN();
    }
    return constant->f32()[0];
  }

  // The node behind a value that is read once; nullptr if it is another operator.
  const Node* before(ValueId id, Op op) {
    const Node* node = rewriter_.producer(id);
    const bool fits = node != nullptr && node->op == op && rewriter_.used_once(id) &&
                      (op == Op::kClamp || !clamps(*node));
    return fits ? node : nullptr;
  }
  const UnaryFunction* before(ValueId id, UnaryKind kind, ValueId* x) {
    const Node* node = before(id, Op::kUnary);
    if (node == nullptr || node->get<UnaryFunction>().kind != kind) return nullptr;
    *x = node->inputs[0];
    return &node->get<UnaryFunction>();
  }

  // a op b where b is a number; for sums and products in either order.
  float with_number(ValueId id, Op op, ValueId* a) {
    const Node* node = before(id, op);
    if (node == nullptr) return std::numeric_limits<float>::quiet_NaN();
    const bool swapped = op != Op::kDiv && rewriter_.graph().constant(node->inputs[0]) != nullptr;
    *a = node->inputs[swapped ? 1 : 0];
    return number(node->inputs[swapped ? 0 : 1]);
  }

  // clamp(x + 3, 0, 6)
  bool six_times_hard_sigmoid(ValueId id, ValueId* x) {
    const Node* clamp = before(id, Op::kClamp);
    return clamp != nullptr && clamp->activation.low == 0 && clamp->activation.high == 6 &&
           with_number(clamp->inputs[0], Op::kAdd, x) == 3;
  }

  // x * f(x), or c * something.
  std::optional<UnaryFunction> product(ValueId x, ValueId other) {
    ValueId inner = kNoValue;
    ValueId twice = kNoValue;
    if (before(other, UnaryKind::kSigmoid, &inner) != nullptr) {
      if (inner == x) return UnaryFunction{UnaryKind::kSwish, 1.0f, 0};
      const float alpha = with_number(inner, Op::kMul, &twice);
      if (twice == x && std::isfinite(alpha)) return UnaryFunction{UnaryKind::kSwish, alpha, 0};
    }
    if (const auto* hard = before(other, UnaryKind::kHardSigmoid, &inner)) {
      if (inner == x) return UnaryFunction{UnaryKind::kHardSwish, hard->alpha, hard->beta};
    }
    if (before(other, UnaryKind::kTanh, &inner) != nullptr &&
        before(inner, UnaryKind::kSoftplus, &twice) != nullptr && twice == x) {
      return UnaryFunction{UnaryKind::kMish, 0, 0};
    }
    return {};
  }

  // clamp(x + 3, 0, 6) / 6, or x * that.
  std::optional<UnaryFunction> quotient(ValueId* x) {
    if (number(node_.inputs[1]) != 6) return {};
    if (six_times_hard_sigmoid(node_.inputs[0], x)) {
      return UnaryFunction{UnaryKind::kHardSigmoid, 1.0f / 6, 0.5f};
    }
    const Node* mul = before(node_.inputs[0], Op::kMul);
    if (mul == nullptr) return {};
    for (const std::size_t first : {0u, 1u}) {
      if (six_times_hard_sigmoid(mul->inputs[1 - first], x) && *x == mul->inputs[first]) {
        return UnaryFunction{UnaryKind::kHardSwish, 1.0f / 6, 0.5f};
      }
    }
    return {};
  }

  // erf(x / sqrt(2)) + 1
  bool one_and_erf(ValueId id, ValueId* x) {
    ValueId erf = kNoValue;
    ValueId scaled = kNoValue;
    if (with_number(id, Op::kAdd, &erf) != 1) return false;
    if (before(erf, UnaryKind::kErf, &scaled) == nullptr) return false;
    return near(with_number(scaled, Op::kDiv, x), M_SQRT2) ||
           near(with_number(scaled, Op::kMul, x), M_SQRT1_2);
  }

  // The three factors x, 0.5 and 1 + erf(x / sqrt(2)), in any order.
  std::optional<UnaryFunction> gelu(ValueId* x) {
    for (const std::size_t outer : {0u, 1u}) {
      const Node* mul = before(node_.inputs[1 - outer], Op::kMul);
      if (mul == nullptr) continue;
      const ValueId factors[] = {node_.inputs[outer], mul->inputs[0], mul->inputs[1]};
      for (const std::size_t k : {0u, 1u, 2u}) {
        if (!one_and_erf(factors[k], x)) continue;
        const ValueId a = factors[(k + 1) % 3];
        const ValueId b = factors[(k + 2) % 3];
        if ((a == *x && number(b) == 0.5f) || (b == *x && number(a) == 0.5f)) {
          return UnaryFunction{UnaryKind::kGelu, 0, 0};
        }
      }
    }
    return {};
  }

  Rewriter& rewriter_;
  const Node& node_;
};

}  // namespace

void fuse_functions(Graph& graph) {
  Rewriter::run(graph, [](Node& node, Rewriter& rewriter) {
    ValueId x = kNoValue;
    const auto function = Pattern(rewriter, node).function(&x);
    const Graph& all = rewriter.graph();
    if (function && all.shape(x) == all.shape(node.output)) {
      rewriter.emit({Op::kUnary, node.name, {x}, node.output, *function, {}});
    } else {
      rewriter.emit(node);
    }
  });
}

}  // namespace sz::compiler
