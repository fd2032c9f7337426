#include "compiler/import/tflite/reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/error.h"

namespace sz::compiler::tflite {
namespace {

constexpr std::size_t kMaxNameBytes = 256;
constexpr std::uint32_t kVersion = 3;

// What flatbuffers' vectors may be: absent, which counts as empty.
template <typename T>
std::vector<T> copy_of(const flatbuffers::Vector<T>* vector) {
  std::vector<T> values(vector == nullptr ? 0 : vector->size());
  if (values.empty()) return values;
  // Of elements of 8 bytes, the verifier does not check the alignment.
  std::memcpy(values.data(), vector->Data(), values.size() * sizeof(T));
  for (T& value : values) value = flatbuffers::EndianScalar(value);
  return values;
}
template <typename T>
std::size_t size_of(const flatbuffers::Vector<T>* vector) {
  return vector == nullptr ? 0 : vector->size();
}

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& source)
      : bytes_(bytes), source_(source) {}

  Network run() {
    verify();
    const file::SubGraph& graph = only_subgraph();
    for (std::size_t i = 0; i < size_of(graph.tensors()); ++i) {
      read_tensor(*graph.tensors()->Get(static_cast<flatbuffers::uoffset_t>(i)), i);
    }
    network_.inputs = indices(graph.inputs(), "an input of the model", false);
    network_.outputs = indices(graph.outputs(), "an output of the model", false);
    if (network_.outputs.empty()) refuse("the model has no outputs");
    for (const std::int32_t input : network_.inputs) write(input, "an input of the model");
    for (std::size_t i = 0; i < size_of(graph.operators()); ++i) {
      read_operator(*graph.operators()->Get(static_cast<flatbuffers::uoffset_t>(i)), i);
    }
    for (const std::int32_t output : network_.outputs) expect_written(output, "the model's output");
    return std::move(network_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw CompileError(source_ + ": " + what);
  }

  void verify() {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes_.data());
    // The identifier stands behind the first offset.
    constexpr std::size_t kLeast = 2 * sizeof(flatbuffers::uoffset_t);
    if (bytes_.size() < kLeast || !file::ModelBufferHasIdentifier(data)) {
      refuse("is not a TensorFlow Lite model (the identifier 'TFL3' is missing)");
    }
    if (bytes_.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) refuse("is larger than 2 GiB");
    flatbuffers::Verifier verifier(data, bytes_.size());
    if (!file::VerifyModelBuffer(verifier)) {
      refuse("is damaged: its tables are no valid FlatBuffers of a TensorFlow Lite model");
    }
    model_ = file::GetModel(data);
    if (model_->version() != kVersion) {
      refuse("has version " + std::to_string(model_->version()) + " of the format; version 3 is " +
             "supported");
    }
  }

  const file::SubGraph& only_subgraph() const {
    const auto* graphs = model_->subgraphs();
    const std::size_t count = graphs == nullptr ? 0 : graphs->size();
    if (count != 1) {
      refuse("has " + std::to_string(count) +
             " subgraphs; models of one, without control flow, are supported");
    }
    const file::SubGraph& graph = *graphs->Get(0);
    if (size_of(graph.tensors()) > kMaxTensors) refuse("has too many tensors");
    if (size_of(graph.operators()) > kMaxOperators) refuse("has too many operators");
    return graph;
  }

  std::string shortened(const flatbuffers::String* text) const {
    if (text == nullptr) return "";
    return text->str().substr(0, kMaxNameBytes);
  }

  void read_tensor(const file::Tensor& from, std::size_t index) {
    Tensor& tensor = network_.tensors.emplace_back();
    tensor.label = shortened(from.name());
    tensor.name =
        "tensor " + std::to_string(index) + (tensor.label.empty() ? "" : " '" + tensor.label + "'");
    tensor.type = from.type();
    for (const std::int32_t dim : copy_of(from.shape())) tensor.shape.push_back(dim);
    read_data(from, tensor);
    check_shape(from, tensor);
    if (from.sparsity() != nullptr) refuse(tensor.name + " is sparse, which is not supported");
    if (from.is_variable()) {
      refuse(tensor.name +
             " is a variable, which keeps its value from one inference to the next; " +
             "that is not supported");
    }
    if (from.quantization() != nullptr) read_scaling(*from.quantization(), tensor);
    written_.push_back(tensor.constant);
  }

