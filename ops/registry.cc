// The table of all operators.
#include <array>

#include "ops/conv/conv.h"
#include "ops/elementwise/elementwise.h"
#include "ops/fully_connected/fully_connected.h"
#include "ops/layout/layout.h"
#include "ops/movement/indexed.h"
#include "ops/movement/interpolate.h"
#include "ops/movement/sample.h"
#include "ops/movement/select.h"
#include "ops/movement/strided_copy.h"
#include "ops/matmul/matmul.h"
#include "ops/normalize/lrn.h"
#include "ops/normalize/normalize.h"
#include "ops/operator.h"
#include "ops/pool/pool.h"
#include "ops/reduction/reduction.h"
#include "ops/recurrent/recurrent.h"
#include "ops/quantized/convert.h"
#include "ops/quantized/qbinary.h"
#include "ops/quantized/qconv.h"
#include "ops/quantized/qmatmul.h"
#include "ops/quantized/qpool.h"
#include "ops/quantized/qsoftmax.h"
#include "ops/softmax/softmax.h"
#include "ops/transformer/attention.h"
#include "ops/transformer/rotary.h"
#include "ops/transformer/embedding.h"
#include "ops/transformer/linear.h"
#include "ops/transformer/rows.h"
#include "ops/winograd/winograd.h"

