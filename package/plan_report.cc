#include "package/plan_report.h"

#include <algorithm>
#include <cstring>
#include <iomanip>
#include <sstream>
#include <vector>

#include "base/status_text.h"
#include "ops/operator.h"
#include "package/package_file.h"
#include "package/plan_format.h"
#include "package/plan_reader.h"
#include "tensor/tensor.h"

namespace sz::package {
namespace {

// A copy of the plan, aligned as the reader wants it, and its tables.
class ParsedPlan {
 public:
  explicit ParsedPlan(std::span<const std::byte> bytes)
      : copy_((bytes.size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) + 1) {
    std::memcpy(copy_.data(), bytes.data(), bytes.size());
    const auto aligned = std::as_bytes(std::span(copy_)).first(bytes.size());
    const Failure failure = PlanView::parse(aligned, sha256_host, &view_);
    if (failure.ok()) return;
    throw PlanReportError(
        "the plan cannot be read: " +
        status_sentence(static_cast<std::uint32_t>(failure.status), failure.detail));
  }
  const PlanView& operator*() const { return view_; }
  const PlanView* operator->() const { return &view_; }

 private:
  std::vector<std::uint64_t> copy_;
  PlanView view_;
};

// A part of a table; shorter where the plan points outside it.
template <typename T>
std::span<const T> part(std::span<const T> table, std::uint64_t begin, std::uint64_t count) {
  if (begin > table.size()) return {};
  return table.subspan(begin, std::min<std::uint64_t>(count, table.size() - begin));
}

const char* dtype_name(std::uint8_t dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::kF32:
      return "f32";
    case DType::kI8:
      return "i8";
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kI64:
      return "i64";
    case DType::kBool:
      return "bool";
  }
  return "?";
}

const char* region_name(std::uint8_t region) {
  switch (static_cast<RegionKind>(region)) {
    case RegionKind::kWeights:
      return "weights";
    case RegionKind::kArena:
      return "arena";
    case RegionKind::kState:
      return "state";
  }
  return "?";
}

const char* entry_name(std::uint32_t kind) {
  switch (static_cast<EntryKind>(kind)) {
    case EntryKind::kRun:
      return "run";
    case EntryKind::kPrefill:
      return "prefill";
    case EntryKind::kDecode:
      return "decode";
  }
  return "?";
}

std::span<const std::uint32_t> dims_of(const TensorRecord& tensor) {
  return part<std::uint32_t>(tensor.dims, 0, tensor.rank);
}

std::string shape_text(const TensorRecord& tensor) {
  std::string text;
  for (const std::uint32_t dim : dims_of(tensor)) {
    text += (text.empty() ? "" : "x") + std::to_string(dim);
  }
  if (text.empty()) text = "scalar";
  const auto dims = dims_of(tensor);
  if (!dims.empty() && tensor.pitch != dims.back()) text += '/' + std::to_string(tensor.pitch);
  return text;
}

std::string operand_text(const PlanView& plan, std::uint32_t operand) {
  if (operand == kNoTensor) return "-";
  std::string text = "t" + std::to_string(operand);
  if (operand < plan.tensors().size()) {
    text += '[' + shape_text(plan.tensors()[operand]) + ']';
  }
  return text;
}

std::string operands_text(const PlanView& plan, std::span<const std::uint32_t> operands) {
  std::string text;
  for (const std::uint32_t operand : operands) {
    text += (text.empty() ? "" : ", ") + operand_text(plan, operand);
  }
  return text;
}

std::string list(std::span<const std::uint32_t> numbers, bool operands) {
  std::string text = "[";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i) text += ", ";
    text += operands && numbers[i] == kNoTensor ? "null" : std::to_string(numbers[i]);
  }
  return text + ']';
}

std::string hex(const Sha256Digest& digest) {
  std::ostringstream out;
  out << std::hex << std::setfill('0');
  for (const std::uint8_t byte : digest) out << std::setw(2) << unsigned{byte};
  return out.str();
}

void json_tensors(const PlanView& plan, std::ostream& out) {
  out << "  \"tensors\": [";
  for (std::size_t i = 0; i < plan.tensors().size(); ++i) {
    const TensorRecord& tensor = plan.tensors()[i];
    out << (i ? ",\n    " : "\n    ") << "{\"region\": \"" << region_name(tensor.region)
        << "\", \"offset\": " << tensor.offset << ", \"dtype\": \"" << dtype_name(tensor.dtype)
        << "\", \"dims\": " << list(dims_of(tensor), false) << ", \"pitch\": " << tensor.pitch
        << '}';
  }
  out << "\n  ],\n";
}