  void read_data(const file::Tensor& from, Tensor& tensor) const {
    const auto* buffers = model_->buffers();
    if (from.buffer() >= (buffers == nullptr ? 0 : buffers->size())) {
      refuse(tensor.name + " has its values in buffer " + std::to_string(from.buffer()) +
             ", which does not exist");
    }
    const file::Buffer& buffer = *buffers->Get(from.buffer());
    if (buffer.offset() > 1 || buffer.size() > 1) {
      refuse(tensor.name + " has its values outside of the tables, which is not supported");
    }
    if (size_of(buffer.data()) == 0) {
      // A list without elements, such as the shape of a scalar.
      tensor.constant = std::count(tensor.shape.begin(), tensor.shape.end(), 0) > 0;
      return;
    }
    tensor.constant = true;
    tensor.data = std::as_bytes(std::span(buffer.data()->data(), buffer.data()->size()));
  }

  void check_shape(const file::Tensor& from, const Tensor& tensor) const {
    // Of bytes at first: the types are looked at where a tensor is used.
    if (!is_sane(tensor.shape, DType::kBool, tensor.constant)) {
      refuse(tensor.name + " has an impossible shape: " + to_string(tensor.shape));
    }
    const std::size_t element = element_bytes(tensor.type);
    const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
    if (tensor.constant && element != 0 && tensor.data.size() != count * element) {
      refuse(tensor.name + " has " + std::to_string(tensor.data.size()) + " bytes of values; " +
             to_string(tensor.shape) + " of " + file::EnumNameTensorType(tensor.type) + " are " +
             std::to_string(count * element));
    }
    // -1 where the shape may vary: then the model is compiled for the shape that stands there.
    const std::vector<std::int32_t> signature = copy_of(from.shape_signature());
    bool fits = signature.empty() || signature.size() == tensor.shape.size();
    for (std::size_t i = 0; fits && i < signature.size(); ++i) {
      fits = signature[i] == -1 || signature[i] == tensor.shape[i];
    }
    if (!fits) refuse(tensor.name + " has a shape that contradicts its signature");
  }

  void read_scaling(const file::Quantization& from, Tensor& tensor) const {
    if (from.details_type() != 0) {
      refuse(tensor.name + " is quantised in a way of its own, which is not supported");
    }
    Scaling& scaling = tensor.scaling;
    scaling.scales = copy_of(from.scale());
    if (scaling.scales.empty()) return;
    const std::vector<std::int64_t> zeros = copy_of(from.zero_point());
    const std::size_t count = scaling.scales.size();
    if (zeros.size() > 1 && zeros.size() != count) {
      refuse(tensor.name + " has " + std::to_string(count) + " scales, but " +
             std::to_string(zeros.size()) + " zero points");
    }
    for (const float scale : scaling.scales) {
      if (!std::isfinite(scale) || scale <= 0) {
        refuse(tensor.name + " has a scale that is not a positive number");
      }
    }
    scaling.zeros.assign(count, zeros.size() == 1 ? checked_zero(tensor, zeros[0]) : 0);
    for (std::size_t i = 0; zeros.size() > 1 && i < count; ++i) {
      scaling.zeros[i] = checked_zero(tensor, zeros[i]);
    }
    if (count == 1) return;
    const std::int32_t dimension = from.quantized_dimension();
    if (dimension < 0 || static_cast<std::size_t>(dimension) >= tensor.shape.size() ||
        tensor.shape[static_cast<std::size_t>(dimension)] != static_cast<std::int64_t>(count)) {
      refuse(tensor.name + " has " + std::to_string(count) + " scales along dimension " +
             std::to_string(dimension) + " of " + to_string(tensor.shape));
    }
    scaling.dimension = static_cast<std::size_t>(dimension);
  }

