#include <algorithm>
#include <map>

#include "compiler/graph/einsum.h"
#include "compiler/graph/families.h"

namespace sz::compiler {
namespace {

void expect_f32(const Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const DType type = graph.value(node.inputs[i]).dtype;
    if (type != DType::kF32) {
      fail(graph, node, "works on f32 only; input " + std::to_string(i) + " is " + to_string(type));
    }
  }
}

Shape permuted(const Graph& graph, const Node& node, const Shape& shape,
               const std::vector<std::int64_t>& perm) {
  if (perm.empty()) return shape;
  if (perm.size() != shape.size()) fail(graph, node, "its operands have different ranks");
  Shape result;
  for (const std::int64_t axis : perm) result.push_back(shape[static_cast<std::size_t>(axis)]);
  return result;
}

Shape infer_matmul(const Graph& graph, const Node& node) {
  const auto& attributes = node.get<MatMulAttributes>();
  Shape a = permuted(graph, node, graph.shape(node.inputs[0]), attributes.a_perm);
  Shape b = permuted(graph, node, graph.shape(node.inputs[1]), attributes.b_perm);
  if (a.empty() || b.empty()) fail(graph, node, "multiplies a scalar; use Mul");
  const bool row = a.size() == 1;
  const bool column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.back() != b[b.size() - 2]) {
    fail(graph, node, "the matrices " + to_string(a) + " and " + to_string(b) + " do not fit");
  }
  Shape result =
      broadcast(graph, node, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!row) result.push_back(a[a.size() - 2]);
  if (!column) result.push_back(b.back());
  if (attributes.y_perm.empty()) return result;
  Shape turned(result.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    turned[static_cast<std::size_t>(attributes.y_perm.at(i))] = result[i];
  }
  return turned;
}

Shape infer_gemm(const Graph& graph, const Node& node) {
  Shape a = graph.shape(node.inputs[0]);
  Shape b = graph.shape(node.inputs[1]);
  if (a.size() != 2 || b.size() != 2) fail(graph, node, "takes matrices (rank 2) only");
  const auto& attributes = node.get<GemmAttributes>();
  if (attributes.trans_a) std::swap(a[0], a[1]);
  if (attributes.trans_b) std::swap(b[0], b[1]);
  if (a[1] != b[0]) {
    fail(graph, node, "the matrices " + to_string(a) + " and " + to_string(b) + " do not fit");
  }
  const Shape result = {a[0], b[1]};
  if (node.input(2) != kNoValue &&
      broadcast(graph, node, result, graph.shape(node.inputs[2])) != result) {
    fail(graph, node, "its third input cannot be broadcast to " + to_string(result));
  }
  return result;
}

Shape infer_einsum(const Graph& graph, const Node& node) {
  const Einsum einsum = parse_einsum(graph, node);
  Shape result;
  for (const char label : einsum.output) result.push_back(einsum.sizes.at(label));
  return result;
}

}  // namespace

std::optional<TypedShape> infer_matrix(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kMatMul:
      expect_f32(graph, node);
      return TypedShape{DType::kF32, infer_matmul(graph, node)};
    case Op::kGemm:
      expect_f32(graph, node);
      return TypedShape{DType::kF32, infer_gemm(graph, node)};
    case Op::kEinsum:
      expect_f32(graph, node);
      return TypedShape{DType::kF32, infer_einsum(graph, node)};
    default:
      return std::nullopt;
  }
}

}  // namespace sz::compiler