void json_steps(const PlanView& plan, std::ostream& out) {
  out << "  \"steps\": [";
  for (std::size_t i = 0; i < plan.steps().size(); ++i) {
    const StepRecord& step = plan.steps()[i];
    const std::uint64_t begin = step.operand_begin;
    out << (i ? ",\n    " : "\n    ") << "{\"op\": \"" << operator_name(step.op)
        << "\", \"kernel\": \"" << kernel_name(step.kernel)
        << "\", \"inputs\": " << list(part(plan.operands(), begin, step.input_count), true)
        << ", \"outputs\": "
        << list(part(plan.operands(), begin + step.input_count, step.output_count), true)
        << ", \"attributes\": "
        << list(part(plan.attributes(), step.attribute_begin, step.attribute_count), false) << '}';
  }
  out << "\n  ],\n";
}

}  // namespace

std::string_view operator_name(std::uint16_t op) {
  switch (static_cast<ops::OpCode>(op)) {
    case ops::OpCode::kConv2d:
      return "Conv2d";
    case ops::OpCode::kFullyConnected:
      return "FullyConnected";
    case ops::OpCode::kPool2d:
      return "Pool2d";
    case ops::OpCode::kGlobalAveragePool:
      return "GlobalAveragePool";
    case ops::OpCode::kUnary:
      return "Unary";
    case ops::OpCode::kBinary:
      return "Binary";
    case ops::OpCode::kSoftmax:
      return "Softmax";
    case ops::OpCode::kCopy:
      return "Copy";
    case ops::OpCode::kTranspose:
      return "Transpose";
    case ops::OpCode::kUpsample:
      return "Upsample";
    case ops::OpCode::kEmbedding:
      return "Embedding";
    case ops::OpCode::kRmsNorm:
      return "RmsNorm";
    case ops::OpCode::kQuantizeRows:
      return "QuantizeRows";
    case ops::OpCode::kLinear:
      return "Linear";
    case ops::OpCode::kRotary:
      return "Rotary";
    case ops::OpCode::kAttention:
      return "Attention";
    case ops::OpCode::kConvWinograd:
      return "ConvWinograd";
    case ops::OpCode::kWhere:
      return "Where";
    case ops::OpCode::kCast:
      return "Cast";
    case ops::OpCode::kReduce:
      return "Reduce";
    case ops::OpCode::kArg:
      return "Arg";
    case ops::OpCode::kCumulativeSum:
      return "CumulativeSum";
    case ops::OpCode::kStridedCopy:
      return "StridedCopy";
    case ops::OpCode::kGather:
      return "Gather";
    case ops::OpCode::kScatter:
      return "Scatter";
    case ops::OpCode::kTopK:
      return "TopK";
    case ops::OpCode::kOneHot:
      return "OneHot";
    case ops::OpCode::kTriangle:
      return "Triangle";
    case ops::OpCode::kInterpolate:
      return "Interpolate";
    case ops::OpCode::kGridSample:
      return "GridSample";
    case ops::OpCode::kRoiAlign:
      return "RoiAlign";
    case ops::OpCode::kMatMul:
      return "MatMul";
    case ops::OpCode::kNormalize:
      return "Normalize";
    case ops::OpCode::kLrn:
      return "Lrn";
    case ops::OpCode::kRecurrent:
      return "Recurrent";
    case ops::OpCode::kQuantize:
      return "Quantize";
    case ops::OpCode::kDequantize:
      return "Dequantize";
    case ops::OpCode::kRequantize:
      return "Requantize";
    case ops::OpCode::kQConv2d:
      return "QConv2d";
    case ops::OpCode::kQFullyConnected:
      return "QFullyConnected";
    case ops::OpCode::kQBinary:
      return "QBinary";
    case ops::OpCode::kQPool2d:
      return "QPool2d";
    case ops::OpCode::kQGlobalAveragePool:
      return "QGlobalAveragePool";
    case ops::OpCode::kLookup:
      return "Lookup";
    case ops::OpCode::kQSoftmax:
      return "QSoftmax";
    case ops::OpCode::kQMatMul:
      return "QMatMul";
    case ops::OpCode::kDynamicQuantize:
      return "DynamicQuantize";
  }
  return "?";
}