  std::int32_t checked_zero(const Tensor& tensor, std::int64_t zero) const {
    const bool is_signed = tensor.type == file::TensorType::INT8;
    const bool is_unsigned = tensor.type == file::TensorType::UINT8;
    const std::int64_t low = is_signed ? -128 : is_unsigned ? 0 : -32768;
    const std::int64_t high = is_signed ? 127 : is_unsigned ? 255 : 32767;
    if (zero < low || zero > high) {
      refuse(tensor.name + " has the zero point " + std::to_string(zero) + ", which " +
             file::EnumNameTensorType(tensor.type) + " does not reach");
    }
    return static_cast<std::int32_t>(zero);
  }

  std::vector<std::int32_t> indices(const flatbuffers::Vector<std::int32_t>* from,
                                    const std::string& what, bool optional) const {
    std::vector<std::int32_t> result = copy_of(from);
    for (const std::int32_t index : result) {
      if (optional && index == kNoTensor) continue;
      if (index < 0 || static_cast<std::size_t>(index) >= network_.tensors.size()) {
        refuse(what + " is tensor " + std::to_string(index) + ", which does not exist");
      }
    }
    return result;
  }

  void write(std::int32_t index, const std::string& by) {
    if (written_[static_cast<std::size_t>(index)]) {
      refuse(by + " is " + network_.tensor(index).name + ", which is a constant or written before");
    }
    written_[static_cast<std::size_t>(index)] = true;
  }

  void expect_written(std::int32_t index, const std::string& by) const {
    if (!written_[static_cast<std::size_t>(index)]) {
      refuse(by + " reads " + network_.tensor(index).name + ", which nothing before it writes");
    }
  }

  void read_operator(const file::Operator& from, std::size_t index) {
    const std::string number = "operator " + std::to_string(index);
    const auto* codes = model_->operator_codes();
    if (from.opcode_index() >= (codes == nullptr ? 0 : codes->size())) {
      refuse(number + " has the code " + std::to_string(from.opcode_index()) +
             ", which does not exist");
    }
    const file::OperatorCode& code = *codes->Get(from.opcode_index());
    Operator& op = network_.operators.emplace_back();
    // Files of before the wide field have the number in the narrow one; newer ones have both.
    op.code = std::max(code.code(), static_cast<file::Operation>(code.old_code()));
    const std::string name = file::EnumNameOperation(op.code);
    op.name = number + " (" +
              (name.empty() ? "builtin " + std::to_string(static_cast<int>(op.code)) : name) + ")";
    if (op.code == file::Operation::CUSTOM) {
      refuse(op.name + ": the custom operation '" + shortened(code.custom_code()) +
             "' is not supported");
    }
    for (const std::uint8_t changes : copy_of(from.mutating_variable_inputs())) {
      if (changes != 0) refuse(op.name + ": writes to an input, which is not supported");
    }
    op.record = &from;
    op.inputs = indices(from.inputs(), op.name + ": an input", true);
    op.outputs = indices(from.outputs(), op.name + ": an output", false);
    for (const std::int32_t input : op.inputs) {
      if (input != kNoTensor) expect_written(input, op.name + ":");
    }
    if (op.outputs.empty()) refuse(op.name + ": has no output");
    for (const std::int32_t output : op.outputs) write(output, op.name + ": an output");
  }

  std::span<const std::byte> bytes_;
  const std::string& source_;
  const file::Model* model_ = nullptr;
  Network network_;
  std::vector<bool> written_;  // by tensor: constants, inputs, results of the operators so far
};

}  // namespace

std::size_t element_bytes(file::TensorType type) {
  switch (type) {
    case file::TensorType::INT8:
    case file::TensorType::UINT8:
    case file::TensorType::BOOL:
      return 1;
    case file::TensorType::FLOAT16:
      return 2;
    case file::TensorType::FLOAT32:
    case file::TensorType::INT32:
      return 4;
    case file::TensorType::INT64:
      return 8;
    default:
      return 0;
  }
}

Network read_network(std::span<const std::byte> bytes, const std::string& source) {
  return Reader(bytes, source).run();
}

}  // namespace sz::compiler::tflite
