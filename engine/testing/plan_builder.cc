#include "engine/testing/plan_builder.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>

#include "base/checked.h"
#include "ops/reduction/attributes.h"
#include "ops/winograd/pack.h"
#include "package/package_file.h"

namespace sz::engine::testing {
namespace {

using package::EntryRecord;
using package::kTensorAlignment;
using package::PlanHeader;
using package::RegionKind;
using package::StepRecord;
using package::TensorRecord;

// Enough for the vector kernels of the small plans made here.
constexpr std::uint64_t kScratchBytes = 16384;

template <typename T>
void append(std::vector<std::byte>& bytes, std::span<const T> records) {
  const std::size_t end = bytes.size();
  bytes.resize(end + records.size_bytes());
  if (!records.empty()) std::memcpy(bytes.data() + end, records.data(), records.size_bytes());
}

template <typename T>
std::size_t read(const std::byte* from, std::uint32_t count, std::vector<T>& records) {
  records.resize(count);
  if (count > 0) std::memcpy(records.data(), from, count * sizeof(T));
  return count * sizeof(T);
}

std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  std::minstd_rand random(seed + 1);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() % 1024) / 1024.0f - 0.5f;
  return values;
}

void demand(bool condition, const char* what) {
  if (!condition) throw std::logic_error(what);
}

std::uint32_t size_of(const auto& table) { return static_cast<std::uint32_t>(table.size()); }

}  // namespace

PlanTables::PlanTables() : header{} {
  header.magic = package::kPlanMagic;
  header.version = package::kPlanVersion;
}

std::vector<std::byte> PlanTables::encode() const {
  PlanHeader sized = header;
  sized.tensor_count = size_of(tensors);
  sized.step_count = size_of(steps);
  sized.entry_count = size_of(entries);
  sized.operand_count = size_of(operands);
  sized.attribute_count = size_of(attributes);
  sized.language_count = size_of(language);
  std::vector<std::byte> plan;
  append(plan, std::span<const PlanHeader>(&sized, 1));
  append(plan, std::span(tensors));
  append(plan, std::span(steps));
  append(plan, std::span(entries));
  append(plan, std::span(language));
  append(plan, std::span(operands));
  append(plan, std::span(attributes));
  reseal(plan);
  return plan;
}

std::optional<PlanTables> PlanTables::decode(ByteSpan plan) {
  PlanTables tables;
  if (plan.size() < sizeof(PlanHeader)) return {};
  std::memcpy(&tables.header, plan.data(), sizeof(PlanHeader));
  std::uint64_t size = 0;
  if (!package::plan_size(tables.header, &size).ok() || size != plan.size()) return {};
  const std::byte* at = plan.data() + sizeof(PlanHeader);
  at += read(at, tables.header.tensor_count, tables.tensors);
  at += read(at, tables.header.step_count, tables.steps);
  at += read(at, tables.header.entry_count, tables.entries);
  at += read(at, tables.header.language_count, tables.language);
  at += read(at, tables.header.operand_count, tables.operands);
  read(at, tables.header.attribute_count, tables.attributes);
  return tables;
}

void reseal(std::span<std::byte> plan) {
  if (plan.size() < sizeof(PlanHeader)) return;
  constexpr std::size_t kDigest = offsetof(PlanHeader, sha256);
  const auto digest = package::sha256_of(plan.subspan(kDigest + sizeof(PlanHeader::sha256)));
  std::memcpy(plan.data() + kDigest, digest.data(), digest.size());
}

