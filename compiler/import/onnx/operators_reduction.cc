// ONNX's operators that work along axes.
#include "compiler/import/onnx/families.h"

namespace sz::compiler {
namespace {

ReduceAttributes reduce_attributes(NodeImport& n, std::int64_t axes_since, Reduction kind) {
  axes_input(n, axes_since, false);
  const bool keep = n.reader.flag("keepdims", true);
  return {keep, n.reader.flag("noop_with_empty_axes", false), kind};
}

// ReduceSum got its axes as an input with opset 13, the others with opset 18.
template <Reduction kind>
void reduce(NodeImport& n) {
  emit(n, Op::kReduce, reduce_attributes(n, kind == Reduction::kSum ? 13 : 18, kind));
}

void reduce_mean(NodeImport& n) {
  emit(n, Op::kReduceMean, reduce_attributes(n, 18, Reduction::kSum));
}

template <bool smallest>
void arg(NodeImport& n) {
  n.reader.expect_inputs(1, 1);
  ArgAttributes a;
  a.axis = n.reader.integer("axis", 0);
  a.keep_dims = n.reader.flag("keepdims", true);
  a.last = n.reader.flag("select_last_index", false);
  a.smallest = smallest;
  emit(n, Op::kArg, a);
}

SoftmaxAttributes softmax_attributes(NodeImport& n, bool log) {
  n.reader.expect_inputs(1, 1);
  const bool flattened = n.reader.opset() < 13;
  return {n.reader.integer("axis", flattened ? 1 : -1), flattened, log};
}

void log_softmax(NodeImport& n) { emit(n, Op::kSoftmax, softmax_attributes(n, true)); }

void hardmax(NodeImport& n) { emit(n, Op::kHardmax, softmax_attributes(n, false)); }

void cum_sum(NodeImport& n) {
  n.reader.expect_inputs(2, 2);
  const bool exclusive = n.reader.flag("exclusive", false);
  emit(n, Op::kCumSum, CumSumAttributes{exclusive, n.reader.flag("reverse", false)});
}

}  // namespace

const OnnxImporters& reduction_importers() {
  static const OnnxImporters table = {
      {"ArgMax", arg<false>},
      {"ArgMin", arg<true>},
      {"CumSum", cum_sum},
      {"Hardmax", hardmax},
      {"LogSoftmax", log_softmax},
      {"ReduceL1", reduce<Reduction::kL1>},
      {"ReduceL2", reduce<Reduction::kL2>},
      {"ReduceLogSum", reduce<Reduction::kLogSum>},
      {"ReduceLogSumExp", reduce<Reduction::kLogSumExp>},
      {"ReduceMax", reduce<Reduction::kMax>},
      {"ReduceMean", reduce_mean},
      {"ReduceMin", reduce<Reduction::kMin>},
      {"ReduceProd", reduce<Reduction::kProd>},
      {"ReduceSum", reduce<Reduction::kSum>},
      {"ReduceSumSquare", reduce<Reduction::kSumSquare>},
  };
  return table;
}

}  // namespace sz::compiler
