// onnx.TensorProto to Constant.
#pragma once

#include <optional>
#include <string>

#include "compiler/graph/constant.h"
#include "onnx/onnx_pb.h"

namespace sz::compiler {

// The DType of an onnx.TensorProto.DataType; nothing if it is not supported.
std::optional<DType> import_dtype(std::int32_t data_type);

// Name of an onnx.TensorProto.DataType for messages: "FLOAT16", or "type 99".
std::string data_type_name(std::int32_t data_type);

// The values of a tensor of at most `budget` bytes. `where` begins the messages:
// "file: initializer 'w'". Throws CompileError: external data, unsupported type, negative or
// too large dimensions, a number of values other than the shape says.
ConstantPtr import_tensor(const onnx::TensorProto& tensor, const std::string& where,
                          std::uint64_t budget);

}  // namespace sz::compiler