std::uint32_t PlanBuilder::add_tensor(RegionKind region, std::uint64_t offset, Dims dims,
                                      std::uint32_t pitch, DType dtype) {
  demand(dims.size() <= kMaxRank, "too many dimensions");
  TensorRecord record{};
  record.offset = offset;
  record.dims.fill(1);
  std::copy(dims.begin(), dims.end(), record.dims.begin());
  record.pitch = dims.size() == 0 ? 1 : std::data(dims)[dims.size() - 1];
  if (pitch != 0) record.pitch = pitch;
  record.dtype = static_cast<std::uint8_t>(dtype);
  record.rank = static_cast<std::uint8_t>(dims.size());
  record.region = static_cast<std::uint8_t>(region);

  TensorView view;
  view.dims = record.dims;
  view.pitch = record.pitch;
  view.dtype = dtype;
  view.rank = record.rank;
  PlanHeader& header = tables.header;
  std::uint64_t& end = region == RegionKind::kWeights ? header.weights_bytes
                       : region == RegionKind::kArena ? header.arena_bytes
                                                      : header.state_bytes;
  end = std::max(end, offset + view.footprint());
  tables.tensors.push_back(record);
  return size_of(tables.tensors) - 1;
}

std::uint32_t PlanBuilder::arena(Dims dims) {
  return arena_at(align_up(tables.header.arena_bytes, kTensorAlignment), dims);
}

std::uint32_t PlanBuilder::arena_at(std::uint64_t offset, Dims dims, std::uint32_t pitch) {
  return add_tensor(RegionKind::kArena, offset, dims, pitch);
}

std::uint32_t PlanBuilder::slice(std::uint32_t whole, std::uint32_t begin, std::uint32_t channels) {
  TensorRecord record = tables.tensors.at(whole);
  record.offset += begin * sizeof(float);
  record.dims.at(record.rank - 1u) = channels;
  tables.tensors.push_back(record);
  return size_of(tables.tensors) - 1;
}

std::uint32_t PlanBuilder::constant(Dims dims, std::span<const float> values) {
  const std::uint64_t offset = align_up(weights_.size(), kTensorAlignment);
  const std::uint32_t tensor = add_tensor(RegionKind::kWeights, offset, dims, 0);
  weights_.resize(offset);
  append(weights_, values);
  demand(weights_.size() == tables.header.weights_bytes, "values do not fit the shape");
  return tensor;
}

std::uint32_t PlanBuilder::constant_bytes(Dims dims, ByteSpan values) {
  const std::uint64_t offset = align_up(weights_.size(), kTensorAlignment);
  const std::uint32_t tensor = add_tensor(RegionKind::kWeights, offset, dims, 0, DType::kU8);
  weights_.resize(offset);
  append(weights_, values);
  demand(weights_.size() == tables.header.weights_bytes, "bytes do not fit the shape");
  return tensor;
}

std::uint32_t PlanBuilder::state(Dims dims) {
  const std::uint64_t offset = align_up(tables.header.state_bytes, kTensorAlignment);
  return add_tensor(RegionKind::kState, offset, dims, 0, DType::kU8);
}

std::uint32_t PlanBuilder::conv_weights(const ops::ConvWeightShape& shape, std::uint32_t seed) {
  const std::size_t count =
      std::size_t{shape.outputs} * (shape.inputs / shape.groups) * shape.kernel_h * shape.kernel_w;
  std::vector<float> packed(ops::packed_conv2d_elements(shape).value());
  demand(ops::pack_conv2d(random_values(count, seed), random_values(shape.outputs, seed + 1), shape,
                          packed),
         "weights do not pack");
  return constant({size_of(packed)}, packed);
}

std::uint32_t PlanBuilder::fully_connected_weights(std::uint32_t outputs, std::uint32_t inputs,
                                                   std::uint32_t seed) {
  std::vector<float> packed(ops::packed_elements(outputs, inputs).value());
  demand(ops::pack_fully_connected(random_values(std::size_t{outputs} * inputs, seed),
                                   random_values(outputs, seed + 1), outputs, inputs, packed),
         "weights do not pack");
  return constant({size_of(packed)}, packed);
}

