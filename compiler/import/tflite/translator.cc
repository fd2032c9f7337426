#include "compiler/import/tflite/translator.h"

#include <cstring>
#include <utility>

#include "compiler/graph/shape_inference.h"
#include "compiler/import/tflite/operations.h"

namespace sz::compiler::tflite {
namespace {

// From the file's order of an image to the graph's, and back.
const std::vector<std::int64_t> kToImage = {0, 3, 1, 2};
const std::vector<std::int64_t> kToPlain = {0, 2, 3, 1};

// IEEE half precision; every value has its f32.
float widen(std::uint16_t half) {
  const auto sign = static_cast<std::uint32_t>(half >> 15) << 31;
  const std::uint32_t exponent = half >> 10 & 31u;
  const std::uint32_t fraction = half & 1023u;
  float value = 0;
  if (exponent == 0) {  // zero or subnormal: fraction / 2^24
    value = static_cast<float>(fraction) / 16777216.0f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  const std::uint32_t bits = sign | wide << 23 | fraction << 13;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

ConstantPtr widened(const Tensor& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(std::uint16_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t half = 0;
    std::memcpy(&half, tensor.data.data() + i * sizeof(half), sizeof(half));
    values[i] = widen(half);
  }
  return make_f32(tensor.shape, values);
}

// Converters join the names of all layers that they fused: too much for a table.
std::string short_label(const Tensor& tensor) {
  constexpr std::size_t kMost = 48;
  if (tensor.label.size() <= kMost) return tensor.label;
  return "..." + tensor.label.substr(tensor.label.size() - kMost);
}

}  // namespace

std::size_t image_axis(std::size_t axis) {
  static constexpr std::size_t kPlaces[] = {0, 2, 3, 1};
  return kPlaces[axis];
}

std::size_t normal_axis(const Translator& t, std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) {
    t.refuse("axis " + std::to_string(axis) + " is out of range for " + std::to_string(rank) +
             " dimensions");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Shape image_shape(const Shape& shape) { return {shape[0], shape[3], shape[1], shape[2]}; }

Translator::Translator(const Network& network, const TfliteImportOptions& options)
    : network_(network), values_(network.tensors.size()) {
  graph_.source = options.source;
  graph_.format = "tflite";
  graph_.constant_budget = options.constant_budget;
}

Graph Translator::run() {
  for (std::size_t i = 0; i < network_.inputs.size(); ++i) add_input(network_.inputs[i], i);
  for (const Operator& op : network_.operators) translate(op);
  op_ = nullptr;
  for (std::size_t i = 0; i < network_.outputs.size(); ++i) add_output(network_.outputs[i], i);
  return std::move(graph_);
}

void Translator::refuse(const std::string& what) const {
  fail(graph_, (op_ == nullptr ? "" : op_->name + ": ") + what);
}

void Translator::translate(const Operator& op) {
  op_ = &op;
  const Translate operation = find_operation(op.code);
  if (operation == nullptr) refuse("this operation is not supported");
  operation(*this);
}

// Clients call inputs and outputs by name, so each has one of its own.
std::string Translator::public_name(std::int32_t index, const char* what, std::size_t number) {
  std::string name = network_.tensor(index).label;
  if (name.empty()) name = std::string(what) + "_" + std::to_string(number);
  if (public_names_.contains(name)) name += "_" + std::to_string(index);
  if (!public_names_.insert(name).second) {
    refuse("several inputs or outputs are called '" + name + "'");
  }
  return name;
}

void Translator::add_input(std::int32_t index, std::size_t number) {
  const Tensor& tensor = network_.tensor(index);
  const DType type = dtype(tensor);
  if (!is_sane(tensor.shape, type)) refuse(tensor.name + " is too large");
  const ValueId id =
      graph_.add_value({public_name(index, "input", number), type, tensor.shape, nullptr});
  graph_.inputs.push_back(id);
  values_[static_cast<std::size_t>(index)].plain = id;
}

void Translator::add_output(std::int32_t index, std::size_t number) {
  const Tensor& tensor = network_.tensor(index);
  DeclaredOutput& declared = graph_.declared_outputs.emplace_back();
  declared.name = public_name(index, "output", number);
  declared.has_shape = true;
  declared.dims = tensor.shape;
  graph_.outputs.push_back(plain_of(index));
}

void Translator::expect_operands(std::size_t least, std::size_t most, std::size_t outputs) const {
  if (op_->inputs.size() < least || op_->inputs.size() > most ||
      op_->outputs.size() != outputs) {
    refuse("has " + std::to_string(op_->inputs.size()) + " inputs and " +
           std::to_string(op_->outputs.size()) + " outputs, which does not fit");
  }
}

bool Translator::has_input(std::size_t index) const {
  return index < op_->inputs.size() && op_->inputs[index] != kNoTensor;
}

std::int32_t Translator::input(std::size_t index) const {
  if (!has_input(index)) refuse("input " + std::to_string(index) + " is missing");
  return op_->inputs[index];
}

DType Translator::dtype(const Tensor& tensor) const {
  switch (tensor.type) {
    case file::TensorType::FLOAT32:
      return DType::kF32;
    case file::TensorType::FLOAT16:
      if (tensor.constant) return DType::kF32;  // see read_constant
      break;
    case file::TensorType::INT8:
      return DType::kI8;
    case file::TensorType::UINT8:
      return DType::kU8;
    case file::TensorType::INT32:
      return DType::kI32;
    case file::TensorType::INT64:
      return DType::kI64;
    case file::TensorType::BOOL:
      return DType::kBool;
    default:
      break;
  }
  const std::string name = file::EnumNameTensorType(tensor.type);
  refuse(tensor.name + " is " +
         (name.empty() ? "of type " + std::to_string(static_cast<int>(tensor.type)) : name) +
         ", which is not supported");
}

Kind Translator::kind(const Tensor& tensor) const {
  switch (dtype(tensor)) {
    case DType::kF32:
      return Kind::kFloat;
    case DType::kI32:
    case DType::kI64:
      return Kind::kInteger;
    case DType::kI8:
    case DType::kU8:
      if (tensor.scaling.scales.empty()) {
        refuse(tensor.name + " has 8-bit values without a scale, which is not supported");
      }
      return Kind::kQuantized;
    case DType::kBool:
      break;
  }
  refuse(tensor.name + " is BOOL, which is not supported");
}

Kind Translator::common_kind() const {
  const Kind first = kind(input_tensor(0));
  if (first != kind(output_tensor())) {
    refuse("reads " + std::string(file::EnumNameTensorType(input_tensor(0).type)) + " and writes " +
           file::EnumNameTensorType(output_tensor().type) + ", which is not supported");
  }
  return first;
}

void Translator::charge(std::uint64_t bytes) {
  if (bytes > graph_.constant_budget) refuse("the constants take too much memory");
  graph_.constant_budget -= bytes;
}

ConstantPtr Translator::read_constant(const Tensor& tensor) {
  const DType type = dtype(tensor);
  const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
  charge(count * dtype_bytes(type));
  if (tensor.type == file::TensorType::FLOAT16) return tflite::widened(tensor);
  return std::make_shared<Constant>(
      Constant{type, tensor.shape, {tensor.data.begin(), tensor.data.end()}});
}

ValueId Translator::plain_of(std::int32_t index) {
  const Tensor& tensor = network_.tensor(index);
  Values& values = values_[static_cast<std::size_t>(index)];
  if (values.plain != kNoValue) return values.plain;
  if (values.image != kNoValue) {
    values.plain = transpose(values.image, kToPlain);
  } else {
    values.plain = graph_.add_constant(short_label(tensor), read_constant(tensor));
  }
  return values.plain;
}

ValueId Translator::image_of(std::int32_t index) {
  Values& values = values_[static_cast<std::size_t>(index)];
  if (values.image != kNoValue) return values.image;
  const ValueId plain = plain_of(index);
  if (const Constant* constant = graph_.constant(plain)) {
    values.image = add_constant("image", transposed(*constant, kToImage));
  } else {
    values.image = transpose(plain, kToImage);
  }
  return values.image;
}

ValueId Translator::plain(std::size_t index) { return plain_of(input(index)); }

ValueId Translator::image(std::size_t index) {
  const Tensor& tensor = input_tensor(index);
  if (tensor.shape.size() != 4) {
    refuse(tensor.name + " is " + to_string(tensor.shape) +
           "; only two-dimensional images (rank 4) are supported");
  }
  return image_of(input(index));
}

ValueId Translator::widened(std::size_t index, std::size_t rank) {
  const Tensor& tensor = input_tensor(index);
  if (tensor.shape.size() == rank) return rank == 4 ? image(index) : plain(index);
  if (tensor.shape.size() > rank) refuse(tensor.name + " has too many dimensions");
  Shape shape = tensor.shape;
  shape.insert(shape.begin(), rank - shape.size(), 1);
  const ValueId narrow = plain(index);
  const Constant* constant = graph_.constant(narrow);
  if (constant == nullptr) {
    const ValueId wide = reshape(narrow, shape);
    return rank == 4 ? transpose(wide, kToImage) : wide;
  }
  ConstantPtr wide = reshaped(*constant, shape);
  return add_constant("widened", rank == 4 ? transposed(*wide, kToImage) : wide);
}

ConstantPtr Translator::constant(std::size_t index, const char* what) {
  const ConstantPtr constant = graph_.value(plain(index)).constant;
  if (constant == nullptr) {
    refuse(std::string(what) + " must be known when the model is compiled");
  }
  return constant;
}

std::vector<std::int64_t> Translator::integers(std::size_t index, const char* what) {
  const ConstantPtr list = constant(index, what);
  if (list->dtype == DType::kI64) return {list->i64().begin(), list->i64().end()};
  if (list->dtype != DType::kI32) refuse(std::string(what) + " must be integers");
  std::vector<std::int64_t> values(list->bytes.size() / sizeof(std::int32_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t value = 0;
    std::memcpy(&value, list->bytes.data() + i * sizeof(value), sizeof(value));
    values[i] = value;
  }
  return values;
}

ValueId Translator::add_constant(const std::string& what, ConstantPtr constant) {
  charge(constant->bytes.size());
  return graph_.add_constant(op_->name + "." + what, std::move(constant));
}

ValueId Translator::add_integers(const std::string& what,
                                 const std::vector<std::int64_t>& values) {
  return add_constant(what, make_i64({static_cast<std::int64_t>(values.size())}, values));
}

ValueId Translator::emit(Op op, std::vector<ValueId> inputs, Attributes attributes,
                         ops::Clamp activation) {
  const std::string name = op_ == nullptr ? "output" : op_->name;
  Node node{op, name, std::move(inputs), kNoValue, std::move(attributes), activation};
  TypedShape result = infer(graph_, node);
  node.output = graph_.add_value({name, result.dtype, std::move(result.shape), nullptr});
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().output;
}

ValueId Translator::reshape(ValueId x, const Shape& shape) {
  if (graph_.shape(x) == shape) return x;
  return emit(Op::kReshape, {x, add_integers("shape", shape)}, ReshapeAttributes{true});
}

ValueId Translator::transpose(ValueId x, std::vector<std::int64_t> perm) {
  return emit(Op::kTranspose, {x}, PermAttributes{std::move(perm)});
}

void Translator::check_declared(const Shape& shape, ValueId value) const {
  const Value& result = graph_.value(value);
  const Tensor& declared = output_tensor();
  if (*result.shape == shape && result.dtype == dtype(declared)) return;
  refuse("its result would be " + to_string(*result.shape) + " of " + to_string(result.dtype) +
         ", but " + declared.name + " is declared as " + to_string(shape) + " of " +
         to_string(dtype(declared)));
}

// Where it is what the operator's last node made.
void Translator::name_result(ValueId value) {
  if (graph_.nodes.empty() || graph_.nodes.back().output != value) return;
  if (!output_tensor().label.empty()) graph_.value(value).name = short_label(output_tensor());
}

void Translator::finish_plain(ValueId value) {
  check_declared(output_tensor().shape, value);
  name_result(value);
  values_[static_cast<std::size_t>(op_->outputs[0])].plain = value;
}

void Translator::finish_image(ValueId value) {
  const Shape& shape = output_tensor().shape;
  if (shape.size() != 4) {
    refuse(output_tensor().name + " is declared as " + to_string(shape) +
           "; the result has rank 4");
  }
  check_declared(image_shape(shape), value);
  name_result(value);
  values_[static_cast<std::size_t>(op_->outputs[0])].image = value;
}

void Translator::finish(ValueId value) {
  if (output_tensor().shape.size() == 4) {
    finish_image(value);
  } else {
    finish_plain(value);
  }
}

void Translator::finish_constant(ConstantPtr constant) {
  finish_plain(add_constant("value", std::move(constant)));
}

}  // namespace sz::compiler::tflite

namespace sz::compiler {

Graph import_tflite(std::span<const std::byte> bytes, const TfliteImportOptions& options) {
  const tflite::Network network = tflite::read_network(bytes, options.source);
  return tflite::Translator(network, options).run();
}

}  // namespace sz::compiler
