// MatMul of any ranks to MatMul of equal ranks, Gemm with computed operands to MatMul, Einsum to
// Transpose, Reshape and MatMul.
#include <algorithm>

#include "compiler/graph/einsum.h"
#include "compiler/passes/expand.h"

namespace sz::compiler {
namespace {

// A constant matrix on the right makes a fully connected layer (lower_gemm).
bool is_layer(const Graph& graph, const Node& node) {
  const Constant* right = graph.constant(node.inputs[1]);
  return right != nullptr && right->shape.size() == 2 && !graph.shape(node.inputs[0]).empty();
}

Shape matrix_shape(Shape shape, bool left) {
  if (shape.size() == 1) shape.insert(left ? shape.begin() : shape.end(), 1);
  return shape;
}

void matmul(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const bool plain =
      node.get<MatMulAttributes>().a_perm.empty() && node.get<MatMulAttributes>().b_perm.empty();
  if (!plain) return rewriter.emit(node);
  Shape a = matrix_shape(e.shape(node.inputs[0]), true);
  Shape b = matrix_shape(e.shape(node.inputs[1]), false);
  if (is_layer(e.graph(), node) && a == e.shape(node.inputs[0])) return rewriter.emit(node);
  // One matrix for all batches: the batches are rows.
  if (product(b, 0, b.size() - 2) == 1) {
    a = {product(a, 0, a.size() - 1), a.back()};
    b = {b[b.size() - 2], b.back()};
  }
  const std::size_t rank = std::max(a.size(), b.size());
  a.insert(a.begin(), rank - a.size(), 1);
  b.insert(b.begin(), rank - b.size(), 1);
  const std::vector<ValueId> operands = {e.reshape(node.inputs[0], a),
                                         e.reshape(node.inputs[1], b)};
  const ValueId y = e.add(Op::kMatMul, operands, node.attributes);
  e.finish_reshape(y);
}

void gemm(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  if (is_layer(e.graph(), node)) return rewriter.emit(node);
  const auto& attributes = node.get<GemmAttributes>();
  const auto order = [](bool turned) {
    return turned ? std::vector<std::int64_t>{1, 0} : std::vector<std::int64_t>{};
  };
  const MatMulAttributes a{
      attributes.alpha, order(attributes.trans_a), order(attributes.trans_b), {}};
  const std::vector<ValueId> operands = {node.inputs[0], node.inputs[1]};
  if (node.input(2) == kNoValue || attributes.beta == 0.0f) {
    return e.finish(Op::kMatMul, operands, a);
  }
  const ValueId y = e.add(Op::kMatMul, operands, a);
  ValueId c = node.inputs[2];
  if (attributes.beta != 1.0f) c = e.add(Op::kMul, {c, e.constant(attributes.beta)});
  e.finish(Op::kAdd, {y, c});
}

// Dimensions of a term, brought to the order of `letters`.
ValueId ordered(Expansion& e, ValueId x, const std::string& term, const std::string& letters) {
  std::vector<std::int64_t> perm;
  for (const char letter : letters) perm.push_back(static_cast<std::int64_t>(term.find(letter)));
  return e.transpose(x, std::move(perm));
}

std::int64_t size_of(const Einsum& einsum, const std::string& letters) {
  std::int64_t size = 1;
  for (const char letter : letters) size *= einsum.sizes.at(letter);
  return size;
}

Shape sizes_of(const Einsum& einsum, const std::string& letters) {
  Shape shape;
  for (const char letter : letters) shape.push_back(einsum.sizes.at(letter));
  return shape;
}

// Sums over the letters that neither the other operand nor the result has: a product with ones.
ValueId summed(Expansion& e, const Einsum& einsum, ValueId x, std::string& term,
               const std::string& kept) {
  std::string stays, goes;
  for (const char letter : term) (kept.find(letter) != std::string::npos ? stays : goes) += letter;
  if (goes.empty()) return x;
  const std::int64_t count = size_of(einsum, goes);
  x = e.reshape(ordered(e, x, term, stays + goes), {size_of(einsum, stays), count});
  const std::vector<float> ones(static_cast<std::size_t>(count), 1.0f);
  const ValueId column = e.graph().add_constant("ones", make_f32({count, 1}, ones));
  x = e.add(Op::kMatMul, {x, column}, MatMulAttributes{});
  term = stays;
  return e.reshape(x, sizes_of(einsum, stays));
}

void einsum(Rewriter& rewriter, Node& node) {
  Expansion e(rewriter, node);
  const Einsum einsum = parse_einsum(e.graph(), node);
  if (einsum.operands.size() > 2) {
    fail(e.graph(), node, "more than two operands are not implemented");
  }
  std::string a = einsum.operands[0];
  if (einsum.operands.size() == 1) {
    const ValueId x = summed(e, einsum, node.inputs[0], a, einsum.output);
    return e.finish_reshape(ordered(e, x, a, einsum.output));
  }
  std::string b = einsum.operands[1];
  const ValueId left = summed(e, einsum, node.inputs[0], a, b + einsum.output);
  const ValueId right = summed(e, einsum, node.inputs[1], b, a + einsum.output);
  std::string batch, rows, columns, inner;
  for (const char letter : a) {
    const bool in_b = b.find(letter) != std::string::npos;
    const bool in_y = einsum.output.find(letter) != std::string::npos;
    (!in_b ? rows : in_y ? batch : inner) += letter;
  }
  for (const char letter : b) {
    if (a.find(letter) == std::string::npos) columns += letter;
  }
  const auto matrices = [&](const std::string& first, const std::string& second) {
    Shape shape = {size_of(einsum, first), size_of(einsum, second)};
    if (!batch.empty()) shape.insert(shape.begin(), size_of(einsum, batch));
    return shape;
  };
  const ValueId x = e.reshape(ordered(e, left, a, batch + rows + inner), matrices(rows, inner));
  const ValueId w =
      e.reshape(ordered(e, right, b, batch + inner + columns), matrices(inner, columns));
  const ValueId y = e.add(Op::kMatMul, {x, w}, MatMulAttributes{});
  const std::string letters = batch + rows + columns;
  e.finish_reshape(ordered(e, e.reshape(y, sizes_of(einsum, letters)), letters, einsum.output));
}

// The pixels of an image as rows, and then transposed: the same as the rows of the transposed
// image, which in memory lies so already.
bool pixels_as_rows(Rewriter& rewriter, Node& node) {
  const Node* before = rewriter.producer(node.inputs[0]);
  if (before == nullptr || before->op != Op::kReshape) return false;
  const Graph& graph = rewriter.graph();
  const ValueId image = before->inputs[0];
  const Shape x = graph.shape(image);
  const auto& perm = node.get<PermAttributes>().perm;
  if (x.size() != 4 || perm != std::vector<std::int64_t>{0, 2, 1} ||
      graph.shape(node.inputs[0]) != Shape{x[0], x[1], x[2] * x[3]}) {
    return false;
  }
  Expansion e(rewriter, node);
  e.finish_reshape(e.transpose(image, {0, 2, 3, 1}));
  return true;
}

}  // namespace

bool expand_matrix(Rewriter& rewriter, Node& node) {
  switch (node.op) {
    case Op::kMatMul:
      matmul(rewriter, node);
      return true;
    case Op::kGemm:
      gemm(rewriter, node);
      return true;
    case Op::kEinsum:
      einsum(rewriter, node);
      return true;
    case Op::kTranspose:
      return pixels_as_rows(rewriter, node);
    default:
      return false;
  }
}

}  // namespace sz::compiler