std::uint32_t PlanBuilder::step_words(std::uint16_t op, Tensors inputs, Tensors outputs,
                                      std::span<const std::uint32_t> attributes) {
  StepRecord record{};
  record.op = op;
  record.kernel = static_cast<std::uint16_t>(kernel);
  record.input_count = static_cast<std::uint16_t>(inputs.size());
  record.output_count = static_cast<std::uint16_t>(outputs.size());
  record.operand_begin = size_of(tables.operands);
  record.attribute_begin = size_of(tables.attributes);
  record.attribute_count = size_of(attributes);
  tables.operands.insert(tables.operands.end(), inputs);
  tables.operands.insert(tables.operands.end(), outputs);
  tables.attributes.insert(tables.attributes.end(), attributes.begin(), attributes.end());
  tables.steps.push_back(record);
  return size_of(tables.steps) - 1;
}

std::uint32_t PlanBuilder::entry(Tensors inputs, Tensors outputs, package::EntryKind kind) {
  EntryRecord record{};
  record.kind = static_cast<std::uint32_t>(kind);
  for (const EntryRecord& before : tables.entries) record.step_begin += before.step_count;
  record.step_count = size_of(tables.steps) - record.step_begin;
  record.operand_begin = size_of(tables.operands);
  record.input_count = size_of(inputs);
  record.output_count = size_of(outputs);
  tables.operands.insert(tables.operands.end(), inputs);
  tables.operands.insert(tables.operands.end(), outputs);
  tables.entries.push_back(record);
  return size_of(tables.entries) - 1;
}

void PlanBuilder::language(package::LanguageRecord record, ByteSpan tokenizer) {
  record.tokenizer_offset = align_up(weights_.size(), kTensorAlignment);
  record.tokenizer_bytes = tokenizer.size();
  weights_.resize(record.tokenizer_offset);
  append(weights_, tokenizer);
  tables.header.weights_bytes = weights_.size();
  tables.language = {record};
}

TestPlan PlanBuilder::finish() const {
  PlanTables sealed = tables;
  sealed.header.weights_sha256 = package::sha256_of(weights_);
  return {.plan = sealed.encode(), .weights = weights_};
}

SequencePlan sequence_plan(ops::Kernel kernel) {
  SequencePlan plan;
  PlanBuilder& b = plan.builder;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = kScratchBytes;
  const float infinity = __builtin_inff();

  plan.image = b.arena({1, 6, 6, 3});
  plan.conv_weights = b.conv_weights({.inputs = 3, .outputs = 8, .kernel_h = 3, .kernel_w = 3}, 1);
  plan.features = b.arena({1, 6, 6, 8});
  ops::Conv2dAttributes conv;
  conv.window = {.kernel_h = 3, .kernel_w = 3};
  conv.window.pad_top = conv.window.pad_left = 1;
  conv.window.pad_bottom = conv.window.pad_right = 1;
  conv.activation.clamp = {0.0f, infinity};
  plan.conv = b.step(ops::OpCode::kConv2d, {plan.image, plan.conv_weights}, {plan.features}, conv);

  // The image is no longer needed: its place is taken by what follows.
  const std::uint64_t reused = b.tables.tensors[plan.image].offset;
  plan.pooled = b.arena_at(reused, {1, 3, 3, 8});
  ops::Pool2dAttributes pool;
  pool.window = {.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};
  plan.pool = b.step(ops::OpCode::kPool2d, {plan.features}, {plan.pooled}, pool);

  plan.flat = b.arena_at(reused, {1, 72});  // the same bytes in another shape
  plan.dense_weights = b.fully_connected_weights(5, 72, 2);
  plan.scores = b.arena({1, 5});
  plan.fully_connected = b.step(ops::OpCode::kFullyConnected, {plan.flat, plan.dense_weights},
                                {plan.scores}, ops::FullyConnectedAttributes{});

  plan.result = b.arena({1, 5});
  plan.softmax = b.step(ops::OpCode::kSoftmax, {plan.scores}, {plan.result});
  b.entry({plan.image}, {plan.result});
  return plan;
}

