// Products of matrices.
#include <algorithm>

#include "compiler/import/onnx/families.h"
#include "compiler/import/onnx/importer.h"

namespace sz::compiler {
namespace {

void matmul(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  emit(n, Op::kMatMul, MatMulAttributes{});
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
  static const OnnxImporters table = {{"Einsum", einsum}, {"MatMul", matmul}};
  return table;
}

}  // namespace sz::compiler