namespace sz::ops {
namespace {

std::uint64_t no_scratch(const Step&) { return 0; }

// Reads and writes every element about once.
std::uint64_t move_cost(const Step& step) { return step.outputs[0]->elements() * 8; }

// code, min_inputs, max_inputs, outputs, in_place, check, scratch_bytes, cost, run
constexpr Operator kOperators[] = {
    {OpCode::kConv2d, 2, 3, 1, false, check_conv2d, conv2d_scratch, conv2d_cost, run_conv2d},
    {OpCode::kFullyConnected, 2, 2, 1, false, check_fully_connected, fully_connected_scratch,
     fully_connected_cost, run_fully_connected},
    {OpCode::kPool2d, 1, 1, 1, false, check_pool2d, no_scratch, pool2d_cost, run_pool2d},
    {OpCode::kGlobalAveragePool, 1, 1, 1, false, check_global_average_pool, no_scratch,
     global_average_pool_cost, run_global_average_pool},
    {OpCode::kUnary, 1, 1, 1, true, check_unary, no_scratch, unary_cost, run_unary},
    {OpCode::kBinary, 2, 2, 1, true, check_binary, no_scratch, move_cost, run_binary},
    {OpCode::kSoftmax, 1, 1, 1, true, check_softmax, softmax_scratch, softmax_cost, run_softmax},
    {OpCode::kCopy, 1, 1, 1, false, check_copy, no_scratch, move_cost, run_copy},
    {OpCode::kTranspose, 1, 1, 1, false, check_transpose, no_scratch, move_cost, run_transpose},
    {OpCode::kUpsample, 1, 1, 1, false, check_upsample, no_scratch, move_cost, run_upsample},
    {OpCode::kConvWinograd, 2, 3, 1, false, check_winograd, winograd_scratch, winograd_cost,
     run_winograd},
    {OpCode::kWhere, 3, 3, 1, false, check_where, no_scratch, move_cost, run_where},
    {OpCode::kCast, 1, 1, 1, false, check_cast, no_scratch, move_cost, run_cast},
    {OpCode::kReduce, 1, 1, 1, false, check_reduce, no_scratch, reduce_cost, run_reduce},
    {OpCode::kArg, 1, 1, 1, false, check_arg, no_scratch, reduce_cost, run_arg},
    {OpCode::kCumulativeSum, 1, 1, 1, false, check_cumulative_sum, no_scratch, reduce_cost,
     run_cumulative_sum},
    {OpCode::kStridedCopy, 1, 1, 1, false, check_strided_copy, no_scratch, move_cost,
     run_strided_copy},
    {OpCode::kGather, 2, 2, 1, false, check_gather, no_scratch, move_cost, run_gather},
    {OpCode::kScatter, 3, 3, 1, true, check_scatter, no_scratch, move_cost, run_scatter},
    {OpCode::kTopK, 1, 1, 1, false, check_top_k, top_k_scratch, top_k_cost, run_top_k},
    {OpCode::kOneHot, 2, 2, 1, false, check_one_hot, no_scratch, move_cost, run_one_hot},
    {OpCode::kTriangle, 1, 1, 1, true, check_triangle, no_scratch, move_cost, run_triangle},
    {OpCode::kInterpolate, 3, 3, 1, false, check_interpolate, no_scratch, interpolate_cost,
     run_interpolate},
    {OpCode::kGridSample, 2, 2, 1, false, check_grid_sample, no_scratch, grid_sample_cost,
     run_grid_sample},
    {OpCode::kRoiAlign, 3, 3, 1, false, check_roi_align, no_scratch, roi_align_cost,
     run_roi_align},
    {OpCode::kMatMul, 2, 2, 1, false, check_matmul, matmul_scratch, matmul_cost, run_matmul},
    {OpCode::kNormalize, 1, 3, 1, false, check_normalize, no_scratch, normalize_cost,
     run_normalize},
    {OpCode::kLrn, 1, 1, 1, false, check_lrn, lrn_scratch, lrn_cost, run_lrn},
    {OpCode::kRecurrent, 2, 5, 1, false, check_recurrent, recurrent_scratch, recurrent_cost,
     run_recurrent},
    {OpCode::kQuantize, 1, 3, 1, false, check_quantize, no_scratch, convert_cost, run_quantize},
    {OpCode::kDequantize, 1, 3, 1, false, check_dequantize, no_scratch, convert_cost,
     run_dequantize},
    {OpCode::kRequantize, 1, 1, 1, false, check_requantize, no_scratch, convert_cost,
     run_requantize},
    {OpCode::kLookup, 2, 2, 1, false, check_lookup, no_scratch, convert_cost, run_lookup},
    {OpCode::kQConv2d, 2, 2, 1, false, check_qconv2d, qconv2d_scratch, qconv2d_cost, run_qconv2d},
    {OpCode::kQFullyConnected, 2, 2, 1, false, check_qfully_connected, qfully_connected_scratch,
     qfully_connected_cost, run_qfully_connected},
    {OpCode::kQBinary, 2, 2, 1, false, check_qbinary, no_scratch, qbinary_cost, run_qbinary},
    {OpCode::kQPool2d, 1, 1, 1, false, check_qpool2d, no_scratch, qpool2d_cost, run_qpool2d},
    {OpCode::kQGlobalAveragePool, 1, 1, 1, false, check_qglobal_average_pool, no_scratch,
     qglobal_average_pool_cost, run_qglobal_average_pool},
    {OpCode::kQSoftmax, 2, 2, 1, false, check_qsoftmax, no_scratch, qsoftmax_cost, run_qsoftmax},
    {OpCode::kQMatMul, 2, 4, 1, false, check_qmatmul, qmatmul_scratch, qmatmul_cost, run_qmatmul},
    {OpCode::kDynamicQuantize, 1, 1, 3, false, check_dynamic_quantize, no_scratch, convert_cost,
     run_dynamic_quantize},
    {OpCode::kRotary, 2, 2, 3, false, check_rotary, rotary_scratch, rotary_cost, run_rotary},
    {OpCode::kAttention, 3, 3, 1, false, check_attention, attention_scratch, attention_cost,
     run_attention},
    {OpCode::kEmbedding, 2, 2, 1, false, check_embedding, no_scratch, embedding_cost,
     run_embedding},
    {OpCode::kRmsNorm, 2, 2, 1, false, check_rms_norm, no_scratch, rms_norm_cost, run_rms_norm, 4},
    {OpCode::kQuantizeRows, 1, 1, 1, false, check_quantize_rows, no_scratch, rms_norm_cost,
     run_quantize_rows, 4},
    {OpCode::kLinear, 2, 3, 1, false, check_linear, linear_scratch, linear_cost, run_linear, 4},
};

// Code to place in the table, from 1; 0: there is none. Small language models spend a good part of a
// token on looking up steps.
constexpr std::size_t kCodes = 128;
constexpr auto kPlaces = [] {
  std::array<std::uint8_t, kCodes> places{};
  std::uint8_t place = 0;
  for (const Operator& op : kOperators) places[static_cast<std::size_t>(op.code)] = ++place;
  return places;
}();

}  // namespace

const Operator* find_operator(std::uint16_t code) {
  if (code >= kCodes || kPlaces[code] == 0) return nullptr;
  return &kOperators[kPlaces[code] - 1];
}

std::span<const Operator> all_operators() { return kOperators; }

std::size_t RunContext::wanted_chunks() const {
  // So many chunks for each worker leave little waiting for the last one; smaller ones than this
  // are not worth the claiming.
  constexpr std::size_t kChunksForEach = 16;
  constexpr std::uint64_t kCostOfChunk = kCostToShare / 4;
  const std::size_t most = kChunksForEach * workers.count();
  if (workers.count() == 1 || !worth_sharing(cost)) return 1;
  return cost / kCostOfChunk < most ? static_cast<std::size_t>(cost / kCostOfChunk) : most;
}

}  // namespace sz::ops
