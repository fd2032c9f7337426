// Turns the operators of a file into nodes of the graph, one after the other. What an operation
// means stands in the files beside this one (windows.cc, arithmetic.cc, ...), as functions on a
// Translator whose operator they look at.
//
// In the file images are N, H, W, C; in the graph N, C, H, W. A tensor of rank 4 can be had in both
// orders: as `image`, and in the order of the file, `plain`. Between them stands a Transpose, which
// costs nothing on the device, where images lie as N, H, W, C. Tensors of other ranks are `plain`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "compiler/import/tflite/importer.h"
#include "compiler/import/tflite/reader.h"

namespace sz::compiler::tflite {

// How the values of a tensor are meant.
enum class Kind {
  kFloat,      // FLOAT32
  kQuantized,  // INT8 or UINT8 with one scale and zero point
  kInteger,    // INT32 or INT64: shapes, axes and the like
};

class Translator {
 public:
  Translator(const Network& network, const TfliteImportOptions& options);

  Graph run();

  // The operator that is being translated.
  const Operator& op() const { return *op_; }
  // Throws CompileError "source: operator 3 (CONV_2D): what".
  [[noreturn]] void refuse(const std::string& what) const;

  // Its operands. Those that may be missing are asked for with has_input first.
  void expect_operands(std::size_t least, std::size_t most, std::size_t outputs = 1) const;
  bool has_input(std::size_t index) const;
  std::int32_t input(std::size_t index) const;
  const Tensor& input_tensor(std::size_t index) const { return network_.tensor(input(index)); }
  const Tensor& output_tensor() const { return network_.tensor(op_->outputs[0]); }
  // Refuses types that the importer does not read.
  Kind kind(const Tensor& tensor) const;
  // Refuses operands of different kinds; the kind of input 0 and the output.
  Kind common_kind() const;

  // An operand in the graph.
  ValueId plain(std::size_t input);
  ValueId image(std::size_t input);  // of rank 4
  // As `rank` says: image for 4, plain otherwise. Shapes of a lower rank get dimensions of 1.
  ValueId widened(std::size_t input, std::size_t rank);

  // The values of a constant operand.
  bool is_constant(std::size_t input) const { return input_tensor(input).constant; }
  ConstantPtr constant(std::size_t input, const char* what);
  std::vector<std::int64_t> integers(std::size_t input, const char* what);

  // Additional constants and nodes. Types and shapes are inferred, and errors found, at once.
  ValueId add_constant(const std::string& what, ConstantPtr constant);
  ValueId add_integers(const std::string& what, const std::vector<std::int64_t>& values);
  ValueId emit(Op op, std::vector<ValueId> inputs, Attributes attributes = {},
               ops::Clamp activation = {});
  ValueId reshape(ValueId x, const Shape& shape);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);

  // Says which value the result is. Its type and shape must be those that the file declares.
  void finish_plain(ValueId value);
  void finish_image(ValueId value);
  void finish(ValueId value);  // an image for rank 4
  // The result is a constant that the compiler has computed.
  void finish_constant(ConstantPtr constant);

  const Graph& graph() const { return graph_; }

 private:
  struct Values {
    ValueId plain = kNoValue;
    ValueId image = kNoValue;
  };

  void add_input(std::int32_t index, std::size_t number);
  void add_output(std::int32_t index, std::size_t number);
  std::string public_name(std::int32_t index, const char* what, std::size_t number);
  void translate(const Operator& op);
  DType dtype(const Tensor& tensor) const;
  ConstantPtr read_constant(const Tensor& tensor);
  ValueId plain_of(std::int32_t index);
  ValueId image_of(std::int32_t index);
  void charge(std::uint64_t bytes);
  void check_declared(const Shape& shape, ValueId value) const;
  void name_result(ValueId value);

  const Network& network_;
  Graph graph_;
  const Operator* op_ = nullptr;
  std::vector<Values> values_;  // by tensor
  std::set<std::string> public_names_;
};

// The options of the operator. Refuses it if there are none.
template <typename T>
const T& options(const Translator& t) {
  const T* options = t.op().record->options_as<T>();
  if (options == nullptr) t.refuse("its options are missing, or those of another operation");
  return *options;
}

// Dimension `axis` of an image in the file's order is dimension image_axis(axis) in the graph's.
std::size_t image_axis(std::size_t axis);
// `axis` counted from the front. Refuses what is out of range.
std::size_t normal_axis(const Translator& t, std::int64_t axis, std::size_t rank);
// Dimensions of a tensor of rank 4 in the graph's order.
Shape image_shape(const Shape& shape);

}  // namespace sz::compiler::tflite
