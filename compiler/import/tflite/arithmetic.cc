// Sums and products: of two tensors, with weights, over dimensions.
#include <algorithm>
#include <cmath>

#include "compiler/import/tflite/operations.h"
#include "compiler/import/tflite/quantization.h"

namespace sz::compiler::tflite {
namespace {

// Options that are missing say that there is no activation.
template <typename T>
file::Activation activation_of(const Translator& t) {
  const T* options = t.op().record->options_as<T>();
  return options == nullptr ? file::Activation::NONE : options->activation();
}

void binary(Translator& t, Op op, Op quantised, file::Activation activation) {
  t.expect_operands(2, 2);
  const std::size_t rank =
      std::max(t.input_tensor(0).shape.size(), t.input_tensor(1).shape.size());
  const Kind kind = t.common_kind();
  if (t.kind(t.input_tensor(1)) != kind) t.refuse("its operands have different types");
  const ValueId a = t.widened(0, rank);
  const ValueId b = t.widened(1, rank);
  if (kind == Kind::kFloat) return t.finish(activated(t, t.emit(op, {a, b}), activation));
  if (kind != Kind::kQuantized || quantised == op) {
    t.refuse("on " + std::string(file::EnumNameTensorType(t.output_tensor().type)) +
             " is not supported");
  }
  t.finish(t.emit(quantised, {a, b}, rescaling(t, {0, 1}, activation)));
}

// The input as rows of `depth` elements.
ValueId rows_of(Translator& t, std::int64_t depth) {
  const std::int64_t count = element_count(t.input_tensor(0).shape);
  if (depth < 1 || count % depth != 0) {
    t.refuse("an input of " + to_string(t.input_tensor(0).shape) + " has no rows of " +
             std::to_string(depth));
  }
  return t.reshape(t.plain(0), {count / depth, depth});
}

// The result is rows; the file may want more dimensions.
void finish_rows(Translator& t, ValueId rows) {
  const Shape& wanted = t.output_tensor().shape;
  const Shape& made = t.graph().shape(rows);
  if (wanted.empty() || wanted.back() != made.back() ||
      element_count(wanted) != element_count(made)) {
    t.refuse("its result would be " + to_string(made) + ", but " + t.output_tensor().name +
             " is declared as " + to_string(wanted));
  }
  t.finish_plain(t.reshape(rows, wanted));
}

// The bias as a list of one number for each output.
ValueId bias_of(Translator& t, std::int64_t outputs, Kind kind) {
  const ConstantPtr bias = t.constant(2, "its bias");
  const DType wanted = kind == Kind::kQuantized ? DType::kI32 : DType::kF32;
  if (bias->dtype != wanted || element_count(bias->shape) != outputs) {
    t.refuse("its bias, " + t.input_tensor(2).name + ", must be " + std::to_string(outputs) +
             " elements of " + to_string(wanted));
  }
  return bias->shape == Shape{outputs} ? t.plain(2)
                                       : t.add_constant("bias", reshaped(*bias, {outputs}));
}

void quantised_mean(Translator& t, bool keep) {
  const ValueId y = t.emit(Op::kQGlobalAveragePool, {t.image(0)},
                           rescaling(t, {0}, file::Activation::NONE));
  if (keep) return t.finish_image(y);
  const Shape shape = t.graph().shape(y);
  t.finish_plain(t.reshape(y, {shape[0], shape[1]}));
}

}  // namespace

void add(Translator& t) { binary(t, Op::kAdd, Op::kQAdd, activation_of<file::AddOptions>(t)); }
void sub(Translator& t) { binary(t, Op::kSub, Op::kQSub, activation_of<file::SubOptions>(t)); }
void mul(Translator& t) { binary(t, Op::kMul, Op::kQMul, activation_of<file::MulOptions>(t)); }
void div(Translator& t) { binary(t, Op::kDiv, Op::kDiv, activation_of<file::DivOptions>(t)); }

void fully_connected(Translator& t) {
  t.expect_operands(2, 3);
  const auto& layer = options<file::FullyConnectedOptions>(t);
  if (layer.weights_format() != file::WeightsFormat::DEFAULT) {
    t.refuse("its weights are shuffled, which is not supported");
  }
  const Tensor& weights = t.input_tensor(1);
  if (weights.shape.size() != 2 || element_count(weights.shape) == 0) {
    t.refuse("its weights, " + weights.name + ", must have rank 2");
  }
  const Kind kind = t.common_kind();
  if (kind == Kind::kFloat && t.kind(weights) != Kind::kFloat) {
    t.refuse("is hybrid: its values are FLOAT32 and its weights " +
             std::string(file::EnumNameTensorType(weights.type)) + ", which is not supported");
  }
  std::vector<ValueId> inputs = {rows_of(t, weights.shape[1]), t.plain(1)};
  if (t.has_input(2)) inputs.push_back(bias_of(t, weights.shape[0], kind));
  if (kind == Kind::kFloat) {
    const ValueId y = t.emit(Op::kGemm, std::move(inputs), GemmAttributes{1, 1, false, true});
    return finish_rows(t, activated(t, y, layer.activation()));
  }
  if (kind != Kind::kQuantized) t.refuse("works on FLOAT32, INT8 and UINT8 only");
  QuantAttributes q = rescaling(t, {0}, layer.activation());
  Weights scaling = weights_of(t, weights, 0);
  q.weight_scales = std::move(scaling.scales);
  q.weight_zero = scaling.zero;
  finish_rows(t, t.emit(Op::kQFullyConnected, std::move(inputs), std::move(q)));
}

void softmax(Translator& t) {
  t.expect_operands(1, 1);
  const float beta = options<file::SoftmaxOptions>(t).beta();
  if (!std::isfinite(beta) || beta <= 0) t.refuse("its beta is not a positive number");
  const std::size_t rank = t.input_tensor(0).shape.size();
  if (rank == 0) t.refuse("a scalar has no dimension to work along");
  if (t.common_kind() == Kind::kFloat) {
    ValueId x = rank == 4 ? t.image(0) : t.plain(0);
    if (beta != 1.0f) {
      const Shape shape(rank, 1);
      x = t.emit(Op::kMul, {x, t.add_constant("beta", make_f32(shape, std::span(&beta, 1)))});
    }
    const auto axis = static_cast<std::int64_t>(rank == 4 ? 1 : rank - 1);
    return t.finish(t.emit(Op::kSoftmax, {x}, SoftmaxAttributes{axis, false}));
  }
  QuantAttributes q = rescaling(t, {0}, file::Activation::NONE);
  if (q.output.scale != 1.0 / 256 || q.output.zero != lowest(t.output_tensor())) {
    t.refuse("its output must have the scale 1/256 and the zero point " +
             std::to_string(lowest(t.output_tensor())));
  }
  q.beta = static_cast<double>(beta);
  const ValueId rows = rows_of(t, t.input_tensor(0).shape.back());
  finish_rows(t, t.emit(Op::kQSoftmax, {rows}, std::move(q)));
}

// Over height and width, a global pool; other means as the graph has them.
void mean(Translator& t) {
  t.expect_operands(2, 2);
  const Shape& shape = t.input_tensor(0).shape;
  const bool keep = options<file::ReducerOptions>(t).keep_dims();
  std::vector<std::int64_t> axes;
  for (const std::int64_t axis : t.integers(1, "the axes")) {
    axes.push_back(static_cast<std::int64_t>(normal_axis(t, axis, shape.size())));
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const bool pool = shape.size() == 4 && axes == std::vector<std::int64_t>{1, 2};
  if (t.common_kind() != Kind::kFloat) {
    if (!pool) t.refuse("of 8-bit values is supported over height and width only");
    return quantised_mean(t, keep);
  }
  if (axes.empty()) t.refuse("reduces no dimension, which is not supported");
  const ValueId x = pool ? t.image(0) : t.plain(0);
  if (pool) axes = {2, 3};
  const ValueId y =
      t.emit(Op::kReduceMean, {x, t.add_integers("axes", axes)}, ReduceAttributes{keep});
  if (pool && keep) return t.finish_image(y);
  t.finish_plain(y);
}

}  // namespace sz::compiler::tflite
