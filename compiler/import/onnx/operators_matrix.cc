// Products of matrices.
#include <algorithm>
#include <cmath>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"

namespace sz::compiler {
namespace {

void matmul(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kMatMul, MatMulAttributes{});
}

void gemm(NodeImport& n) {
  n.reader.expect_inputs(n.reader.opset() >= 11 ? 2 : 3, 3);
  const GemmAttributes a{n.reader.real("alpha", 1), n.reader.real("beta", 1),
                         n.reader.flag("transA", false), n.reader.flag("transB", false)};
  if (!std::isfinite(a.alpha) || !std::isfinite(a.beta)) {
    n.reader.refuse("alpha and beta must be finite");
  }
  // Opset 6 says so where opset 7 always allows it.
  if (!n.reader.flag("broadcast", true)) n.reader.refuse("broadcast = 0 is not implemented");
  emit(n, Op::kGemm, a);
}

void einsum(NodeImport& n) {
  n.reader.expect_inputs(1, kMaxNodes);
  for (const ValueId id : n.inputs) {
    if (id == kNoValue) n.reader.refuse("an input is missing");
  }
  if (!n.reader.has("equation")) n.reader.refuse("attribute 'equation' is missing");
  std::string equation = n.reader.text("equation", "");
  std::erase(equation, ' ');
  emit(n, Op::kEinsum, EinsumAttributes{std::move(equation)});
}

}  // namespace

const OnnxImporters& matrix_importers() {
  static const OnnxImporters table = {{"Einsum", einsum}, {"Gemm", gemm}, {"MatMul", matmul}};
  return table;
}

}  // namespace sz::compiler
