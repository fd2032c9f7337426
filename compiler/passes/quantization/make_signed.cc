// The device's integer operators compute on i8 only: u8 values become i8 with all numbers, zero
// point and bounds included, 128 less.
#include <map>
#include <utility>
#include <vector>

#include "compiler/passes/passes.h"
#include "compiler/passes/quantization/quantized_values.h"
#include "compiler/passes/rewriter.h"

namespace sz::compiler {
namespace {

constexpr std::int32_t kShift = 128;

ConstantPtr shifted(const Constant& u8) {
  auto result = std::make_shared<Constant>(u8);
  result->dtype = DType::kI8;
  for (std::byte& byte : result->bytes) byte ^= std::byte{0x80};
  return result;
}

bool moves_elements(const Node& node) {
  switch (node.op) {
    case Op::kReshape:
    case Op::kTranspose:
    case Op::kSlice:
    case Op::kMaxPool:
    case Op::kMove:
    case Op::kGather:
    case Op::kConcat:
      return true;
    default:
      return false;
  }
}

bool is_integer_operator(const Node& node) {
  return std::holds_alternative<QuantAttributes>(node.attributes);
}

// Values that an integer operator reads, as they are or moved about.
std::vector<bool> read_by_integers(const Graph& graph) {
  std::vector<bool> read(graph.values.size(), false);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const bool through = moves_elements(node) && read[node.output];
    if (!through && !is_integer_operator(node)) continue;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) read[id] = true;
    }
  }
  return read;
}

class Signer {
 public:
  Signer(Rewriter& rewriter, const std::vector<bool>& wanted, std::map<ValueId, ValueId>& twins)
      : rewriter_(rewriter), graph_(rewriter.graph()), wanted_(wanted), twins_(twins) {}

  void visit(Node& node) {
    if (is_integer_operator(node)) {
      quantised(node);
    } else if (node.op == Op::kQuantizeLinear) {
      quantize(node);
    } else if (node.op == Op::kDequantizeLinear) {
      dequantize(node);
    } else if (moves_elements(node)) {
      move(node);
    } else {
      for (const ValueId id : node.inputs) restore(id);
    }
    rewriter_.emit(node);
  }

  // Converts back where a u8 value itself is wanted.
  void restore(ValueId id) {
    const auto twin = twins_.find(id);
    if (twin == twins_.end()) return;
    rewriter_.emit(conversion(graph_.value(id).name, twin->second, DType::kI8, id, DType::kU8));
    twins_.erase(twin);
  }

  static Node conversion(const std::string& name, ValueId from, DType from_type, ValueId to,
                         DType to_type) {
    QuantAttributes q;
    q.inputs = {{1, from_type == DType::kU8 ? 0 : -kShift}};
    q.output = {1, to_type == DType::kU8 ? 0 : -kShift};
    q.type = to_type;
    q.low = lowest_of(to_type);
    q.high = highest_of(to_type);
    return {Op::kRequantize, name, {from}, to, std::move(q), {}};
  }

 private:
  bool is_unsigned(ValueId id) const {
    return id != kNoValue && graph_.value(id).dtype == DType::kU8;
  }

  ValueId signed_of(ValueId id) {
    if (!is_unsigned(id)) return id;
    if (const auto twin = twins_.find(id); twin != twins_.end()) return twin->second;
    const std::string name = graph_.value(id).name;
    if (const Constant* constant = graph_.constant(id)) {
      return graph_.add_constant(name, shifted(*constant));
    }
    const ValueId twin = rewriter_.temporary(name, DType::kI8, graph_.shape(id));
    rewriter_.emit(conversion(name, id, DType::kU8, twin, DType::kI8));
    return twin;
  }

  // The result of a node becomes i8.
  void sign_output(Node& node) {
    if (!is_unsigned(node.output)) return;
    const Value& value = graph_.value(node.output);
    const ValueId twin = rewriter_.temporary(value.name, DType::kI8, Shape(*value.shape));
    twins_[node.output] = twin;
    node.output = twin;
  }

  void quantised(Node& node) {
    auto& q = node.get<QuantAttributes>();
    for (std::size_t i = 0; i < q.inputs.size(); ++i) {
      const bool zero_is_input = node.op == Op::kQMatMul && node.input(i + 2) != kNoValue;
      if (is_unsigned(node.inputs[i]) && !zero_is_input) q.inputs[i].zero -= kShift;
    }
    const bool layer = node.op == Op::kQConv || node.op == Op::kQFullyConnected;
    if (layer && is_unsigned(node.inputs[1])) q.weight_zero -= kShift;
    if (node.op == Op::kQAveragePool && is_unsigned(node.inputs[0])) q.origin -= kShift;
    for (ValueId& id : node.inputs) id = signed_of(id);
    if (q.type != DType::kU8) return;
    q.type = DType::kI8;
    q.output.zero -= kShift;
    q.low -= kShift;
    q.high -= kShift;
    sign_output(node);
  }

  void quantize(Node& node) {
    if (!wanted_[node.output] || graph_.constant(node.inputs[2]) == nullptr) return;
    node.inputs[2] = signed_of(node.inputs[2]);
    sign_output(node);
  }

  void dequantize(Node& node) {
    if (!twins_.contains(node.inputs[0])) return;
    if (node.input(2) == kNoValue) {
      auto zero = std::make_shared<Constant>();
      zero->dtype = DType::kU8;
      zero->shape = graph_.shape(node.inputs[1]);
      zero->bytes.resize(static_cast<std::size_t>(element_count(zero->shape)));
      node.inputs.resize(3, kNoValue);
      node.inputs[2] = graph_.add_constant(node.name + ".zero", std::move(zero));
    } else if (graph_.constant(node.inputs[2]) == nullptr) {
      return restore(node.inputs[0]);
    }
    node.inputs[0] = signed_of(node.inputs[0]);
    node.inputs[2] = signed_of(node.inputs[2]);
  }

  // Follows its input; data that is no quantised value of the network stays as it is.
  void move(Node& node) {
    const std::size_t count = node.op == Op::kConcat ? node.inputs.size() : 1;
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) any = any || twins_.contains(node.inputs[i]);
    if (!any) return;
    for (std::size_t i = 0; i < count; ++i) node.inputs[i] = signed_of(node.inputs[i]);
    if (node.op == Op::kMove) node.get<MoveAttributes>().fill ^= 0x80;
    sign_output(node);
  }

  Rewriter& rewriter_;
  Graph& graph_;
  const std::vector<bool>& wanted_;
  std::map<ValueId, ValueId>& twins_;  // u8 values that only exist as i8
};

}  // namespace

void make_signed(Graph& graph) {
  std::map<ValueId, ValueId> twins;
  const std::vector<bool> wanted = read_by_integers(graph);
  Rewriter::run(
      graph, [&](Node& node, Rewriter& rewriter) { Signer(rewriter, wanted, twins).visit(node); });
  for (const ValueId id : graph.outputs) {
    const auto twin = twins.find(id);
    if (twin == twins.end()) continue;
    graph.nodes.push_back(
        Signer::conversion(graph.value(id).name, twin->second, DType::kI8, id, DType::kU8));
    twins.erase(twin);
  }
}

}  // namespace sz::compiler