BranchesPlan branches_plan(ops::Kernel kernel) {
  BranchesPlan plan;
  PlanBuilder& b = plan.builder;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = kScratchBytes;

  plan.image = b.arena({1, 4, 4, 4});
  plan.joined = b.arena({1, 4, 4, 10});
  plan.left = b.slice(plan.joined, 0, 4);
  plan.right = b.slice(plan.joined, 4, 6);
  plan.left_weights = b.conv_weights({.inputs = 4, .outputs = 4}, 3);
  plan.right_weights =
      b.conv_weights({.inputs = 4, .outputs = 6, .groups = 2, .kernel_h = 3, .kernel_w = 3}, 4);
  plan.conv_left = b.step(ops::OpCode::kConv2d, {plan.image, plan.left_weights}, {plan.left},
                          ops::Conv2dAttributes{});
  ops::Conv2dAttributes grouped;
  grouped.window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1};
  grouped.window.pad_bottom = grouped.window.pad_right = 1;
  grouped.groups = 2;
  plan.conv_right =
      b.step(ops::OpCode::kConv2d, {plan.image, plan.right_weights}, {plan.right}, grouped);

  plan.bias = b.constant({1, 1, 1, 10}, random_values(10, 5));
  plan.add = b.step(ops::OpCode::kBinary, {plan.joined, plan.bias}, {plan.joined},
                    ops::BinaryAttributes{});
  plan.turned = b.arena({1, 10, 4, 4});
  plan.transpose = b.step(ops::OpCode::kTranspose, {plan.joined}, {plan.turned},
                          ops::TransposeAttributes{{0, 3, 1, 2, 0, 0}});
  plan.mean = b.arena({1, 1, 1, 4});
  plan.average = b.step(ops::OpCode::kGlobalAveragePool, {plan.turned}, {plan.mean});
  b.step(ops::OpCode::kUnary, {plan.mean}, {plan.mean},
         ops::UnaryAttributes{ops::UnaryKind::kClamp, {-1.0f, 1.0f}});
  plan.result = b.arena({1, 1, 1, 4});
  plan.copy = b.step(ops::OpCode::kCopy, {plan.mean}, {plan.result});
  b.entry({plan.image}, {plan.result});
  return plan;
}

PlanBuilder convolutions_plan(ops::Kernel kernel) {
  PlanBuilder b;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = kScratchBytes;
  const auto image = b.arena({1, 7, 7, 20});
  const auto filtered = b.arena({1, 7, 7, 20});
  const auto mixed = b.arena({1, 3, 3, 36});
  const auto spread = b.arena({1, 3, 3, 20});
  const auto result = b.arena({1, 2, 2, 20});

  ops::Conv2dAttributes depthwise;
  depthwise.window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1};
  depthwise.window.pad_bottom = depthwise.window.pad_right = 1;
  depthwise.groups = 20;
  const auto w1 =
      b.conv_weights({.inputs = 20, .outputs = 20, .groups = 20, .kernel_h = 3, .kernel_w = 3}, 6);
  b.step(ops::OpCode::kConv2d, {image, w1}, {filtered}, depthwise);

  ops::Conv2dAttributes strided;
  strided.window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2};
  const auto w2 = b.conv_weights({.inputs = 20, .outputs = 36, .kernel_h = 3, .kernel_w = 3}, 7);
  b.step(ops::OpCode::kConv2d, {filtered, w2}, {mixed}, strided);

  ops::Conv2dAttributes dilated;
  dilated.window = {.kernel_h = 2, .kernel_w = 2, .dilation_h = 2, .dilation_w = 2};
  dilated.window.pad_top = dilated.window.pad_left = 1;
  dilated.window.pad_bottom = dilated.window.pad_right = 1;
  const auto w3 = b.conv_weights({.inputs = 36, .outputs = 20, .kernel_h = 2, .kernel_w = 2}, 8);
  b.step(ops::OpCode::kConv2d, {mixed, w3}, {spread}, dilated);

  ops::Pool2dAttributes pool;
  pool.window = {.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};
  pool.window.pad_bottom = pool.window.pad_right = 1;
  pool.kind = ops::PoolKind::kAverage;
  b.step(ops::OpCode::kPool2d, {spread}, {result}, pool);
  b.entry({image}, {result});
  return b;
}

