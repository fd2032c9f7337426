#include "compiler/import/onnx/tensor_import.h"

#include <cstring>
#include <limits>

#include "compiler/error.h"
#include "compiler/import/onnx/importer.h"

namespace sz::compiler {
namespace {

using onnx::TensorProto;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw CompileError(where + " " + what);
}

void check_count(std::uint64_t found, std::uint64_t wanted, const char* field,
                 const std::string& where) {
  if (found != wanted) {
    refuse(where, "has " + std::to_string(found) + " elements in " + field + ", its shape needs " +
                      std::to_string(wanted));
  }
}

// Copies a repeated field of 32-bit (or wider) numbers into elements of type T.
template <typename T, typename Field>
void copy_values(const Field& field, Constant& to, const std::string& where) {
  for (int i = 0; i < field.size(); ++i) {
    const auto value = static_cast<T>(field.Get(i));
    if (static_cast<std::int64_t>(value) != static_cast<std::int64_t>(field.Get(i))) {
      refuse(where, "has a value that does not fit its type at element " + std::to_string(i));
    }
    std::memcpy(to.bytes.data() + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
  }
}

void copy_typed_data(const TensorProto& tensor, std::uint64_t count, Constant& to,
                     const std::string& where) {
  switch (to.dtype) {
    case DType::kF32:
      check_count(static_cast<std::uint64_t>(tensor.float_data_size()), count, "float_data", where);
      if (count) std::memcpy(to.bytes.data(), tensor.float_data().data(), to.bytes.size());
      return;
    case DType::kI64:
      check_count(static_cast<std::uint64_t>(tensor.int64_data_size()), count, "int64_data", where);
      if (count) std::memcpy(to.bytes.data(), tensor.int64_data().data(), to.bytes.size());
      return;
    default:
      break;
  }
  check_count(static_cast<std::uint64_t>(tensor.int32_data_size()), count, "int32_data", where);
  if (to.dtype == DType::kI32) copy_values<std::int32_t>(tensor.int32_data(), to, where);
  if (to.dtype == DType::kI8) copy_values<std::int8_t>(tensor.int32_data(), to, where);
  if (to.dtype == DType::kU8) copy_values<std::uint8_t>(tensor.int32_data(), to, where);
  if (to.dtype == DType::kBool) copy_values<std::uint8_t>(tensor.int32_data(), to, where);
}

}  // namespace

std::optional<DType> import_dtype(std::int32_t data_type) {
  switch (data_type) {
    case TensorProto::FLOAT:
      return DType::kF32;
    case TensorProto::INT8:
      return DType::kI8;
    case TensorProto::UINT8:
      return DType::kU8;
    case TensorProto::INT32:
      return DType::kI32;
    case TensorProto::INT64:
      return DType::kI64;
    case TensorProto::BOOL:
      return DType::kBool;
    default:
      return std::nullopt;
  }
}

std::string data_type_name(std::int32_t data_type) {
  if (!onnx::TensorProto_DataType_IsValid(data_type)) {
    return "type " + std::to_string(data_type);
  }
  return onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(data_type));
}

ConstantPtr import_tensor(const TensorProto& tensor, const std::string& where,
                          std::uint64_t budget) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0) {
    refuse(where,
           "keeps its values in another file, which is not supported; "
           "save the model as one file");
  }
  if (tensor.has_segment()) refuse(where, "is a segment of a tensor, which is not supported");
  const auto dtype = import_dtype(tensor.data_type());
  if (!dtype) {
    refuse(where, "has elements of " + data_type_name(tensor.data_type()) +
                      ", which are not supported; convert the model to FLOAT");
  }
  auto constant = std::make_shared<Constant>();
  constant->dtype = *dtype;
  if (tensor.dims_size() > static_cast<int>(kMaxRank)) {
    refuse(where, "has " + std::to_string(tensor.dims_size()) + " dimensions, the limit is " +
                      std::to_string(kMaxRank));
  }
  constant->shape.assign(tensor.dims().begin(), tensor.dims().end());
  if (!is_sane(constant->shape, *dtype, /*allow_empty=*/true)) {
    refuse(where, "has an impossible shape: " + to_string(constant->shape));
  }
  const auto count = static_cast<std::uint64_t>(element_count(constant->shape));
  const std::uint64_t bytes = count * dtype_bytes(*dtype);
  if (bytes > budget) refuse(where, "takes more memory than all constants together may");
  if (tensor.has_raw_data() && tensor.raw_data().size() != bytes) {
    refuse(where, "has " + std::to_string(tensor.raw_data().size()) +
                      " bytes of raw data, its shape needs " + std::to_string(bytes));
  }
  // Nothing is allocated before the file is known to hold the values.
  if (tensor.has_raw_data()) {
    constant->bytes.resize(bytes);
    if (bytes) std::memcpy(constant->bytes.data(), tensor.raw_data().data(), bytes);
    return constant;
  }
  const int present =
      tensor.float_data_size() + tensor.int64_data_size() + tensor.int32_data_size();
  check_count(static_cast<std::uint64_t>(present), count, "its data fields", where);
  constant->bytes.resize(bytes);
  copy_typed_data(tensor, count, *constant, where);
  return constant;
}

ConstantPtr import_tensor_bytes(std::span<const std::byte> bytes, const std::string& source,
                                std::uint64_t budget) {
  TensorProto tensor;
  const bool small = bytes.size() <= std::numeric_limits<int>::max();
  if (!small || !tensor.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw CompileError(source + ": is no serialised onnx.TensorProto");
  }
  return import_tensor(tensor, source + ": the tensor", budget);
}

}  // namespace sz::compiler