std::string_view kernel_name(std::uint16_t kernel) {
  switch (static_cast<ops::Kernel>(kernel)) {
    case ops::Kernel::kReference:
      return "reference";
    case ops::Kernel::kVector:
      return "vector";
  }
  return "?";
}

std::string inspect_plan(std::span<const std::byte> bytes) {
  const ParsedPlan plan(bytes);
  const PlanHeader& header = plan->header();
  std::ostringstream out;
  out << "plan version " << header.version << ", " << bytes.size() << " bytes\n"
      << "regions in bytes: weights " << header.weights_bytes << ", arena " << header.arena_bytes
      << ", scratch " << header.scratch_bytes << " for each core";
  if (header.state_bytes != 0) out << ", state " << header.state_bytes;
  if (header.language_bytes != 0) out << ", conversation " << header.language_bytes;
  out << '\n';
  for (const LanguageRecord& language : plan->language()) {
    out << "language model: vocabulary " << language.vocabulary << ", context " << language.context
        << ", prefill of " << language.batch << " tokens at once, tokenizer of "
        << language.tokenizer_bytes << " bytes at " << language.tokenizer_offset
        << " of the weights\n";
  }
  for (const EntryRecord& entry : plan->entries()) {
    const std::uint64_t begin = entry.operand_begin;
    out << "entry '" << entry_name(entry.kind)
        << "': " << operands_text(*plan, part(plan->operands(), begin, entry.input_count)) << " -> "
        << operands_text(*plan,
                         part(plan->operands(), begin + entry.input_count, entry.output_count))
        << ", steps " << entry.step_begin << " to "
        << std::uint64_t{entry.step_begin} + entry.step_count << '\n';
  }
  out << "tensors: number, region, offset, type, dimensions in memory order (/pitch)\n";
  for (std::size_t i = 0; i < plan->tensors().size(); ++i) {
    const TensorRecord& tensor = plan->tensors()[i];
    out << std::setw(6) << "t" + std::to_string(i) << "  " << std::left << std::setw(8)
        << region_name(tensor.region) << std::right << std::setw(10) << tensor.offset << "  "
        << dtype_name(tensor.dtype) << "  " << shape_text(tensor) << '\n';
  }
  out << "steps: number, operator, kernel, inputs -> outputs\n";
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    const StepRecord& step = plan->steps()[i];
    const std::uint64_t begin = step.operand_begin;
    out << std::setw(6) << i << "  " << std::left << std::setw(18) << operator_name(step.op)
        << std::setw(10) << kernel_name(step.kernel) << std::right
        << operands_text(*plan, part(plan->operands(), begin, step.input_count)) << " -> "
        << operands_text(*plan, part(plan->operands(), begin + step.input_count, step.output_count))
        << '\n';
  }
  return out.str();
}

std::string inspect_plan_json(std::span<const std::byte> bytes) {
  const ParsedPlan plan(bytes);
  const PlanHeader& header = plan->header();
  std::ostringstream out;
  out << "{\n  \"version\": " << header.version
      << ",\n  \"weights_bytes\": " << header.weights_bytes
      << ",\n  \"arena_bytes\": " << header.arena_bytes
      << ",\n  \"scratch_bytes\": " << header.scratch_bytes
      << ",\n  \"state_bytes\": " << header.state_bytes
      << ",\n  \"language_bytes\": " << header.language_bytes << ",\n  \"weights_sha256\": \""
      << hex(header.weights_sha256) << "\",\n";
  json_tensors(*plan, out);
  json_steps(*plan, out);
  out << "  \"entries\": [";
  for (std::size_t i = 0; i < plan->entries().size(); ++i) {
    const EntryRecord& entry = plan->entries()[i];
    const std::uint64_t begin = entry.operand_begin;
    out << (i ? ",\n    " : "\n    ") << "{\"kind\": \"" << entry_name(entry.kind)
        << "\", \"steps\": [" << entry.step_begin << ", "
        << std::uint64_t{entry.step_begin} + entry.step_count
        << "], \"inputs\": " << list(part(plan->operands(), begin, entry.input_count), true)
        << ", \"outputs\": "
        << list(part(plan->operands(), begin + entry.input_count, entry.output_count), true) << '}';
  }
  out << "\n  ]\n}\n";
  return out.str();
}

}  // namespace sz::package