PlanBuilder residuals_plan(ops::Kernel kernel) {
  PlanBuilder b;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = 2 * kScratchBytes;
  const auto image = b.arena({1, 5, 4, 6});
  const auto middle = b.arena({1, 5, 4, 6});
  const auto result = b.arena({1, 5, 4, 6});
  std::vector<float> packed(ops::packed_winograd_elements(6, 6).value());
  demand(ops::pack_winograd(random_values(6 * 6 * 9, 9), random_values(6, 10), 6, 6, packed),
         "weights do not pack");
  const auto w1 = b.constant({size_of(packed)}, packed);
  b.step(ops::OpCode::kConvWinograd, {image, w1, image}, {middle},
         ops::WinogradAttributes{1, 1, 1, 1, {{}, 0.125f}});
  const auto w2 = b.conv_weights({.inputs = 6, .outputs = 6}, 11);
  ops::Conv2dAttributes plain;
  plain.activation.slope = 0.25f;
  b.step(ops::OpCode::kConv2d, {middle, w2, image}, {result}, plain);
  b.entry({image}, {result});
  return b;
}

PlanBuilder enlarging_plan(ops::Kernel kernel) {
  PlanBuilder b;
  b.kernel = kernel;
  const auto image = b.arena({1, 3, 2, 5});
  const auto result = b.arena({1, 6, 6, 5});
  b.step(ops::OpCode::kUnary, {image}, {image}, ops::LeakyReluAttributes{});
  b.step(ops::OpCode::kUpsample, {image}, {result}, ops::UpsampleAttributes{2, 3});
  b.entry({image}, {result});
  return b;
}

PlanBuilder functions_plan(ops::Kernel kernel) {
  PlanBuilder b;
  b.kernel = kernel;
  b.tables.header.scratch_bytes = kScratchBytes;
  const auto image = b.arena({1, 3, 4, 5});
  const auto bent = b.arena({1, 3, 4, 5});
  const auto smaller = b.arena({1, 3, 4, 5});
  b.tables.tensors[smaller].dtype = static_cast<std::uint8_t>(DType::kBool);
  const auto chosen = b.arena({1, 3, 4, 5});
  const auto mean = b.arena({1, 1, 1, 5});
  const auto result = b.arena({1, 1, 1, 5});
  const auto places = b.arena({1, 3, 4, 2});  // room for i64
  auto& record = b.tables.tensors[places];
  record.dtype = static_cast<std::uint8_t>(DType::kI64);
  record.dims[3] = record.pitch = 1;
  const auto numbers = b.arena({1, 3, 4, 1});
  const auto sums = b.arena({1, 3, 4, 1});
  b.step(ops::OpCode::kUnary, {image}, {bent},
         ops::ActivationAttributes{ops::UnaryKind::kTanh, 0, 0});
  b.step(ops::OpCode::kBinary, {bent, image}, {smaller},
         ops::BinaryAttributes{ops::BinaryKind::kLess, {}});
  b.step(ops::OpCode::kWhere, {smaller, bent, image}, {chosen});
  b.step(ops::OpCode::kReduce, {chosen}, {mean},
         ops::ReduceAttributes{ops::ReduceKind::kMean, 1, 3, 12});
  b.step(ops::OpCode::kSoftmax, {mean}, {result}, ops::SoftmaxAttributes{1});
  b.step(ops::OpCode::kArg, {chosen}, {places}, ops::ArgAttributes{3, 0, 1});
  b.step(ops::OpCode::kCast, {places}, {numbers});
  b.step(ops::OpCode::kCumulativeSum, {numbers}, {sums}, ops::CumulativeSumAttributes{2, 0, 1});
  b.entry({image}, {result, sums});
  return b;
}

}  // namespace sz::engine::testing
