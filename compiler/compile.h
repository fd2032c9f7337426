// The model compiler: from a model file to a package.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/error.h"
#include "compiler/graph/constant.h"
#include "compiler/language/options.h"
#include "compiler/quantize/options.h"
#include "compiler/report/report.h"

namespace sz::compiler {

enum class ModelFormat { kOnnx, kDarknet, kTflite, kGguf, kLlama2c };

// What kind of file `bytes` are: by the ending of its path (.onnx, .cfg, .tflite, .gguf, .bin), or by the beginning where
// that says nothing. Throws CompileError where both do not tell.
ModelFormat model_format(const std::string& path, std::span<const std::byte> bytes);

struct CompileOptions {
  std::string model_name;                      // empty: the file's name without its ending
  std::optional<std::string> preprocess_json;  // emit/preprocess.h
  std::vector<std::string> labels;             // one for each element of the first output
  bool reference_kernels = false;              // the plain loops, for comparison
  // Computes chains of layers in bands of rows where that lowers the peak of memory.
  bool bands = true;
  // Darknet: the file of the weights. Empty: beside the .cfg, with the ending .weights.
  std::string weights_path;
  // ONNX: shapes of inputs that the file leaves open (a batch size).
  std::map<std::string, std::vector<std::int64_t>> input_shapes;
  // ONNX: inputs that get a fixed value now, and are no inputs of the package any more.
  std::map<std::string, ConstantPtr> input_values;
  // Told what is being done, if not empty.
  std::function<void(std::string_view)> progress;
  // Set: a network on f32 becomes one on 8-bit integers (quantize/options.h).
  std::optional<QuantizeOptions> quantize;
  // Of language models only.
  LanguageOptions language;
  // Most bytes of all constants that the compiler keeps, those that it computes included.
  std::uint64_t constant_budget = std::uint64_t{1} << 30;
};

struct CompileResult {
  std::vector<std::byte> package;  // package/package_format.h
  Report report;
  std::optional<QuantizationReport> quantization;  // if it was asked for
};

// Compiles the model file at `path`, of whatever format. Throws CompileError: one sentence with the
// file, the node and its operator (or the line), what is wrong, and what to do.
CompileResult compile_file(const std::string& path, const CompileOptions& options);

// The same for a model in memory; `source` is what messages call it.
CompileResult compile_onnx(std::span<const std::byte> bytes, const std::string& source,
                           const CompileOptions& options);
CompileResult compile_darknet(std::string_view cfg, std::span<const std::byte> weights,
                              const std::string& source, const CompileOptions& options);
CompileResult compile_tflite(std::span<const std::byte> bytes, const std::string& source,
                             const CompileOptions& options);

// The tensor in a file of ONNX's test data: a serialised onnx.TensorProto (.pb). Throws CompileError.
ConstantPtr read_tensor_file(const std::string& path);

// The graph of a model file after the passes, as a table. Throws CompileError.
std::string inspect_graph(const std::string& path, const CompileOptions& options);

}  // namespace sz::compiler
